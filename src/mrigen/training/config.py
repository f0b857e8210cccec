"""How weights move: the `training` block of a model."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mrigen.config import Config
from mrigen.data.augmentation import AugmentationConfig

Momentum = Annotated[float, Field(ge=0, lt=1)]


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


class TrainingConfig(Config):
    """How weights move; the same for every model."""

    epochs: int = Field(50, ge=1, le=100_000)
    batch_size: int = Field(32, ge=1, le=65_536)
    optimizer: Literal["adam", "adamw", "rmsprop"] = "adam"
    learning_rate: float = Field(1e-3, gt=0, le=1)
    betas: tuple[Momentum, Momentum] = Field((0.9, 0.999), description="of adam and adamw")
    epsilon: float = Field(1e-8, gt=0, le=1, description="of every optimizer; Keras has 1e-7")
    weight_decay: float = Field(0.0, ge=0, le=1)
    schedule: Literal["constant", "cosine", "plateau"] = "constant"
    plateau: PlateauConfig = PlateauConfig()
    warmup_steps: int = Field(0, ge=0)
    early_stopping: EarlyStoppingConfig | None = None
    keep: Literal["last", "best"] = Field("last", description="best by the validation loss")
    clip_norm: float | None = Field(None, gt=0, description="largest norm of a gradient")
    ema_decay: float | None = Field(0.999, gt=0, lt=1, description="null keeps the last weights")
    augmentation: AugmentationConfig | None = None
    seed: int = Field(0, ge=0, lt=2**31)

    @model_validator(mode="after")
    def _plateau_is_used(self) -> Self:
        if self.schedule != "plateau" and self.plateau != PlateauConfig():
            raise ValueError("no block 'plateau', or 'schedule: plateau' beside it")
        return self

    @property
    def watches_validation(self) -> bool:
        """Whether the validation loss decides anything about the training."""
        return self.schedule == "plateau" or self.early_stopping is not None or self.keep == "best"
