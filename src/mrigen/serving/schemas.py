"""What goes in and out of the server as JSON."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mrigen.config import Config

MAX_COUNT = 256
# 64 MiB of values, which a few copies on the way to a file multiply: 256 images of 256 pixels.
MAX_PIXELS = 2**24
LAST_SEED = 2**63 - 1

SampleFormat = Literal["png", "npz"]
Task = Literal["sample", "reconstruct"]


class SampleRequest(Config):
    """Which samples, and in which file. Sample `i` has the seed `seed + i`."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"count": 16, "seed": 1, "format": "png"}]}
    )

    count: Annotated[int, Field(strict=True, ge=1, le=MAX_COUNT)] = 1
    seed: Annotated[int, Field(strict=True, ge=0, le=LAST_SEED)] | None = Field(
        None, description="left out, the server picks one and names it in the header Mrigen-Seed"
    )
    format: SampleFormat = Field(
        "png", description="one picture of all samples, or their values as NumPy arrays"
    )

    @model_validator(mode="after")
    def _seeds_exist(self) -> Self:
        if self.seed is not None and self.seed > LAST_SEED - (self.count - 1):
            raise ValueError("seed + count - 1 to be below 2**63")
        return self


def most_samples(image_size: int) -> int:
    """Return how many images of `image_size` x `image_size` pixels one request may ask for.

    Examples
    --------
    >>> most_samples(64), most_samples(1024)
    (256, 16)
    """
    return max(1, min(MAX_COUNT, MAX_PIXELS // image_size**2))


class ModelEntry(BaseModel):
    """One served model."""

    name: str
    version: int
    aliases: list[str]
    digest: str = Field(description="SHA-256 of weights and configuration")
    tasks: list[Task]
    image_size: int = Field(description="height and width in pixels")
    card: dict[str, object] = Field(description="data, code and licence behind the weights")


class ModelList(BaseModel):
    """Every served model."""

    models: list[ModelEntry]


class Health(BaseModel):
    """The server is alive."""

    status: Literal["ok"] = "ok"
    version: str


class Readiness(BaseModel):
    """Whether requests for samples will be answered."""

    ready: bool
    models: int


class Problem(BaseModel):
    """Why a request was refused, in one sentence."""

    detail: str
