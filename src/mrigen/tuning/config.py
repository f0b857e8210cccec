"""What a study searches: the `search` block of a model."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from mrigen.config import Config

#: What a parameter of a search may be.
Value = bool | int | float | str | None

#: What a trial is judged by, on validation subjects; less is better.
Score = Literal["frechet_distance", "kernel_distance", "dssim", "mse"]

# A path into the model's section, such as `network.latent_size` or `training.betas.0`.
Path = Annotated[
    str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)+$", max_length=200)
]


class ParameterConfig(Config):
    """One searched parameter: a range of numbers, of whole numbers, or a choice.

    Exactly one of `float`, `integer` and `choice` is given.
    """

    real: tuple[float, float] | None = Field(None, alias="float", description="[low, high]")
    integer: tuple[int, int] | None = Field(None, description="[low, high], both included")
    choice: tuple[Value, ...] | None = Field(None, min_length=2, max_length=100)
    log: bool = Field(False, description="search orders of magnitude evenly; low above 0")
    step: float | None = Field(None, gt=0, description="between neighbouring values")
    when: dict[Path, Value | tuple[Value, ...]] = Field(
        {}, description="values of other searched choices under which this one exists"
    )


class PruningConfig(Config):
    """How Hyperband gives up trials that lag behind."""

    first_epoch: int | None = Field(
        None, ge=1, description="of the first look; null takes a ninth of the epochs"
    )
    reduction: int = Field(3, ge=2, le=10, description="one in so many goes on from look to look")


class SearchConfig(Config):
    """What a study of a model searches, and what it judges by."""

    score: Score | None = Field(
        None,
        description="null takes frechet_distance for generators and dssim for restorers",
    )
    samples: int = Field(
        256, ge=16, le=50_000, description="generated images a score is measured on"
    )
    slices: int = Field(
        512, ge=2, le=1_000_000, description="validation slices a score is measured on"
    )
    pruning: PruningConfig | None = PruningConfig()
    seed: int = Field(0, ge=0, lt=2**31, description="of the proposals")
    parameters: dict[Path, ParameterConfig] = Field(min_length=1, max_length=50)
