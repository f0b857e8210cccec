"""What each number of an evaluation means, in plain words."""

from dataclasses import dataclass
from typing import Literal

Task = Literal["restoration", "generation", "latent"]


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
    digits
        Places after the point; None keeps three significant digits of any size.
    unit
        Stands after the value.
    """

    name: str
    label: str
    meaning: str
    better: Literal["higher", "lower"] | None
    task: Task
    digits: int | None = None
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
        2,
        "dB",
    ),
    Metric(
        "slice_ssim",
        "SSIM, whole slice",
        "How alike the structures are around each pixel; 1 is the same picture.",
        "higher",
        "restoration",
        3,
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
        2,
        "dB",
    ),
    Metric(
        "patch_ssim",
        "SSIM, patch",
        "The same for the pixels of that rectangle, each with its surroundings.",
        "higher",
        "restoration",
        3,
    ),
    Metric(
        "patch_mse",
        "MSE, patch",
        "Mean squared error inside that rectangle.",
        "lower",
        "restoration",
    ),
    Metric("slice_count", "Slices", "Test slices restored.", None, "restoration", 0),
    Metric("patch_count", "Patches", "Test slices with a damaged patch.", None, "restoration", 0),
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
    Metric(
        "rate_bits",
        "Rate",
        "Information about a slice that its latent carries; few bits blur, more are no flaw.",
        None,
        "latent",
        1,
        "bits",
    ),
    Metric(
        "active_units",
        "Latents in use",
        "Latents that differ between test slices; all others have collapsed to noise.",
        None,
        "latent",
        0,
    ),
    Metric("latent_size", "Latents", "Latents that there are.", None, "latent", 0),
    Metric(
        "noise_std",
        "Noise of a pixel",
        "Standard deviation around the decoder's answer that the training took for granted.",
        None,
        "latent",
        3,
    ),
    Metric(
        "elbo_nats",
        "Evidence lower bound",
        "Log-likelihood of a test slice, at least, under the training's own noise.",
        "higher",
        "latent",
        1,
        "nats",
    ),
    Metric(
        "bits_per_pixel",
        "Bits per pixel",
        "The same as the cost of a pixel of 8 bits; 8 is what storing it plainly costs.",
        "lower",
        "latent",
        3,
    ),
    Metric(
        "calibrated_noise_std",
        "Best noise of a pixel",
        "Root of the mean squared error on slices that are not test slices.",
        None,
        "latent",
        3,
    ),
    Metric(
        "calibrated_elbo_nats",
        "Bound, best noise",
        "The evidence lower bound under that noise: comparable between any two losses.",
        "higher",
        "latent",
        1,
        "nats",
    ),
    Metric(
        "calibrated_bits_per_pixel",
        "Bits per pixel, best noise",
        "The same as the cost of a pixel of 8 bits.",
        "lower",
        "latent",
        3,
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


def format_value(value: float, *, digits: int | None = None, unit: str = "") -> str:
    """Write a number for people, with `digits` places or three significant digits.

    Examples
    --------
    >>> format_value(27.31234, digits=2, unit="dB"), format_value(0.00123456)
    ('27.31 dB', '0.00123')
    """
    text = f"{value:.3g}" if digits is None else f"{value:,.{digits}f}"
    return f"{text} {unit}".rstrip()
