"""How rough generated slices are, one above the other."""

from mrigen.evaluation.catalogue.metric import Metric

METRICS = (
    Metric(
        "stack_roughness_factor",
        "Roughness of stacks, off by",
        "How many times rougher, or smoother, slices of one noise are from neighbour to neighbour "
        "than those of real heads; 1 is as rough as real.",
        "lower",
        "stacks",
        2,
    ),
    Metric(
        "stack_roughness_ratio",
        "Roughness of stacks",
        "Mean second difference along generated stacks over that along real ones: above 1 "
        "neighbours jump, below 1 they are too much alike.",
        None,
        "stacks",
        2,
    ),
    Metric(
        "stack_difference_ratio",
        "Difference of neighbours",
        "Mean difference between neighbouring generated slices over that between real ones: below "
        "1 the anatomy changes too little.",
        None,
        "stacks",
        2,
    ),
)
