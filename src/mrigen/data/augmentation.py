"""Slices moved and brightened at random, so that a small cohort shows more than it holds."""

from pydantic import Field

from mrigen.config import Config

# Columns of the label, in this order: each is 0 for a slice that comes as it is.
LABELS = ("flip", "rotation", "down", "right", "scale", "gamma")
AUGMENTATION_LABELS = len(LABELS)


class AugmentationConfig(Config):
    """How far a training slice may be moved and brightened before anything else is done to it.

    Input and target move together. What is left at 0 is not done.
    """

    flip: float = Field(0.0, ge=0, le=1, description="probability of swapping left and right")
    rotation_degrees: float = Field(0.0, ge=0, le=180, description="largest, either way")
    translation: float = Field(0.0, ge=0, le=0.5, description="largest, as a share of the width")
    scale: float = Field(0.0, ge=0, le=1, description="0.1 shrinks and enlarges up to 1.1 times")
    gamma: float = Field(0.0, ge=0, le=1, description="0.1 takes powers from 1 / 1.1 to 1.1")
    probability: float = Field(1.0, ge=0, le=1, description="share of the slices it is done to")
    labelled: bool = Field(False, description="tell the network what was done")
