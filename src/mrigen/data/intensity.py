"""A scanner's units to black and white, per volume."""

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from pydantic import Field, model_validator
from skimage.filters import threshold_otsu

from mrigen.config import Config
from mrigen.data.volumes import FloatArray
from mrigen.errors import DataError


class IntensityConfig(Config):
    """Which intensities become black and white.

    Black is the lower percentile of all voxels, which is 0 where a background of zeros surrounds a
    skull-stripped brain. White is the upper percentile of the voxels that are not exactly 0, so
    that it does not depend on how much of such a background there is. 0 and 100 are the minimum
    and the maximum.

    Attributes
    ----------
    scope
        Over what percentiles are taken: each "slice" by itself (on its own grid, before
        resampling), each "volume", or the whole "cohort" (all scans of one modality that the
        dataset uses). "stored" takes the whole range of the file's type and is meant for pictures,
        which have no volume.
    lower, upper
        Percentiles.
    through_png
        Write each slice to eight bits before it is resampled, rounding as matplotlib's `imsave`
        does: the studies kept PNG files between their steps.
    rescale
        Stretch each picture to its own minimum and maximum after resampling (Arnaiz).
    """

    scope: Literal["slice", "volume", "cohort", "stored"] = "volume"
    lower: float = Field(default=0.5, ge=0, lt=100)
    upper: float = Field(default=99.5, gt=0, le=100)
    through_png: bool = False
    rescale: bool = False

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.lower >= self.upper:
            raise ValueError("lower below upper")
        return self


@dataclass(frozen=True)
class Levels:
    """Intensities of one volume that become 0 and 1, and what counts as foreground on that scale.

    Attributes
    ----------
    black, white
        In the volume's units.
    foreground
        Otsu's threshold, in [0, 1].
    """

    black: np.float32
    white: np.float32
    foreground: float

    def scale(self, array: FloatArray) -> FloatArray:
        """Scale intensities to [0, 1], clipping what lies beyond."""
        return ((array - self.black) / (self.white - self.black)).clip(0, 1)


def find_levels(array: FloatArray, config: IntensityConfig, *, name: str) -> Levels:
    """Measure a whole volume.

    Parameters
    ----------
    array : (X, Y, Z) float32
        Finite and not constant.
    config
        Which percentiles.
    name
        Of the scan, for the error.

    Raises
    ------
    DataError
        If the percentiles coincide.
    """
    black = np.percentile(array, config.lower).astype(np.float32)
    white = np.percentile(array[array != 0], config.upper).astype(np.float32)
    if not black < white:
        raise DataError(
            f"scan '{name}' has intensities of {black:g} and {white:g} at its percentiles "
            f"{config.lower:g} and {config.upper:g}: expected an image. Re-export the volume, or "
            "remove it."
        )
    # Every second voxel along each axis tells the histogram as well as all.
    sample = Levels(black, white, 0).scale(array[::2, ::2, ::2])
    counts, edges = np.histogram(sample, bins=256, range=(0, 1))
    return Levels(black, white, float(threshold_otsu(hist=(counts, (edges[:-1] + edges[1:]) / 2))))
