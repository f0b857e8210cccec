"""How alike images are at several scales: MS-SSIM, which measures variety among generated images.

Two generated images are as alike as two real ones in a good set. If they are more alike, the
generator repeats itself.
"""

import torch
from torch import Tensor
from torch.nn import functional

from mrigen.errors import DataError
from mrigen.metrics.similarity import WINDOW, checked_pair, structural_similarity, window_means

#: Exponents of the five scales in the paper, the finest first.
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)

_K1 = 0.01
_PAIRS = 64  # at a time, for the memory of their maps


def ms_ssim(images: Tensor, reference: Tensor) -> Tensor:
    """Return the multi-scale structural similarity of each pair of images.

    Parameters
    ----------
    images, reference : (N, 1, H, W) float32 in [0, 1], H and W at least 11

    Returns
    -------
    (N,) float64 in [0, 1]; 1 between equal images

    Raises
    ------
    DataError
        If the shapes differ, or the images are smaller than the window of SSIM.

    Notes
    -----
    Each scale halves the one before by averaging 2 x 2 pixels, an odd last line being repeated,
    as in `tf.image.ssim_multiscale`. Contrast and structure count at every scale, luminance at
    the coarsest alone. A negative mean, whose power would not be real, counts as 0.

    The window of 11 pixels must fit into the coarsest scale: five scales take at least 161
    pixels. Smaller images get as many scales as fit (`scales`: three at 64 pixels, four at 128),
    with the paper's first exponents divided by their sum. Images of different numbers of scales
    must not be compared.

    References
    ----------
    Wang, Simoncelli and Bovik, "Multiscale structural similarity for image quality assessment",
    2003, doi:10.1109/ACSSC.2003.1292216; between generated images: Odena, Olah and Shlens, 2017,
    arXiv:1610.09585.
    """
    images, reference = checked_pair(images, reference)
    similarity = torch.ones(len(images), dtype=torch.float64, device=images.device)
    for start in range(0, len(images), _PAIRS):
        few = slice(start, start + _PAIRS)
        similarity[few] = _of_a_few(images[few], reference[few])
    return similarity


def scales(height: int, width: int) -> int:
    """Return at how many scales images are compared.

    Examples
    --------
    >>> scales(64, 64), scales(128, 128), scales(256, 200)
    (3, 4, 5)

    Raises
    ------
    DataError
        If the images are smaller than the window of SSIM.
    """
    side = min(height, width)
    if side < WINDOW:
        raise DataError(
            f"images of {height} x {width} pixels have no MS-SSIM: expected at least {WINDOW} x "
            f"{WINDOW}. Use larger slices."
        )
    count = 0
    while side >= WINDOW and count < len(WEIGHTS):
        side, count = -(-side // 2), count + 1
    return count


def _of_a_few(x: Tensor, y: Tensor) -> Tensor:
    count = scales(*x.shape[2:])
    total = sum(WEIGHTS[:count])
    similarity = torch.ones(len(x), dtype=torch.float64, device=x.device)
    for scale in range(count):
        part = structural_similarity(x, y)
        if scale < count - 1:
            # Luminance is positive for images that are not, so what is left can be told by it.
            part = part / _luminance(x, y)
            x, y = _halved(x), _halved(y)
        mean = part.mean(dim=(1, 2, 3)).clamp(min=0, max=1)
        similarity = similarity * mean ** (WEIGHTS[scale] / total)
    return similarity


def _luminance(x: Tensor, y: Tensor) -> Tensor:
    x, y = window_means(x), window_means(y)
    return (2 * x * y + _K1**2) / (x.square() + y.square() + _K1**2)


def _halved(images: Tensor) -> Tensor:
    height, width = images.shape[2:]
    if height % 2 or width % 2:
        images = functional.pad(images, (0, width % 2, 0, height % 2), mode="replicate")
    return functional.avg_pool2d(images, 2)
