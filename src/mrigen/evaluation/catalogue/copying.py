"""Whether generated slices are copies."""

from mrigen.evaluation.catalogue.metric import Metric

METRICS = (
    Metric(
        "copied_share",
        "Copied slices",
        "Share of generated slices nearer to a training subject than slices of other people are.",
        "lower",
        "copying",
        3,
    ),
    Metric(
        "copied_share_of_real",
        "The same of real slices",
        "Share of real test slices that pass for copies by chance, though nobody copied them.",
        None,
        "copying",
        3,
    ),
    Metric(
        "copied_share_excess",
        "Copied beyond chance",
        "How far the lower end of the share of copies, usual, quick or of stacks, lies above that "
        "of real slices; below 0 nothing was shown to be copied.",
        "lower",
        "copying",
        3,
    ),
    Metric(
        "quick_copied_share",
        "Copied slices, quick",
        "The share of copies among the slices of the quick mode.",
        "lower",
        "copying",
        3,
    ),
    Metric(
        "stack_copied_share",
        "Copied slices, stacks",
        "The share of copies among slices drawn as those of a stack are.",
        "lower",
        "copying",
        3,
    ),
    Metric(
        "authenticity",
        "Authenticity",
        "Share of generated slices farther from a training slice than that is from other people.",
        "higher",
        "copying",
        3,
    ),
    Metric(
        "authenticity_of_real",
        "The same of real slices",
        "Authenticity of real test slices: what somebody new reaches.",
        None,
        "copying",
        3,
    ),
    Metric(
        "copy_distance_ratio",
        "Training over test distance",
        "Median distance to training slices over that to test slices: 0 for copies, 1 if new.",
        "higher",
        "copying",
        3,
    ),
    Metric(
        "copy_distance_ratio_of_real",
        "The same of real slices",
        "The same ratio of real test slices, to other subjects.",
        None,
        "copying",
        3,
    ),
)
