"""Damage that a restorer learns to undo: a line patch and halved resolution (Lorente)."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import Field
from skimage.transform import downscale_local_mean, resize

from mrigen.config import Config

FloatImage = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


class LinePatchConfig(Config):
    """A white line of random place, width and opacity, added to the image."""

    reach: float = Field(
        0.25, gt=0, le=0.5, description="how far its ends lie from the centre, in image heights"
    )
    max_thickness: float = Field(0.125, gt=0, le=0.5, description="in image heights")
    min_opacity: float = Field(0.3, gt=0, le=1)


class CorruptionConfig(Config):
    """What is done to an image, in this order; `null` leaves a step out."""

    line_patch: LinePatchConfig | None = None
    downscale: int | None = Field(None, ge=2, le=8, description="2 halves the resolution")


class Corrupted(NamedTuple):
    """A damaged image and where the patch lies, both (H, W)."""

    image: FloatImage
    patch: Mask


def corrupt(image: FloatImage, config: CorruptionConfig, rng: np.random.Generator) -> Corrupted:
    """Damage one image.

    Parameters
    ----------
    image : (H, W) float32 in [0, 1]
    config
        The steps.
    rng
        Decides everything random, so that the same generator gives the same damage.

    Returns
    -------
    Corrupted
        The image in [0, 1] and the rectangle that bounds the patch (empty without one).

    Notes
    -----
    Lorente adds one line of random end points "around the centre", a thickness of at most an
    eighth of the height and random opacity, capped at the image's maximum, and scores the
    rectangle around it; then he halves the resolution and brings it back. How far the ends may
    lie and how faint a line may be are not told: `reach` and `min_opacity` are ours.
    """
    patch = np.zeros(image.shape, bool)
    if config.line_patch is not None:
        image, patch = _add_line(image, config.line_patch, rng)
    if config.downscale is not None:
        image = _lower_resolution(image, config.downscale)
    return Corrupted(image, patch)


def _add_line(
    image: FloatImage, config: LinePatchConfig, rng: np.random.Generator
) -> tuple[FloatImage, Mask]:
    height, width = image.shape
    centre = np.array([height - 1, width - 1]) / 2
    start, end = centre + rng.uniform(-config.reach, config.reach, (2, 2)) * height
    thickness = rng.uniform(1.0, max(1.0, config.max_thickness * height))
    opacity = rng.uniform(config.min_opacity, 1.0)
    line = _distance_to_segment(image.shape, start, end) <= thickness / 2
    if not line.any():  # thinner than a pixel and between two of them
        line[tuple(np.rint(start).astype(int).clip(0, (height - 1, width - 1)))] = True
    peak = image.max()
    damaged = np.where(line, np.minimum(image + np.float32(opacity) * peak, peak), image)
    return damaged.astype(np.float32), _bounding_rectangle(line)


def _distance_to_segment(
    shape: tuple[int, ...], start: npt.NDArray[np.float64], end: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    points = np.moveaxis(np.indices(shape), 0, -1)
    along = end - start
    length = max(float(along @ along), 1e-12)
    share = np.clip((points - start) @ along / length, 0, 1)
    return np.asarray(np.linalg.norm(points - start - share[..., None] * along, axis=-1))


def _bounding_rectangle(line: Mask) -> Mask:
    rows, columns = np.flatnonzero(line.any(axis=1)), np.flatnonzero(line.any(axis=0))
    rectangle = np.zeros_like(line)
    rectangle[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
    return rectangle


def _lower_resolution(image: FloatImage, factor: int) -> FloatImage:
    height, width = image.shape
    margin = ((0, -height % factor), (0, -width % factor))
    small = downscale_local_mean(np.pad(image, margin, mode="edge"), (factor, factor))
    padded = (height + margin[0][1], width + margin[1][1])
    large = resize(small, padded, order=1, mode="edge", anti_aliasing=False)
    return np.asarray(large[:height, :width], np.float32)
