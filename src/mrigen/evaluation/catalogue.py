"""What each number of an evaluation means, in plain words."""

from dataclasses import dataclass
from typing import Literal

Task = Literal["restoration", "generation"]


@dataclass(frozen=True)
class Metric:
    """One number of `metrics.json` and how to read it.

    Attributes
    ----------
    name
        Its key in `metrics.json`, MLflow and `comparison.csv`.
    label
        A short name for people.
    meaning
        One plain sentence.
    better
        Which direction is better; None for numbers that are no judgement.
    task
        What it judges.
    unit
        Stands after the value.
    """

    name: str
    label: str
    meaning: str
    better: Literal["higher", "lower"] | None
    task: Task
    unit: str = ""

    @property
    def baseline(self) -> str:
        """Key of what doing nothing scores, present for damaged inputs only."""
        return f"input_{self.name}"

    @property
    def spread(self) -> str:
        """Key of the standard deviation over slices."""
        return f"{self.name}_sd"


METRICS = (
    Metric(
        "slice_psnr_db",
        "PSNR, whole slice",
        "Size of the error on a logarithmic scale; 3 dB more halve the squared error.",
        "higher",
        "restoration",
        "dB",
    ),
    Metric(
        "slice_ssim",
        "SSIM, whole slice",
        "How alike the structures are around each pixel; 1 is the same picture.",
        "higher",
        "restoration",
    ),
    Metric(
        "slice_mse",
        "MSE, whole slice",
        "Mean squared error of pixel values between 0 and 1.",
        "lower",
        "restoration",
    ),
    Metric(
        "patch_psnr_db",
        "PSNR, patch",
        "The same inside the rectangle around the damaged patch only.",
        "higher",
        "restoration",
        "dB",
    ),
    Metric(
        "patch_ssim",
        "SSIM, patch",
        "The same for the pixels of that rectangle, each with its surroundings.",
        "higher",
        "restoration",
    ),
    Metric(
        "patch_mse",
        "MSE, patch",
        "Mean squared error inside that rectangle.",
        "lower",
        "restoration",
    ),
    Metric("slice_count", "Slices", "Test slices restored.", None, "restoration"),
    Metric("patch_count", "Patches", "Test slices with a damaged patch.", None, "restoration"),
    Metric(
        "frechet_distance",
        "Fréchet distance",
        "How far the set of generated slices lies from real test slices.",
        "lower",
        "generation",
    ),
    Metric(
        "frechet_floor",
        "Its floor",
        "The same distance between real training and real test slices: other real people.",
        None,
        "generation",
    ),
    Metric(
        "frechet_ratio",
        "Distance over floor",
        "How many times further than other real people; 1 is as good as real.",
        "lower",
        "generation",
    ),
    Metric(
        "frechet_samples",
        "Images a side",
        "Generated, training and test slices that were compared, as many of each.",
        None,
        "generation",
    ),
)


def metric_columns() -> list[str]:
    """Return every key an evaluation can have, in a fixed order."""
    columns = []
    for metric in METRICS:
        columns.append(metric.name)
        if metric.task == "restoration" and metric.better:
            columns += [metric.spread, metric.baseline, f"{metric.baseline}_sd"]
    return columns


def format_value(value: float, unit: str = "") -> str:
    """Write a number for people.

    Examples
    --------
    >>> format_value(27.31234, "dB"), format_value(256.0), format_value(0.00123456)
    ('27.31 dB', '256', '0.00123')
    """
    if value == int(value) and abs(value) >= 1:
        text = f"{int(value):,}"
    elif abs(value) >= 0.1:
        text = f"{value:,.3f}" if abs(value) < 10 else f"{value:,.2f}"
    else:
        text = f"{value:.3g}"
    return f"{text} {unit}".rstrip()
