"""Size of a flow, what it can be asked for, and how it is drawn from."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from mrigen.config import Config
from mrigen.models.interfaces import Condition

Modality = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,32}$")]
Range = tuple[float, float]


class ConditionsConfig(Config):
    """What of the manifest a network is told; what is left out it is not.

    A range holds the smallest and the largest value of any slice it may be told of.
    """

    position_mm: Range | None = Field(None, description="of a slice along its axis")
    age: Range | None = Field(None, description="of the subject in years")
    sex: bool = Field(False, description="female or male")
    modality: tuple[Modality, ...] = Field((), max_length=64, description="such as [T1w, T2w]")

    @model_validator(mode="after")
    def _ranges_rise(self) -> Self:
        for name in ("position_mm", "age"):
            ends = getattr(self, name)
            if ends is not None and not ends[0] < ends[1]:
                raise ValueError(f"'{name}' with two numbers, the smaller first")
        if len(set(self.modality)) < len(self.modality):
            raise ValueError("'modality' with every name once")
        return self

    def listed(self) -> tuple[Condition, ...]:
        """Return the conditions in the order in which the network reads them."""
        numbers = (("position_mm", self.position_mm, "mm"), ("age", self.age, "years"))
        found = [Condition(name, *ends, unit) for name, ends, unit in numbers if ends is not None]
        if self.sex:
            found.append(Condition("sex", 0, 1, choices=("female", "male")))
        if self.modality:
            last = len(self.modality) - 1
            found.append(Condition("modality", 0, last, choices=self.modality))
        return tuple(found)


class FlowSamplingConfig(Config):
    """How a path is followed from noise to an image."""

    steps: int = Field(
        10, ge=1, le=250, description="of Heun's method; each but the last costs two answers"
    )
    last_step: float = Field(
        0.25, ge=0, lt=1, description="share of the path that the last step covers at least"
    )
    quick_steps: int = Field(4, ge=1, le=250, description="of the quick mode")
    guidance: float = Field(
        1.0,
        ge=0,
        le=20,
        description="more than 1 insists on conditions, 0 ignores them; others cost twice",
    )
    stack_guidance: float | None = Field(
        None,
        ge=0,
        le=20,
        # It came later: where it is not set, studies keep their names and bundles their stacks.
        exclude_if=lambda value: value is None,
        description="the same, of slices that are drawn to make one head; null is that of others",
    )

    @model_validator(mode="after")
    def _quick_is_quicker(self) -> Self:
        if self.quick_steps > self.steps:
            raise ValueError(f"'quick_steps' of at most 'steps', not {self.quick_steps}")
        return self


class AutoguidanceConfig(Config):
    """Away from what a network of less training would draw."""

    weight: float = Field(
        2.0, gt=1, le=5, description="how far; 1 would be where the network itself goes"
    )
    start: float = Field(
        0.0, ge=0, lt=1, description="time on the path from which it pushes; 0 is noise"
    )
    share: float = Field(
        0.2, gt=0, lt=1, description="of the training, after which the guide is copied"
    )


class FlowConfig(Config):
    """Flow matching with a U-Net on a grid of pixel blocks."""

    name: Literal["flow"]
    block: Literal[1, 2, 4, 8] = Field(4, description="pixels along a side of a block")
    base_channels: int = Field(64, ge=8, le=1024, multiple_of=8)
    depth: int = Field(2, ge=0, le=5, description="number of halvings of the grid")
    residual_blocks: int = Field(1, ge=1, le=8, description="per level on the way down")
    attention_levels: int = Field(1, ge=0, le=6, description="how many of the coarsest have it")
    dropout: float = Field(0.0, ge=0, lt=1)
    embedding_size: int = Field(256, ge=8, le=4096, description="of time and conditions")
    preconditioning: Literal["none", "edm"] = "edm"
    whitening: float = Field(
        0.5, ge=0, le=1, description="how much of a coefficient's spread is divided away"
    )
    label_size: int = Field(0, ge=0, le=64, description="numbers that tell of augmentation")
    conditions: ConditionsConfig = ConditionsConfig()
    autoguidance: AutoguidanceConfig | None = None
    sampling: FlowSamplingConfig = FlowSamplingConfig()

    @model_validator(mode="after")
    def _guide_is_asked(self) -> Self:
        if self.autoguidance is None:
            return self
        if self.sampling.steps == 1:
            raise ValueError("'sampling.steps' of at least 2 with 'autoguidance', not 1")
        latest = 1 - max(self.sampling.last_step, 1 / self.sampling.steps)
        if self.autoguidance.start > latest:
            raise ValueError(
                f"an 'autoguidance.start' of at most {latest:g}, where the last step of 'sampling' "
                f"begins, not {self.autoguidance.start:g}"
            )
        return self
