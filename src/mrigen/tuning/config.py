"""What a study searches: the `search` block of a model."""

import math
import re
from typing import Annotated, Literal, Self, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from mrigen.config import Config

_EXPONENT = re.compile(r"[+-]?\d+(\.\d*)?[eE][+-]?\d+")

#: What a parameter of a search may be.
Value = bool | int | float | str | None

#: What a trial is judged by, on validation subjects; less is better.
Score = Literal["frechet_distance", "kernel_distance", "dssim", "mse"]


def _single(value: object) -> object:
    if isinstance(value, str) and _EXPONENT.fullmatch(value):
        return float(value)  # YAML reads 1e-3 as text, and no parameter is a text of that form
    plain = value is None or isinstance(value, bool | int | float | str)
    if not plain or (isinstance(value, float) and not math.isfinite(value)):
        raise ValueError("a single value: a finite number, a text, true, false or null")
    return value


WrittenValue = Annotated[Value, BeforeValidator(_single)]


def _two(bounds: object) -> object:
    if isinstance(bounds, list | tuple) and len(bounds) != 2:
        raise ValueError("[low, high]")
    return bounds


def is_multiple(width: float, step: float) -> bool:
    """Whether so many steps make a width, but for rounding."""
    steps = width / step
    return abs(steps - round(steps)) < 1e-8


RangeT = TypeVar("RangeT", tuple[float, float], tuple[int, int])


def _rising(bounds: RangeT) -> RangeT:
    if bounds[0] >= bounds[1]:
        raise ValueError("[low, high] with low below high")
    return bounds


Range = Annotated[RangeT, BeforeValidator(_two), AfterValidator(_rising)]

# A path into the model's section, such as `network.latent_size` or `training.betas.0`.
ParameterPath = str


class ParameterConfig(Config):
    """One searched parameter: a range of numbers, of whole numbers, or a choice.

    Exactly one of `float`, `integer` and `choice` is given.
    """

    real: Range[tuple[float, float]] | None = Field(None, alias="float", description="[low, high]")
    integer: Range[tuple[int, int]] | None = Field(None, description="[low, high], both included")
    choice: tuple[WrittenValue, ...] | None = Field(None, min_length=2, max_length=100)
    log: bool = Field(False, description="search orders of magnitude evenly; low above 0")
    step: float | None = Field(None, gt=0, description="between neighbouring values")
    when: dict[ParameterPath, WrittenValue | tuple[WrittenValue, ...]] = Field(
        {}, description="values of other searched choices under which this one exists"
    )

    @field_validator("choice")
    @classmethod
    def _different(cls, choice: tuple[Value, ...] | None) -> tuple[Value, ...] | None:
        # Equal as Python has it, where true is 1: studies cannot tell these apart.
        if choice is not None and len(set(choice)) < len(choice):
            raise ValueError("each choice once, and none equal to another")
        return choice

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if sum(given is not None for given in (self.real, self.integer, self.choice)) != 1:
            raise ValueError("exactly one of 'float', 'integer' and 'choice'")
        if self.choice is not None:
            if self.log or self.step is not None:
                raise ValueError("'log' and 'step' with a range alone, not with 'choice'")
            return self
        low, high = self.bounds
        if self.log and low <= 0:
            raise ValueError("a range above 0 for 'log'")
        if self.step is not None:
            self._check_step(self.step, high - low)
        return self

    def _check_step(self, step: float, width: float) -> None:
        if self.log:
            raise ValueError("either 'log' or 'step'")
        if self.integer is not None and not step.is_integer():
            raise ValueError("a whole number as the 'step' of 'integer'")
        if not is_multiple(width, step):
            raise ValueError("a 'step' that leads from the low end to the high one")

    @property
    def kind(self) -> str:
        """The key that says what it is."""
        if self.choice is not None:
            return "choice"
        return "float" if self.integer is None else "integer"

    @property
    def bounds(self) -> tuple[float, float]:
        """Lowest and highest number of a range; whole ones for `integer`."""
        if self.integer is not None:
            return self.integer
        if self.real is not None:
            return self.real
        raise ValueError("a choice has no bounds")

    @property
    def conditions(self) -> dict[str, tuple[Value, ...]]:
        """The values of `when`, always as a tuple."""
        return {
            path: values if isinstance(values, tuple) else (values,)
            for path, values in self.when.items()
        }


class PruningConfig(Config):
    """How Hyperband gives up trials that lag behind."""

    first_epoch: int | None = Field(
        None, ge=1, description="of the first look; null takes a third of the epochs"
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
    parameters: dict[ParameterPath, ParameterConfig] = Field(min_length=1, max_length=50)
