"""The `corruption` of a model: steps in their order, alternatives, and steps that come back."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from mrigen.config import Config
from mrigen.data.corruptions.blank_squares import BlankSquares
from mrigen.data.corruptions.brightness import BiasField, Rescale
from mrigen.data.corruptions.fourier import Ghosting, Gibbs
from mrigen.data.corruptions.line_patch import LinePatch
from mrigen.data.corruptions.motion import Motion
from mrigen.data.corruptions.noise import GaussianNoise, PixelDropout, RicianNoise
from mrigen.data.corruptions.resolution import Blur, LowerResolution
from mrigen.data.corruptions.step import Probability

#: Every kind of damage.
STEPS = (
    LinePatch,
    BlankSquares,
    LowerResolution,
    Blur,
    Gibbs,
    Ghosting,
    Motion,
    PixelDropout,
    GaussianNoise,
    RicianNoise,
    BiasField,
    Rescale,
)


class OneOf(Config):
    """One of several branches of steps, chosen for every item.

    "random" draws it anew; "in_turn" goes through the branches from pass to pass, so that as many
    passes as there are branches show every slice in every way, as Lorente's augmented set does.
    """

    name: Literal["one_of"]
    probability: Probability = 1.0
    choose: Literal["random", "in_turn"] = "random"
    steps: tuple[tuple["StepConfig", ...], ...] = Field(min_length=2, max_length=64)


class Repeat(Config):
    """Steps whose damage comes back every `passes` passes; 1 fixes it once and for all."""

    name: Literal["repeat"]
    probability: Probability = 1.0
    passes: int = Field(1, ge=1, le=100_000)
    steps: tuple["StepConfig", ...] = Field(min_length=1)


StepConfig = Annotated[
    LinePatch
    | BlankSquares
    | LowerResolution
    | Blur
    | Gibbs
    | Ghosting
    | Motion
    | PixelDropout
    | GaussianNoise
    | RicianNoise
    | BiasField
    | Rescale
    | OneOf
    | Repeat,
    Field(discriminator="name"),
]


def _as_steps(value: object) -> object:
    if isinstance(value, list | tuple) and value:
        return value
    raise ValueError(
        "null, or a list of steps in the order in which they are done, such as "
        "[{name: line_patch}, {name: lower_resolution, factor: 2}]"
    )


Recipe = Annotated[tuple[StepConfig, ...], BeforeValidator(_as_steps)]

OneOf.model_rebuild()
Repeat.model_rebuild()
