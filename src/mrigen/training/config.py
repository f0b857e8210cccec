"""How weights move: the `training` block of a model."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mrigen.config import Config
from mrigen.data.augmentation import AugmentationConfig

Momentum = Annotated[float, Field(ge=0, lt=1)]
HalfLife = Annotated[float, Field(gt=0, le=0.5)]


class PlateauConfig(Config):
    """When the learning rate falls for want of progress; the defaults are Arnaiz'."""

    factor: float = Field(0.2, gt=0, lt=1, description="what the rate is multiplied by")
    patience: int = Field(4, ge=1, description="epochs without progress before the rate falls")
    min_delta: float = Field(1e-7, ge=0, description="a smaller gain is no progress")
    min_rate: float = Field(1e-7, ge=0, description="the rate falls no further")


class EarlyStoppingConfig(Config):
    """When a training ends for want of progress; the defaults are Arnaiz'."""

    patience: int = Field(20, ge=1, description="epochs without progress before the end")
    min_delta: float = Field(2e-7, ge=0, description="a smaller gain is no progress")


class LooksConfig(Config):
    """When the averages of a generator are compared by their images, and on how many."""

    every: int = Field(5, ge=1, description="epochs from look to look; the last has one, too")
    start: float = Field(0.5, ge=0, lt=1, description="share of the epochs before the first look")
    samples: int = Field(256, ge=16, le=50_000, description="generated images of each average")
    slices: int = Field(512, ge=2, le=1_000_000, description="validation slices, at most")

    def is_due(self, epoch: int, epochs: int) -> bool:
        """Whether there is a look after `epoch` of a training of `epochs`."""
        past = epoch - max(1, round(self.start * epochs))
        return epoch == epochs or (past >= 0 and past % self.every == 0)


# Keys that came later are left out of a section where they say nothing: studies are named by a
# hash of it, and those from before go on.
def _is_unset(value: object) -> bool:
    return value in (None, "loss")


class TrainingConfig(Config):
    """How weights move; the same for every model."""

    epochs: int = Field(50, ge=1, le=100_000)
    batch_size: int = Field(32, ge=1, le=65_536)
    optimizer: Literal["adam", "adamw", "rmsprop", "muon"] = "adam"
    learning_rate: float = Field(1e-3, gt=0, le=1)
    betas: tuple[Momentum, Momentum] = Field((0.9, 0.999), description="of adam, adamw and muon")
    epsilon: float = Field(1e-8, gt=0, le=1, description="of every optimizer; Keras has 1e-7")
    weight_decay: float = Field(0.0, ge=0, le=1)
    schedule: Literal["constant", "cosine", "plateau"] = "constant"
    plateau: PlateauConfig = PlateauConfig()
    warmup_steps: int = Field(0, ge=0)
    early_stopping: EarlyStoppingConfig | None = None
    keep: Literal["last", "best"] = "last"
    judged_by: Literal["loss", "kernel_distance"] = Field(
        "loss", exclude_if=_is_unset, description="of validation slices: what the best is best by"
    )
    looks: LooksConfig | None = Field(None, exclude_if=_is_unset)
    clip_norm: float | None = Field(None, gt=0, description="largest norm of a gradient")
    ema_decay: float | None = Field(0.999, gt=0, lt=1, description="null keeps the last weights")
    ema_half_lives: tuple[HalfLife, ...] | None = Field(
        None,
        min_length=1,
        max_length=4,
        exclude_if=_is_unset,
        description="in place of ema_decay: shares of the steps so far, an average for each",
    )
    augmentation: AugmentationConfig | None = None
    seed: int = Field(0, ge=0, lt=2**31)

    @model_validator(mode="after")
    def _plateau_is_used(self) -> Self:
        if self.schedule != "plateau" and self.plateau != PlateauConfig():
            raise ValueError("no block 'plateau', or 'schedule: plateau' beside it")
        return self

    @model_validator(mode="before")
    @classmethod
    def _fill_in_what_follows(cls, values: object) -> object:
        if not isinstance(values, Mapping):
            return values
        filled = dict(values)
        if filled.get("ema_half_lives") is not None:
            filled.setdefault("ema_decay", None)
        if filled.get("judged_by") == "kernel_distance" and filled.get("looks") is None:
            filled["looks"] = LooksConfig()
        return filled

    @model_validator(mode="after")
    def _averages_are_of_one_kind(self) -> Self:
        shares = self.ema_half_lives
        if shares is not None and self.ema_decay is not None:
            raise ValueError("either 'ema_decay' or 'ema_half_lives'")
        if shares is not None and len(set(shares)) < len(shares):
            raise ValueError("each of 'ema_half_lives' once")
        return self

    @model_validator(mode="after")
    def _looks_are_used(self) -> Self:
        if self.judged_by == "kernel_distance" and self.keep != "best":
            raise ValueError("no 'judged_by: kernel_distance', or 'keep: best' beside it")
        if self.judged_by == "loss" and self.looks is not None:
            raise ValueError("no block 'looks', or 'judged_by: kernel_distance' beside it")
        return self

    @property
    def kept_by(self) -> Literal["loss", "kernel_distance"] | None:
        """What decides which epoch is kept; None for the last."""
        return self.judged_by if self.keep == "best" else None

    @property
    def watches_validation(self) -> bool:
        """Whether the validation loss decides anything about the training."""
        stops = self.early_stopping is not None
        return self.schedule == "plateau" or stops or self.kept_by == "loss"
