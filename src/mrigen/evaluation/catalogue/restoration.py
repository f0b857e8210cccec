"""How close restored and reproduced slices come to the clean ones."""

from typing import Literal

from mrigen.evaluation.catalogue.metric import Metric


def _measured(
    name: str,
    label: str,
    meaning: str,
    better: Literal["higher", "lower"],
    digits: int | None = None,
    unit: str = "",
) -> Metric:
    return Metric(name, label, meaning, better, "restoration", digits, unit)


def _counted(name: str, label: str, meaning: str) -> Metric:
    return Metric(name, label, meaning, None, "restoration", 0)


_CLEAN = (
    _measured(
        "clean_psnr_db",
        "PSNR, clean input",
        "How exactly clean slices are given back; 3 dB more halve the squared error.",
        "higher",
        2,
        "dB",
    ),
    _measured(
        "clean_ssim",
        "SSIM, clean input",
        "How alike the structures of a clean slice and its reproduction are; 1 is the same.",
        "higher",
        3,
    ),
    _measured(
        "clean_mse",
        "MSE, clean input",
        "Mean squared error of reproduced clean slices, of pixel values between 0 and 1.",
        "lower",
    ),
    _measured(
        "clean_dssim",
        "DSSIM, clean input",
        "Half of what SSIM lacks to 1, for reproduced clean slices; 0 is the same.",
        "lower",
        4,
    ),
)

_TRAINED = (
    _measured(
        "slice_psnr_db",
        "PSNR, whole slice",
        "How exactly the damage of the training is undone; 3 dB more halve the squared error.",
        "higher",
        2,
        "dB",
    ),
    _measured(
        "slice_ssim",
        "SSIM, whole slice",
        "How alike the structures of clean and restored slices are; 1 is the same picture.",
        "higher",
        3,
    ),
    _measured(
        "slice_mse",
        "MSE, whole slice",
        "Mean squared error of restored slices, of pixel values between 0 and 1.",
        "lower",
    ),
    _measured(
        "slice_dssim",
        "DSSIM, whole slice",
        "Half of what SSIM lacks to 1, for restored slices; 0 is the same.",
        "lower",
        4,
    ),
    _measured(
        "patch_psnr_db",
        "PSNR, patch",
        "The same inside the rectangle around the damaged patch only.",
        "higher",
        2,
        "dB",
    ),
    _measured(
        "patch_ssim",
        "SSIM, patch",
        "The same for the pixels of that rectangle, each with its surroundings.",
        "higher",
        3,
    ),
    _measured("patch_mse", "MSE, patch", "Mean squared error inside that rectangle.", "lower"),
    _measured(
        "patch_dssim",
        "DSSIM, patch",
        "Half of what SSIM lacks to 1, for the pixels of that rectangle.",
        "lower",
        4,
    ),
    _counted("slice_count", "Slices", "Test slices restored."),
    _counted("patch_count", "Patches", "Test slices with a damaged patch."),
)

_SUITE = (
    _measured(
        "damage_psnr_db",
        "PSNR, every damage",
        "How exactly damage is undone, whether trained for or not: a mean over every kind of it.",
        "higher",
        2,
        "dB",
    ),
    _measured(
        "damage_ssim",
        "SSIM, every damage",
        "How alike structures are after any damage: a mean over every kind of it.",
        "higher",
        3,
    ),
)

_ORIGINAL = (
    _measured(
        "flattened_ssim",
        "SSIM along one row",
        "Lorente's SSIM: of slices flattened to one row, so that only neighbours in a row count.",
        "higher",
        3,
    ),
    _measured(
        "patch_flattened_ssim",
        "SSIM along one row, patch",
        "Lorente's SSIM of the pixels in the rectangle around the damaged patch.",
        "higher",
        3,
    ),
    _measured(
        "squared_mean_difference",
        "Squared mean difference",
        "Lorente's 'MSE': the square of the difference in mean brightness, blind to all else.",
        "lower",
    ),
    _measured(
        "patch_squared_mean_difference",
        "Squared mean difference, patch",
        "Lorente's 'MSE' inside the rectangle around the damaged patch.",
        "lower",
    ),
)

METRICS = (*_CLEAN, *_TRAINED, *_SUITE, *_ORIGINAL)
