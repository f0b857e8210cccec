"""Artefacts of k-space: truncation (Gibbs ringing) and unequal lines (N/2 ghosts).

k-space is counted from its centre: line 0 is the mean of the image.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field
from torch import Tensor

from mrigen.config import Config
from mrigen.data.corruptions.step import (
    Damage,
    Parameters,
    Probability,
    ShareRange,
    to_device,
)

Axis = Literal["rows", "columns", "either"]


class Gibbs(Config):
    """Ringing at edges: k-space beyond a central share of both axes is lost.

    Notes
    -----
    Lorente zeroes the high frequencies beyond a "defined value", which he does not give, and takes
    the magnitude; the range here is ours.
    """

    name: Literal["gibbs"]
    probability: Probability = 1.0
    keep: ShareRange = Field((0.4, 0.7), description="central share of k-space that is kept")

    def draw(self, rng: np.random.Generator, shape: tuple[int, int]) -> tuple[float, ...]:  # noqa: ARG002 - a share
        """Draw the share, the same for both axes."""
        return (rng.uniform(*self.keep),)

    def apply(self, images: Tensor, parameters: Parameters, strength: float) -> Damage:
        """Cut k-space; with less `strength` more of it is kept."""
        keep = 1 - strength * (1 - parameters[:, :1])
        rows, columns = (
            # 0.3 of 40 lines are 12, whatever floating point makes of the product.
            (2 * abs(line_numbers(size)) <= keep * size + 1e-6).astype(np.float64)
            for size in images.shape[-2:]
        )
        return Damage(_weigh_lines(images, rows, columns))


class Ghosting(Config):
    """A ghost shifted by half the field of view: every other line of k-space is weaker.

    Notes
    -----
    Lorente scales the odd or the even lines by a factor that he does not give and takes the
    magnitude; the range here is ours.
    """

    name: Literal["ghosting"]
    probability: Probability = 1.0
    factor: ShareRange = Field((0.6, 0.95), description="what is left of the weaker lines")
    lines: Literal["odd", "even", "either"] = "either"
    axis: Axis = Field("either", description="along which the ghost is shifted")

    def draw(self, rng: np.random.Generator, shape: tuple[int, int]) -> tuple[float, ...]:  # noqa: ARG002 - a share
        """Draw the factor, the parity of the weaker lines and the axis (0 rows, 1 columns)."""
        parity = {"even": 0, "odd": 1}.get(self.lines, int(rng.integers(2)))
        return rng.uniform(*self.factor), parity, draw_axis(self.axis, rng)

    def apply(self, images: Tensor, parameters: Parameters, strength: float) -> Damage:
        """Weaken the lines; their factor goes to 1 as `strength` goes to 0."""
        factor, parity, axis = parameters.T[..., None]
        weak = 1 - strength * (1 - factor)
        rows, columns = (
            np.where((axis == place) & (line_numbers(size) % 2 == parity), weak, 1.0)
            for place, size in enumerate(images.shape[-2:])
        )
        return Damage(_weigh_lines(images, rows, columns))


def draw_axis(axis: Axis, rng: np.random.Generator) -> int:
    """Return 0 for an artefact along rows' direction of counting, top to bottom, 1 for columns."""
    return {"rows": 0, "columns": 1}.get(axis, int(rng.integers(2)))


def line_numbers(size: int) -> npt.NDArray[np.int64]:
    """Return the number of each line of k-space from its centre, in the order of an FFT."""
    lines: npt.NDArray[np.int64] = np.rint(np.fft.fftfreq(size, 1 / size)).astype(np.int64)
    return lines


def transform(images: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
    """Apply an FFT to every image of a batch.

    On a CPU it is done one by one: the library takes other paths for other numbers of images,
    which differ in the last bit, and an item may not depend on its batch.
    """
    if images.device.type != "cpu":
        return function(images)
    return torch.stack([function(image) for image in images.contiguous().unbind()])


def _weigh_lines(
    images: Tensor, rows: npt.NDArray[np.float64], columns: npt.NDArray[np.float64]
) -> Tensor:
    """Multiply lines of k-space by (N, H) and (N, W) weights; return the magnitude.

    The weights of line k and -k are equal, so the answer is real and half of k-space is enough.
    """
    height, width = images.shape[-2:]
    spectrum = transform(images, torch.fft.rfft2)
    spectrum *= to_device(rows, images)[:, None, :, None]
    spectrum *= to_device(columns[:, : width // 2 + 1], images)[:, None, None, :]
    return transform(spectrum, lambda lines: torch.fft.irfft2(lines, s=(height, width))).abs()
