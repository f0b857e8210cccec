"""Numbers as people read them: rounded, with their unit and their interval."""

from collections.abc import Mapping

from mrigen.evaluation.catalogue.listing import find_metric
from mrigen.evaluation.catalogue.metric import format_value

#: The number of each task by which models are put in order, the first that was measured.
MAIN: Mapping[str, tuple[str, ...]] = {
    "restoration": ("damage_psnr_db", "slice_psnr_db", "clean_psnr_db"),
    "generation": ("frechet_ratio",),
    "copying": ("copied_share",),
    "anomaly": ("inserted_pixel_auroc", "labelled_pixel_auroc"),
    "usefulness": ("told_apart",),
    "stacks": ("stack_roughness_factor",),
    "brain_masks": ("brain_dice_restored",),
}


def spoken_value(key: str, value: float) -> str:
    """Write a number that belongs to a key of `metrics.json`.

    Examples
    --------
    >>> spoken_value("blur/slice_psnr_db", 27.31234)
    '27.31 dB'
    """
    metric = find_metric(key)
    if metric is None:
        return format_value(value)
    return format_value(value, digits=metric.digits, unit=metric.unit)


def spoken_interval(key: str, metrics: Mapping[str, float]) -> str:
    """Write the ends of a number's interval over subjects; nothing where it has none.

    Examples
    --------
    >>> spoken_interval("slice_ssim", {"slice_ssim_low": 0.8, "slice_ssim_high": 0.9})
    '0.800 to 0.900'
    """
    low, high = metrics.get(f"{key}_low"), metrics.get(f"{key}_high")
    if low is None or high is None:
        return ""
    metric = find_metric(key)
    digits = metric.digits if metric is not None else None
    return f"{format_value(low, digits=digits)} to {format_value(high, digits=digits)}"


def spoken(key: str, metrics: Mapping[str, float]) -> str:
    """Write a number with its unit and its interval.

    Examples
    --------
    >>> spoken("slice_ssim", {"slice_ssim": 0.85, "slice_ssim_low": 0.8, "slice_ssim_high": 0.9})
    '0.850 (0.800 to 0.900)'
    """
    interval = spoken_interval(key, metrics)
    value = spoken_value(key, metrics[key])
    return f"{value} ({interval})" if interval else value
