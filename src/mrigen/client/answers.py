"""What a server answered, as plain objects."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

FloatImages = npt.NDArray[np.float32]


class _Told(BaseModel):
    # A newer server may tell more.
    model_config = ConfigDict(frozen=True, extra="ignore")


class ConditionInfo(_Told):
    """A covariate that samples can be asked for; `choices` is empty for numbers."""

    name: str
    minimum: float
    maximum: float
    unit: str = ""
    choices: tuple[str, ...] = ()


class ModelInfo(_Told):
    """One served model.

    Attributes
    ----------
    name, version, aliases
        What the registry calls it.
    digest
        SHA-256 of weights and configuration.
    tasks
        What it can do: "sample", "restore", "anomaly".
    image_size
        Height and width in pixels.
    device
        What computes.
    conditions
        What its samples can be asked for.
    quick
        Whether its samples can be asked for in a quick mode.
    quick_frechet_ratio
        How many times as far from real slices quick samples are as others, by their Fréchet
        distance; None where that was not measured.
    card
        Data, code and licence behind the weights.
    """

    name: str
    version: int
    aliases: tuple[str, ...] = ()
    digest: str
    tasks: tuple[str, ...]
    image_size: int = Field(ge=1, le=4096)
    device: str = "cpu"
    conditions: tuple[ConditionInfo, ...] = ()
    quick: bool = False
    quick_frechet_ratio: float | None = None
    card: Mapping[str, object] = Field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Restored:
    """Restored images.

    Attributes
    ----------
    images : (N, H, W) float32 in [0, 1]
    model, version, digest, device
        What computed them.
    """

    images: FloatImages
    model: str
    version: int
    digest: str
    device: str


@dataclass(frozen=True, eq=False)
class AnomalyMaps:
    """How unusual every pixel is to a model.

    Attributes
    ----------
    maps : (N, H, W) float32
    restored : (N, H, W) float32 in [0, 1]
        The model's answers, for maps of what differs from them; else None.
    model, version, digest, device
        What computed them.
    """

    maps: FloatImages
    restored: FloatImages | None
    model: str
    version: int
    digest: str
    device: str


@dataclass(frozen=True, eq=False)
class Samples:
    """Synthetic images.

    Attributes
    ----------
    images : (N, H, W) float32 in [0, 1]
    seeds : (N,) int64
        The same seed gives the same image again.
    conditions
        What was asked for, one value per image.
    model, version, digest, device
        What computed them.
    quick
        Whether they were drawn in the quick mode.
    """

    images: FloatImages
    seeds: npt.NDArray[np.int64]
    conditions: Mapping[str, npt.NDArray[np.generic]]
    model: str
    version: int
    digest: str
    device: str
    quick: bool = False


@dataclass(frozen=True)
class ImageFile:
    """A file of images, and what computed them.

    Attributes
    ----------
    path
        The file.
    seed
        Of the first sample; None for answers to images.
    model, version, digest, device
        What computed them.
    quick
        Whether they were drawn in the quick mode.
    """

    path: Path
    seed: int | None
    model: str
    version: int
    digest: str
    device: str
    quick: bool = False
