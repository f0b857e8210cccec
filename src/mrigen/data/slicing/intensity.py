"""A scanner's units to black and white: per slice, per volume, or over the whole cohort."""

from collections.abc import Callable
from typing import Literal, Self

import numpy as np
from pydantic import Field, model_validator

from mrigen.config import Config
from mrigen.data.slicing.levels import Levels
from mrigen.data.volumes.distribution import Distribution
from mrigen.data.volumes.volume import FloatArray, Volume
from mrigen.errors import DataError


class IntensityConfig(Config):
    """Which intensities become black and white.

    Black is the lower percentile of all voxels, which is 0 where a background of zeros surrounds a
    skull-stripped brain. White is the upper percentile of the voxels that are not exactly 0, so
    that it does not depend on how much of such a background there is. 0 and 100 are the minimum
    and the maximum of all. A slice without contrast becomes black.

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


def volume_levels(distribution: Distribution, config: IntensityConfig, *, name: str) -> Levels:
    """Measure a whole image.

    Parameters
    ----------
    distribution
        Of its intensities.
    config
        Which percentiles.
    name
        Of the scan, for the error.

    Raises
    ------
    DataError
        If the percentiles coincide.
    """
    black, white = _ends(distribution, config)
    return checked_levels(black, white, config, name=f"scan '{name}'")


def checked_levels(black: float, white: float, config: IntensityConfig, *, name: str) -> Levels:
    """Return levels after a look at them; `name` is what was measured.

    Raises
    ------
    DataError
        If white is not above black.
    """
    if not black < white:
        raise DataError(
            f"{name} has intensities of {black:g} and {white:g} at its percentiles "
            f"{config.lower:g} and {config.upper:g}: expected an image. Re-export the volume, or "
            "remove it."
        )
    return Levels(np.array(black, np.float64), np.array(white, np.float64))


def slice_levels(frames: FloatArray, config: IntensityConfig) -> Levels:
    """Measure each slice by itself.

    Parameters
    ----------
    frames : (N, A, B) float32
        Finite.
    config
        Which percentiles.
    """
    if (config.lower, config.upper) == (0, 100):
        ends = [(frame.min(), frame.max()) for frame in frames]
    else:
        ends = [_ends(Distribution.of_array(frame), config) for frame in frames]
    black, white = np.array(ends, np.float64).reshape(-1, 2).T
    return Levels(black, white)


def _ends(distribution: Distribution, config: IntensityConfig) -> tuple[float, float]:
    black = float(distribution.percentile(config.lower))
    if config.upper == 100:
        return black, float(distribution.percentile(100))
    return black, float(distribution.nonzero_percentile(config.upper))


def stored_levels(volume: Volume, *, name: str) -> Levels:
    """Return the whole range of the type that a file stores.

    Raises
    ------
    DataError
        If the file stores floating-point numbers, which have no such range.
    """
    dtype = volume.stored.dtype
    if dtype.kind not in "iu":
        raise DataError(
            f"scan '{name}' stores floating-point numbers: intensity.scope 'stored' expected whole "
            "numbers. Set the dataset's intensity.scope to 'volume'."
        )
    limits = np.iinfo(str(dtype))
    ends = np.array([limits.min, limits.max], np.float64) * volume.slope + volume.intercept
    return Levels(ends.min(), ends.max())


def stretch(pictures: FloatArray) -> FloatArray:
    """Stretch each picture, (N, H, W), to its own minimum and maximum; a constant one is black."""
    return slice_levels(pictures, IntensityConfig(lower=0, upper=100)).scale(pictures)


def shared_levels(
    distribution: Distribution,
    config: IntensityConfig,
    *,
    name: str,
    stored: Callable[[], Levels],
    cohort: Levels | None = None,
) -> Levels | None:
    """Find what becomes black and white in all slices of an image; None if each has its own.

    Parameters
    ----------
    distribution
        Of the intensities of the whole image.
    config
        Scope and percentiles.
    name
        Of the scan, for errors.
    stored
        Asked for the range of the file's type where the scope is "stored".
    cohort
        Levels of all scans together, where the scope is "cohort".

    Raises
    ------
    DataError
        If the image has no contrast, or no range of its type.
    """
    if config.scope == "slice":
        return None
    if config.scope == "stored":
        return stored()
    if config.scope == "volume":
        return volume_levels(distribution, config, name=name)
    if cohort is None:
        raise DataError(
            f"scan '{name}' could not be read when the cohort was measured, and can be read now: "
            "expected files that stay as they are. Run 'mrigen slices' again."
        )
    return cohort
