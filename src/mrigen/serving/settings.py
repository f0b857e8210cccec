"""How much a server gives, and to whom."""

from pydantic import Field

from mrigen.config import Config

MEBIBYTE = 2**20


class ServingSettings(Config):
    """Limits of one server; the command line sets them, never a request."""

    lanes: int = Field(1, ge=1, le=256, description="chunks computed at the same time")
    places: int = Field(64, ge=1, description="requests that may be computed or wait")
    wait_seconds: float = Field(
        10.0, gt=0, description="of computing that may be ahead of a request that is taken on"
    )
    max_count: int = Field(10_000, ge=1, le=1_000_000, description="samples of one request")
    max_upload_bytes: int = Field(64 * MEBIBYTE, ge=1024, description="of one image or volume")
    max_upload_pixels: int = Field(2**25, ge=1, description="of one image, stack or volume")
    requests_per_minute: int | None = Field(
        None, ge=1, description="of one key, or of one address where there are no keys"
    )
