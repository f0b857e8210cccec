"""How close images are to their references: MSE, PSNR, SSIM and DSSIM.

Every measure takes images by the image convention, float32 (N, 1, H, W) in [0, 1], computes in
float64 and answers one value per image. The data range is therefore always 1 and never guessed
from the images, which would make the same picture score differently in different company. Losses
take `structural_similarity`, the formula alone.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

from mrigen.errors import DataError

#: PSNR of images that agree to better than a mean squared error of 1e-10, far below the step of
#: eight-bit pixels (1.3e-6). A finite ceiling keeps means, charts and JSON free of infinity.
MAX_PSNR_DB = 100.0

#: Pixels of the SSIM window in a line, and on either side of its centre.
WINDOW = 11
MARGIN = WINDOW // 2

_SIGMA = 1.5
_K1, _K2 = 0.01, 0.03

# In Python's own floats, since weights that add up to 1 in float32 alone are off by more.
_BELL = [math.exp(-((place - MARGIN) ** 2) / (2 * _SIGMA**2)) for place in range(WINDOW)]
_LINE = [height / sum(_BELL) for height in _BELL]


def mse(images: Tensor, reference: Tensor) -> Tensor:
    """Return the mean squared error of each image.

    Parameters
    ----------
    images, reference : (N, 1, H, W) float32 in [0, 1]

    Returns
    -------
    (N,) float64

    Raises
    ------
    DataError
        If the two do not have the same shape, or not this one.
    """
    images, reference = checked_pair(images, reference)
    return (images - reference).square().mean(dim=(1, 2, 3))


def psnr(images: Tensor, reference: Tensor) -> Tensor:
    """Return the peak signal-to-noise ratio of each image in dB, for a peak of 1.

    Parameters
    ----------
    images, reference : (N, 1, H, W) float32 in [0, 1]

    Returns
    -------
    (N,) float64, at most `MAX_PSNR_DB`, which is also the value of an image without any error

    Raises
    ------
    DataError
        If the two do not have the same shape, or not this one.
    """
    return decibel(mse(images, reference))


def ssim(images: Tensor, reference: Tensor) -> Tensor:
    """Return the structural similarity of each image: the mean of its `ssim_map`.

    Parameters
    ----------
    images, reference : (N, 1, H, W) float32 in [0, 1], H and W at least 11

    Returns
    -------
    (N,) float64, at most 1

    Raises
    ------
    DataError
        If the shapes differ, or the images are smaller than the window.
    """
    return ssim_map(images, reference).mean(dim=(1, 2, 3))


def dssim(images: Tensor, reference: Tensor) -> Tensor:
    """Return the structural dissimilarity of each image, `(1 - SSIM) / 2`.

    Parameters
    ----------
    images, reference : (N, 1, H, W) float32 in [0, 1], H and W at least 11

    Returns
    -------
    (N,) float64, from 0, the same image, to 1

    Raises
    ------
    DataError
        If the shapes differ, or the images are smaller than the window.

    Notes
    -----
    As Arnaiz computes it, from `tf.image.ssim` with a range of 1.
    """
    return dissimilarity(ssim(images, reference))


def ssim_map(images: Tensor, reference: Tensor) -> Tensor:
    """Return the structural similarity around each pixel whose window fits into the image.

    Parameters
    ----------
    images, reference : (N, 1, H, W) float32 in [0, 1], H and W at least 11

    Returns
    -------
    (N, 1, H - 10, W - 10) float64; entry (y, x) belongs to the pixel (y + 5, x + 5)

    Raises
    ------
    DataError
        If the shapes differ, or the images are smaller than the window.

    Notes
    -----
    A two-dimensional Gaussian window of 11 pixels with sigma 1.5, K1 = 0.01, K2 = 0.03,
    population covariance and no padding, as in the paper and in `tf.image.ssim`. In scikit-image
    these are `gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1`.

    References
    ----------
    Wang et al., "Image quality assessment", 2004, doi:10.1109/TIP.2003.819861.
    """
    return structural_similarity(*checked_pair(images, reference))


def structural_similarity(x: Tensor, y: Tensor) -> Tensor:
    """Return what `ssim_map` returns, in the precision of its arguments and differentiable.

    Parameters
    ----------
    x, y : (N, 1, H, W) float32 or float64 in [0, 1], H and W at least 11

    Returns
    -------
    (N, 1, H - 10, W - 10) of the same type

    Raises
    ------
    DataError
        If the images are smaller than the window.
    """
    if min(x.shape[2:]) < WINDOW:
        raise DataError(
            f"images of {x.shape[2]} x {x.shape[3]} pixels have no SSIM: expected at least "
            f"{WINDOW} x {WINDOW}. Use larger slices."
        )
    if not len(x):
        return x.new_zeros(0, 1, x.shape[2] - 2 * MARGIN, x.shape[3] - 2 * MARGIN)
    # Variances are small differences of squares, and float32 has few digits for them: no image
    # loses its variance to its brightness if the brightness is taken off first.
    level_x, level_y = (image.detach().mean(dim=(1, 2, 3), keepdim=True) for image in (x, y))
    x, y = x - level_x, y - level_y
    # SSIM asks for the sum of the two variances alone, so four averages are enough.
    mean_x, mean_y, squares, product = window_means(torch.cat([x, y, x * x + y * y, x * y])).chunk(
        4
    )
    variances = squares - mean_x.square() - mean_y.square()
    covariance = product - mean_x * mean_y
    mean_x, mean_y = mean_x + level_x, mean_y + level_y
    luminance = (2 * mean_x * mean_y + _K1**2) / (mean_x.square() + mean_y.square() + _K1**2)
    return luminance * (2 * covariance + _K2**2) / (variances + _K2**2)


def checked_pair(images: Tensor, reference: Tensor) -> tuple[Tensor, Tensor]:
    """Return both in float64.

    Raises
    ------
    DataError
        If the two do not have the same shape, or not (N, 1, H, W).
    """
    if images.shape != reference.shape or images.ndim != 4 or images.shape[1] != 1:
        raise DataError(
            f"images of shape {tuple(images.shape)} cannot be compared with references of shape "
            f"{tuple(reference.shape)}: expected the same (N, 1, H, W) for both."
        )
    return images.double(), reference.double()


def decibel(error: Tensor) -> Tensor:
    """Turn mean squared errors into PSNR for a peak of 1, at most `MAX_PSNR_DB`."""
    return -10 * error.clamp(min=10 ** (-MAX_PSNR_DB / 10)).log10()


def dissimilarity(similarity: Tensor) -> Tensor:
    """Turn SSIM, 1 for the same image, into DSSIM, 0 for it and never less by rounding."""
    return ((1 - similarity) / 2).clamp(min=0)


def window_means(images: Tensor) -> Tensor:
    """Return the mean under the window around each pixel whose window fits into the image.

    Parameters
    ----------
    images : (N, 1, H, W), at least one, H and W at least 11

    Returns
    -------
    (N, 1, H - 10, W - 10) of the same type
    """
    # The Gaussian window is the outer product of two lines: 22 products a pixel, not 121. As
    # channels of one picture, each with a filter of its own, images are filtered some ten times
    # as fast as in a batch, and on GPUs by kernels that round to float32 and never to TF32.
    line = images.new_tensor(_LINE)
    count, _, height, width = images.shape
    channels = images.reshape(1, count, height, width)
    down = line.view(1, 1, -1, 1).expand(count, 1, -1, 1)
    along = line.view(1, 1, 1, -1).expand(count, 1, 1, -1)
    columns = functional.conv2d(channels, down, groups=count)
    blurred = functional.conv2d(columns, along, groups=count)
    return blurred.reshape(count, 1, height - 2 * MARGIN, width - 2 * MARGIN)
