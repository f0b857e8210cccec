"""What generated slices are worth to a classifier."""

from mrigen.evaluation.catalogue.metric import Metric

METRICS = (
    Metric(
        "useful_real",
        "Learned from real slices",
        "Balanced accuracy, on real test subjects, of a small classifier that learned from real "
        "training slices; it is the same for every generator.",
        "higher",
        "usefulness",
        3,
    ),
    Metric(
        "useful_synthetic",
        "Learned from generated slices",
        "The same for one that learned from generated slices alone, labelled by what the network "
        "was told of them, or else by the classifier of real slices.",
        "higher",
        "usefulness",
        3,
    ),
    Metric(
        "useful_both",
        "Learned from both",
        "The same for one that learned from real slices and as many generated ones.",
        "higher",
        "usefulness",
        3,
    ),
    Metric(
        "useful_gain",
        "Gain by generated slices",
        "What adding generated slices to real ones adds to the balanced accuracy; above 0 by "
        "more than its interval, they are worth adding.",
        "higher",
        "usefulness",
        3,
    ),
    Metric(
        "told_apart",
        "Told from real",
        "How often a small classifier tells a generated slice from a real one; 0.5 is guessing, "
        "1 is always.",
        "lower",
        "usefulness",
        3,
    ),
    Metric(
        "told_apart_of_real",
        "Real told from real",
        "The same for two groups of real people: what chance gives with so few of them.",
        None,
        "usefulness",
        3,
    ),
)
