"""Whether lesions are found."""

from mrigen.evaluation.catalogue.metric import Metric

_KINDS = (
    ("inserted", "inserted lesions", "ellipses of known contrast in test slices"),
    ("labelled", "labelled lesions", "what experts or programs have outlined in test slices"),
)

METRICS: tuple[Metric, ...] = tuple(
    metric
    for kind, label, what in _KINDS
    for metric in (
        Metric(
            f"{kind}_pixel_auroc",
            f"Pixel AUROC, {label}",
            f"How often a pixel of a lesion ({what}) looks more unusual than another of the same "
            "heads; 0.5 is guessing.",
            "higher",
            "anomaly",
            3,
        ),
        Metric(
            f"{kind}_average_precision",
            f"Average precision, {label}",
            "How much of what is called a lesion is one, over all thresholds; guessing reaches "
            "the share of lesions.",
            "higher",
            "anomaly",
            3,
        ),
        Metric(
            f"{kind}_best_dice",
            f"Best Dice, {label}",
            "Overlap of what is found with the lesions at the threshold that suits best, chosen "
            "on the same slices: an upper bound.",
            "higher",
            "anomaly",
            3,
        ),
        Metric(
            f"{kind}_slice_auroc",
            f"Slice AUROC, {label}",
            "How often a slice with a lesion looks more unusual than one without; 0.5 is guessing.",
            "higher",
            "anomaly",
            3,
        ),
        Metric(
            f"{kind}_chance_precision",
            f"Share of pixels, {label}",
            "Share of the heads' pixels that is lesion: the average precision of guessing.",
            None,
            "anomaly",
            3,
        ),
        Metric(
            f"{kind}_slices",
            f"Slices, {label}",
            "Test slices with a lesion.",
            None,
            "anomaly",
            0,
        ),
    )
)
