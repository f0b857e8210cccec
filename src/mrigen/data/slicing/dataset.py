"""How the volumes of one source become one dataset of slices."""

from typing import Literal, Self

from pydantic import Field, model_validator

from mrigen.config import Config
from mrigen.data.masks.brain_mask import BrainMaskConfig
from mrigen.data.records import Plane
from mrigen.data.scans import Modality
from mrigen.data.slicing.geometry import GeometryConfig
from mrigen.data.slicing.intensity import IntensityConfig
from mrigen.data.slicing.selection import SelectionConfig
from mrigen.data.splits.config import SplitConfig


class DatasetConfig(Config):
    """How the volumes of one source become one dataset of slices.

    Attributes
    ----------
    source
        Key of the source in `params.yaml`.
    modalities
        Which images of each person are used.
    plane
        Direction of the cut.
    selection
        Which slices are kept.
    brain_mask
        Where masks of the brain come from; None has none.
    skull_strip
        Blacken what lies outside the mask before anything else is measured.
    labels
        Keep the label map of each slice beside its pixels.
    size
        Pixels along each side of a slice.
    bits
        Of a stored pixel.
    geometry
        How a slice is laid into its square.
    intensity
        What becomes black and white.
    split
        Who is trained on and who is tested on.
    """

    source: str
    modalities: tuple[Modality, ...] = Field(default=("T1w",), min_length=1)
    plane: Plane = "axial"
    selection: SelectionConfig = SelectionConfig()
    brain_mask: BrainMaskConfig | None = None
    skull_strip: bool = False
    labels: bool = False
    size: int = Field(default=64, ge=16, le=1024)
    bits: Literal[8, 16] = 8
    geometry: GeometryConfig = GeometryConfig()
    intensity: IntensityConfig = IntensityConfig()
    split: SplitConfig = SplitConfig()

    @model_validator(mode="after")
    def _masked(self) -> Self:
        wants = {
            "skull_strip is true": self.skull_strip,
            "geometry.centre is 'brain'": self.geometry.centre == "brain",
            "selection.content.rule is 'brain'": self.selection.needs_mask,
        }
        for what, wanted in wants.items():
            if wanted and self.brain_mask is None:
                raise ValueError(f"a brain_mask, as {what}")
        return self
