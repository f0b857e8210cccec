"""How much of a model is judged, and with what."""

from pydantic import Field

from mrigen.config import Config
from mrigen.metrics.features import ExtractorName


class EvaluationConfig(Config):
    """Sizes of an evaluation; the same values make results comparable between models."""

    samples: int = Field(
        256,
        ge=2,
        le=50_000,
        description="generated images, and as many real ones, unless a split has fewer",
    )
    slices: int = Field(
        1024, ge=1, le=1_000_000, description="test slices to restore, evenly over the split"
    )
    extractor: ExtractorName = "efficientnet_lite0"
    seed: int = Field(0, ge=0, lt=2**31)
    sheet_images: int = Field(16, ge=1, le=64, description="images on a sheet of samples")
    restoration_images: int = Field(6, ge=1, le=16, description="slices in the restoration figure")
