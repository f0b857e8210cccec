"""Images as coefficients of pixel blocks, with the mean and the spread of each."""

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional

# Of an image of which nothing has been measured.
_MEAN, _SPREAD = 0.2, 0.3
# Of the spread of all pixels: no coefficient counts as steadier than this, so that a place that
# was black in every training image is drawn black, and no division is by zero.
_STEADIEST = 0.002
# Less than a thousandth of white is rounding: images that are all alike have no spread to go by.
_LEAST_SPREAD = 1e-3


class BlockCoefficients(nn.Module):
    """The discrete cosine transform of pixel blocks, and back.

    Every coefficient at every place of the grid has a mean and a spread of its own: far from the
    head nothing varies, and fine detail varies less than brightness. A path from noise that knows
    this begins and ends near images, whatever the network has learned.

    Parameters
    ----------
    block
        Pixels along a side of a block; the transform has `block**2` coefficients.
    image_size
        Height and width of the images in pixels.
    whitening
        0 leaves the coefficients their spread, 1 divides all of it away.

    Attributes
    ----------
    mean : (block**2, H / block, W / block)
        Of the coefficients.
    divisor : the same
        What coefficients are divided by.
    spread : the same
        Standard deviation of the coefficients thereafter.
    """

    mean: Tensor
    divisor: Tensor
    spread: Tensor
    basis: Tensor

    def __init__(self, block: int, image_size: int, *, whitening: float) -> None:
        super().__init__()
        self.block, self.whitening = block, whitening
        self.register_buffer("basis", _cosines(block), persistent=False)
        grid = block**2, image_size // block, image_size // block
        for name in ("mean", "divisor", "spread"):
            self.register_buffer(name, torch.zeros(grid))
        self.mean[0] = _MEAN * block  # of the coefficient that a flat block has alone
        self._set_scale(torch.full(grid, _SPREAD), _SPREAD)

    @torch.no_grad()
    def measure(self, images: Iterable[Tensor]) -> None:
        """Take mean and spread from images, (N, 1, H, W) in [0, 1]; without any, keep what is.

        Spreads are averaged over neighbouring places, as few images say little of one alone.
        """
        count, sums, squares = 0, torch.zeros(()), torch.zeros(())
        pixel_sum, pixel_squares = 0.0, 0.0
        for batch in images:
            found = self._analyse(batch).double()
            count += len(batch)
            sums = sums.to(found) + found.sum(0)
            squares = squares.to(found) + found.square().sum(0)
            pixel_sum += float(batch.double().mean()) * len(batch)
            pixel_squares += float(batch.double().square().mean()) * len(batch)
        if not count:
            return
        mean = sums / count
        variance = (squares / count - mean.square()).clamp(min=0)
        overall = math.sqrt(max(pixel_squares / count - (pixel_sum / count) ** 2, 0.0))
        self.mean.copy_(mean)
        spread = _blurred(variance).sqrt().to(self.mean)
        self._set_scale(spread, overall if overall > _LEAST_SPREAD else _SPREAD)

    def forward(self, images: Tensor) -> Tensor:
        """Return (N, block**2, H / block, W / block) coefficients of (N, 1, H, W) images."""
        return (self._analyse(images) - self.mean) / self.divisor

    def inverse(self, coefficients: Tensor) -> Tensor:
        """Return the images that have these coefficients, not confined to [0, 1]."""
        with _exact(coefficients):
            return functional.conv_transpose2d(
                coefficients * self.divisor + self.mean, self.basis, stride=self.block
            )

    def _analyse(self, images: Tensor) -> Tensor:
        with _exact(images):
            return functional.conv2d(images, self.basis, stride=self.block)

    def _set_scale(self, spread: Tensor, overall: float) -> None:
        relative = (spread / overall).clamp(min=_STEADIEST)
        self.divisor.copy_(overall * relative**self.whitening)
        self.spread.copy_(relative ** (1 - self.whitening))


def _exact(values: Tensor) -> torch.autocast:
    """Compute in float32: what is learned from, and what is drawn, are no network's sums."""
    return torch.autocast(values.device.type, enabled=False)


def _cosines(block: int) -> Tensor:
    """Return the orthonormal two-dimensional cosines, (block**2, 1, block, block)."""
    order = torch.arange(block, dtype=torch.float64)
    waves = torch.cos(math.pi * order[:, None] * (2 * order + 1) / (2 * block))
    waves *= math.sqrt(2 / block)
    waves[0] /= math.sqrt(2)
    return torch.einsum("ai,bj->abij", waves, waves).reshape(-1, 1, block, block).float()


def _blurred(variance: Tensor) -> Tensor:
    """Average over neighbouring places with the binomial weights 1, 2, 1."""
    weights = torch.tensor([1.0, 2.0, 1.0], dtype=variance.dtype, device=variance.device)
    kernel = (weights[:, None] * weights / 16).expand(len(variance), 1, 3, 3)
    padded = functional.pad(variance[None], (1, 1, 1, 1), mode="replicate")
    return functional.conv2d(padded, kernel, groups=len(variance))[0]
