"""How close generated slices come to real ones."""

from typing import Literal

from mrigen.evaluation.catalogue.metric import Metric


def _metric(
    name: str,
    label: str,
    meaning: str,
    better: Literal["higher", "lower"] | None = None,
    digits: int | None = None,
    unit: str = "",
) -> Metric:
    return Metric(name, label, meaning, better, "generation", digits, unit)


METRICS = (
    _metric(
        "frechet_distance",
        "Fréchet distance",
        "How far the set of generated slices lies from real test slices.",
        "lower",
        2,
    ),
    _metric(
        "frechet_floor",
        "Its floor",
        "The same distance between real training and real test slices: other real people.",
        digits=2,
    ),
    _metric(
        "frechet_ratio",
        "Distance over floor",
        "How many times the distance of other real people; 1 is as good as real.",
        "lower",
        2,
    ),
    _metric(
        "frechet_samples",
        "Images a side",
        "Generated, training and test slices that were compared, as many of each.",
        digits=0,
    ),
    _metric(
        "fid",
        "FID",
        "The Fréchet distance by the features of the Inception network that defines FID.",
        "lower",
        2,
    ),
    _metric(
        "fid_floor", "FID of real slices", "FID between real training and test slices.", digits=2
    ),
    _metric(
        "fid_ratio",
        "FID over floor",
        "How many times the distance of other real people; 1 is as good as real.",
        "lower",
        2,
    ),
    _metric(
        "inception_score",
        "Inception Score",
        "How sure and how varied a classifier of photographs is; only beside that of real slices.",
        digits=3,
    ),
    _metric(
        "inception_score_of_real",
        "Inception Score, real",
        "The same score of real training slices.",
        digits=3,
    ),
    _metric(
        "kernel_distance",
        "Kernel distance",
        "The same question by another formula, which few images do not make larger; about 0 is "
        "no difference.",
        "lower",
    ),
    _metric(
        "kernel_floor",
        "Kernel distance, real",
        "The kernel distance between real training and real test slices.",
    ),
    _metric(
        "precision",
        "Precision",
        "Share of generated slices that lie among real ones: do they look real?",
        "higher",
        3,
    ),
    _metric(
        "precision_of_real",
        "Precision, real",
        "The precision of real training slices in place of generated ones.",
        digits=3,
    ),
    _metric(
        "recall",
        "Recall",
        "Share of real test slices that lie among generated ones: is everything real generated?",
        "higher",
        3,
    ),
    _metric(
        "recall_of_real",
        "Recall, real",
        "The recall of real training slices in place of generated ones.",
        digits=3,
    ),
    _metric(
        "density",
        "Density",
        "How thickly generated slices lie where real ones do; about 1 is as thickly as real.",
        "higher",
        3,
    ),
    _metric(
        "density_of_real",
        "Density, real",
        "The density of real training slices in place of generated ones.",
        digits=3,
    ),
    _metric(
        "coverage",
        "Coverage",
        "Share of real test slices that have a generated one close by.",
        "higher",
        3,
    ),
    _metric(
        "coverage_of_real",
        "Coverage, real",
        "The coverage of real training slices in place of generated ones.",
        digits=3,
    ),
    _metric(
        "nearest_distance",
        "Distance of test slices to generated ones",
        "How far a real test slice is from the nearest generated one, on average: is there "
        "something like each of them?",
        "lower",
        2,
    ),
    _metric(
        "nearest_distance_of_real",
        "The same, to real slices",
        "How far a real test slice is from the nearest of as many real training slices.",
        digits=2,
    ),
    _metric(
        "ms_ssim",
        "MS-SSIM of pairs",
        "How alike two generated slices are; more than two real ones means too little variety.",
        digits=3,
    ),
    _metric(
        "ms_ssim_of_real",
        "MS-SSIM of real pairs",
        "How alike two real test slices of different people are.",
        digits=3,
    ),
    _metric(
        "spectrum_distance",
        "Spectrum",
        "How far the detail of every size is off, on average; 3 dB is a factor of two in power.",
        "lower",
        2,
        "dB",
    ),
    _metric(
        "spectrum_floor",
        "Spectrum, real",
        "The same between real training and real test slices.",
        digits=2,
        unit="dB",
    ),
    _metric(
        "histogram_distance",
        "Intensities",
        "How far a pixel's grey value would have to move on average, from black 0 to white 1.",
        "lower",
        4,
    ),
    _metric(
        "histogram_floor",
        "Intensities, real",
        "The same between real training and real test slices.",
        digits=4,
    ),
)
