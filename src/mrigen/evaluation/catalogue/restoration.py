"""How close restored and reproduced slices come to the clean ones."""

from mrigen.evaluation.catalogue.metric import Metric

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
)
