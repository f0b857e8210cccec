"""How close generated slices come to real ones."""

from mrigen.evaluation.catalogue.metric import Metric

METRICS = (
    Metric(
        "frechet_distance",
        "Fréchet distance",
        "How far the set of generated slices lies from real test slices.",
        "lower",
        "generation",
        2,
    ),
    Metric(
        "frechet_floor",
        "Its floor",
        "The same distance between real training and real test slices: other real people.",
        None,
        "generation",
        2,
    ),
    Metric(
        "frechet_ratio",
        "Distance over floor",
        "How many times further than other real people; 1 is as good as real.",
        "lower",
        "generation",
        2,
    ),
    Metric(
        "frechet_samples",
        "Images a side",
        "Generated, training and test slices that were compared, as many of each.",
        None,
        "generation",
        0,
    ),
)
