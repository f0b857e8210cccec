"""What goes in and out of the server as JSON."""

import math
from typing import Annotated, Literal, Self, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from mrigen.config import Config

# One picture holds no more: 256 images of 256 pixels.
MAX_SHEET_COUNT = 256
MAX_SHEET_PIXELS = 2**24
LAST_SEED = 2**63 - 1

SampleFormat = Literal["png", "zip", "npz", "nifti"]
Task = Literal["sample", "restore", "anomaly"]


def _number_or_choice(value: object) -> object:
    # A number that JSON can write and a float cannot hold is no number here.
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            value = float(value)
        except OverflowError:
            value = math.inf
        if math.isfinite(value):
            return value
    elif isinstance(value, str):
        return value
    raise ValueError("a number or the name of a choice")


ConditionValue = Annotated[float | str, BeforeValidator(_number_or_choice)]


class SampleRequest(Config):
    """Which samples, and in which file. Sample `i` has the seed `seed + i`."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"count": 16, "seed": 1, "format": "png"}]}
    )

    count: Annotated[int, Field(strict=True, ge=1)] = Field(
        1, description="samples; a model lists under max_count how many one file may hold"
    )
    seed: Annotated[int, Field(strict=True, ge=0, le=LAST_SEED)] | None = Field(
        None, description="left out, the server picks one and names it in the header Mrigen-Seed"
    )
    version: Annotated[int, Field(strict=True, ge=1)] | None = Field(
        None, description="of the model; left out, the one that the server names first"
    )
    conditions: dict[str, ConditionValue] = Field(
        default_factory=dict,
        description="a number, or the name of a choice, for what the model lists under "
        "conditions; what is left out is open",
    )
    quick: Annotated[bool, Field(strict=True)] = Field(
        False, description="sooner and other images, of a model that is listed as quick"
    )
    format: SampleFormat = Field(
        "png",
        description="one picture of all samples, a ZIP of pictures, their values as NumPy arrays, "
        "or as one NIfTI stack",
    )

    @model_validator(mode="after")
    def _seeds_exist(self) -> Self:
        if self.seed is not None and self.seed > LAST_SEED - (self.count - 1):
            raise ValueError("seed + count - 1 to be below 2**63")
        return self


def most_on_a_sheet(image_size: int) -> int:
    """Return how many images of `image_size` x `image_size` pixels one picture may hold.

    Examples
    --------
    >>> most_on_a_sheet(64), most_on_a_sheet(1024)
    (256, 16)
    """
    return max(1, min(MAX_SHEET_COUNT, MAX_SHEET_PIXELS // image_size**2))


def most_samples(image_size: int, max_count: int) -> dict[SampleFormat, int]:
    """Return how many samples one file of each format may hold.

    Parameters
    ----------
    image_size
        Height and width in pixels.
    max_count
        Samples that one request may ask for.
    """
    formats: tuple[SampleFormat, ...] = get_args(SampleFormat)
    return dict.fromkeys(formats, max_count) | {
        "png": min(max_count, most_on_a_sheet(image_size))  # one picture, made whole
    }


class ConditionEntry(BaseModel):
    """A covariate that samples can be asked for."""

    name: str = Field(description="what requests call it")
    minimum: float = Field(description="that may be asked for")
    maximum: float = Field(description="that may be asked for")
    unit: str = Field(description="of the values; empty for choices")
    choices: list[str] = Field(description="what may be asked for by name; empty for numbers")


class ModelEntry(BaseModel):
    """One served version of a model."""

    name: str = Field(description="of the registered model")
    version: int = Field(description="of the registered model")
    default: bool = Field(description="answers where a request names no version")
    aliases: list[str] = Field(description="what the registry calls this version, too")
    digest: str = Field(description="SHA-256 of weights and configuration")
    tasks: list[Task] = Field(description="what it can be asked for")
    image_size: int = Field(description="height and width in pixels")
    max_count: dict[SampleFormat, int] = Field(
        description="samples that one file of each format may hold; empty for a model without any"
    )
    parameters: int = Field(description="numbers that were learnt")
    device: str = Field(description="what computes")
    conditions: list[ConditionEntry] = Field(description="what samples can be asked to show")
    quick: bool = Field(description="whether samples can be asked for in a quick mode")
    quick_frechet_ratio: float | None = Field(
        None,
        description="how many times as far from real slices as other samples the quick ones are, "
        "by their Fréchet distance; null where that was not measured",
    )
    card: dict[str, object] = Field(description="data, code and licence behind the weights")


class Refused(BaseModel):
    """A version that the registry names and that the server keeps out; its log says more."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(description="of the registered model")
    version: int
    reason: Literal["checks", "loading", "warm-up"] = Field(
        description="its files are not what was registered, they do not make a network, or the "
        "network gave no images"
    )


class ModelList(BaseModel):
    """Every served model."""

    models: list[ModelEntry] = Field(description="the first version of a name is its default")
    refused: list[Refused] = Field(
        default_factory=list, description="versions that are kept out of service"
    )


class Health(BaseModel):
    """The server is alive."""

    status: Literal["ok"] = "ok"
    version: str = Field(description="of mrigen")


class Readiness(BaseModel):
    """Whether requests for samples will be answered."""

    ready: bool = Field(description="false while the server starts or drains")
    models: int = Field(description="served versions")


class Problem(BaseModel):
    """Why a request was refused, in one sentence."""

    detail: str
