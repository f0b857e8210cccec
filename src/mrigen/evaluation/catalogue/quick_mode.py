"""What a quick mode costs, beside images drawn in the usual way from the same seeds."""

from mrigen.evaluation.catalogue.metric import Metric

METRICS = (
    Metric(
        "quick_frechet_distance",
        "Fréchet distance, quick",
        "How far the set of slices drawn in the quick mode lies from real test slices.",
        "lower",
        "generation",
        2,
    ),
    Metric(
        "quick_frechet_ratio",
        "Quick over usual distance",
        "How many times as far from real slices the quick mode is as the usual one; 1 costs "
        "nothing.",
        "lower",
        "generation",
        2,
    ),
    Metric(
        "quick_kernel_distance",
        "Kernel distance, quick",
        "The kernel distance of slices drawn in the quick mode; about 0 is no difference from "
        "real ones.",
        "lower",
        "generation",
    ),
    Metric(
        "quick_difference",
        "Quick from usual slices",
        "How far a pixel of a quick slice is from that of the usual slice of the same seed, on "
        "average, from black 0 to white 1.",
        None,
        "generation",
        4,
    ),
)
