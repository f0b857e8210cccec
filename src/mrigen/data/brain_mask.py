"""Masks of the brain: by a network, from a file, from a label map; computed once and kept."""

from typing import Literal

from pydantic import Field

from mrigen.config import Config


class BrainMaskConfig(Config):
    """Where the mask of a scan comes from.

    Attributes
    ----------
    by
        "deepbet": a network for T1 images of whole heads, doi:10.1016/j.compbiomed.2024.108845; a
        mask file that the source names for the scan wins over it. "file": that mask file alone.
        "labels": the scan's label map. "nonzero": every voxel that is not 0, for volumes that come
        skull-stripped.
    labels
        With a label map: which labels are brain; None takes all but 0.
    grow
        Voxels by which the mask is grown, or shrunk where negative.
    """

    by: Literal["deepbet", "file", "labels", "nonzero"] = "deepbet"
    labels: tuple[int, ...] | None = Field(default=None, min_length=1)
    grow: int = Field(default=0, ge=-10, le=10)
