"""Whether a network draws what it is asked for."""

from mrigen.evaluation.catalogue.metric import Metric

METRICS = (
    Metric(
        "asked_error",
        "Error of what was asked",
        "How far what is read from a generated slice lies from what was asked for, in mm or years.",
        "lower",
        "conditions",
        2,
    ),
    Metric(
        "asked_error_of_real",
        "The same of real slices",
        "How far the same reader is off in real test slices: less cannot be expected.",
        None,
        "conditions",
        2,
    ),
    Metric(
        "asked_correlation",
        "Correlation with what was asked",
        "How well what is read from generated slices follows what was asked for; 1 is fully.",
        "higher",
        "conditions",
        3,
    ),
    Metric(
        "asked_correlation_of_real",
        "The same of real slices",
        "How well what is read from real test slices follows what is known of them.",
        None,
        "conditions",
        3,
    ),
    Metric(
        "asked_slope",
        "Slope over what was asked",
        "How much of a step in what was asked for is read; to be as large as in real slices.",
        None,
        "conditions",
        2,
    ),
    Metric(
        "asked_slope_of_real",
        "The same of real slices",
        "How much of a difference between real test slices the same reader sees.",
        None,
        "conditions",
        2,
    ),
    Metric(
        "asked_accuracy",
        "Choices drawn as asked",
        "How often the choice that was asked for is read from the slice, every choice counting "
        "the same.",
        "higher",
        "conditions",
        3,
    ),
    Metric(
        "asked_accuracy_of_real",
        "The same of real slices",
        "How often the same reader is right in real test slices.",
        None,
        "conditions",
        3,
    ),
    Metric(
        "ventricle_growth",
        "Growth of ventricles",
        "By how much the ventricles of the same seeds grow with the age that is asked for; to be "
        "as much as in real people.",
        None,
        "conditions",
        1,
        "mm2 a decade",
    ),
    Metric(
        "ventricle_growth_of_real",
        "The same of real people",
        "Slope of the same area over the ages of training and test subjects.",
        None,
        "conditions",
        1,
        "mm2 a decade",
    ),
    Metric(
        "ventricle_growing_share",
        "Seeds whose ventricles grow",
        "Share of seeds with larger ventricles at the oldest age asked for than at the youngest.",
        "higher",
        "conditions",
        3,
    ),
)
