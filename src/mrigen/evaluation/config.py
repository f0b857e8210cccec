"""How much of a model is judged, and with what."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from mrigen.config import Config
from mrigen.evaluation.extractors import EfficientNetConfig, ExtractorConfig

Label = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]


class RestorationConfig(Config):
    """How restored and reproduced slices are compared with the clean ones."""

    strengths: tuple[Annotated[float, Field(gt=0, le=1)], ...] = Field(
        (0.25, 0.5, 1.0), min_length=1, max_length=10, description="of every kind of damage"
    )
    slices: int = Field(
        96, ge=1, le=100_000, description="test slices for each damage and strength"
    )
    brain_mask_subjects: int = Field(
        3, ge=0, le=1000, description="test subjects whose brain masks are compared; seconds each"
    )
    position_bins: int = Field(4, ge=1, le=50, description="along the head")


class GenerationConfig(Config):
    """How generated slices are compared with real ones, as sets."""

    neighbours: int = Field(5, ge=1, le=100, description="of precision, recall, density, coverage")
    resamples: int = Field(100, ge=20, le=10_000, description="half-samples of subjects")
    position_bins: int = Field(4, ge=1, le=50)
    pairs: int = Field(256, ge=2, le=100_000, description="pairs of images for MS-SSIM")
    ladder: tuple[Literal["blur", "noise", "lower_resolution"], ...] = Field(
        ("blur", "noise"), description="degradations of real slices to compare with; [] for none"
    )


class CopyingConfig(Config):
    """How copies of training slices are looked for."""

    train_slices: int = Field(
        5000, ge=2, le=1_000_000, description="training slices to search, evenly over the split"
    )
    control_percentile: float = Field(
        1.0, gt=0, lt=50, description="of real test slices that would pass for copies"
    )
    shown_pairs: int = Field(10, ge=1, le=50)


def _rising(pair: tuple[float, float]) -> tuple[float, float]:
    if not 0 < pair[0] <= pair[1] <= 0.5:
        raise ValueError("[least, most], above 0 and at most 0.5")
    return pair


class AnomalyConfig(Config):
    """How lesions are looked for."""

    slices: int = Field(
        256, ge=1, le=100_000, description="test slices of each kind, evenly over the split"
    )
    contrast: float = Field(0.4, gt=0, le=1, description="of inserted lesions, in grey values")
    contrasts: tuple[Annotated[float, Field(gt=0, le=1)], ...] = Field(
        (0.1, 0.2, 0.3), max_length=10, description="further ones, for the table of contrasts"
    )
    radius: Annotated[tuple[float, float], AfterValidator(_rising)] = Field(
        (0.04, 0.1), description="of inserted lesions, in image heights"
    )
    smoothing: float = Field(1.5, ge=0, le=20, description="sigma over the maps, in pixels")
    draws: int = Field(8, ge=1, le=1000, description="latents of the reconstruction probability")
    dataset: Label | None = Field(
        None, description="whose test slices carry labelled lesions; null takes the model's own"
    )
    modality: str | None = Field(None, description="of those slices; null takes all")
    labels: tuple[Annotated[int, Field(ge=1, le=255)], ...] | None = Field(
        None, min_length=1, description="that are lesions; null takes all but 0"
    )
    shown: int = Field(6, ge=1, le=16, description="slices in the figures of maps")


Task = Literal["tumour", "sex", "age_group"]


class UsefulnessConfig(Config):
    """What is learned from generated slices, and by whom."""

    tasks: tuple[Task, ...] = ("tumour", "sex", "age_group")
    images: int = Field(
        1024, ge=2, le=100_000, description="real training slices at most, and as many generated"
    )
    steps: int = Field(300, ge=1, le=1_000_000, description="of training a classifier")
    repeats: int = Field(1, ge=1, le=100, description="classifiers of other seeds, averaged over")
    age_groups: int = Field(2, ge=2, le=10, description="equally large ones of training subjects")


class LatentConfig(Config):
    """What is drawn of a latent space, and of how many slices."""

    images: int = Field(9, ge=2, le=64, description="steps of an interpolation or a traversal")
    paths: int = Field(5, ge=1, le=32, description="interpolations, one a line")
    traversals: int = Field(6, ge=1, le=64, description="latents that are traversed")
    map_slices: int = Field(400, ge=10, le=10_000, description="of each split on the maps")


class ConditionsConfig(Config):
    """How much is asked of a network that can be asked."""

    images: int = Field(64, ge=4, le=10_000, description="asked for at random conditions")
    train_slices: int = Field(
        512, ge=10, le=100_000, description="real ones at most that readers learn from"
    )
    ages: tuple[Annotated[float, Field(ge=0, le=130)], ...] = Field(
        (20, 30, 40, 50, 60, 70, 80),
        min_length=2,
        max_length=30,
        description="at which the same heads are drawn, as far as training subjects have them",
    )
    seeds: int = Field(8, ge=1, le=1000, description="heads that are drawn at every age")
    positions: int = Field(2, ge=1, le=20, description="at which their ventricles are measured")
    rows: int = Field(4, ge=1, le=16, description="of a sheet: positions or seeds")
    columns: int = Field(7, ge=2, le=16, description="of a sheet: ages, positions or seeds")


class StacksConfig(Config):
    """How slices of a network that is told positions are laid one above the other."""

    stacks: int = Field(4, ge=1, le=1000, description="pseudo-volumes of each kind of noise")
    slices: int = Field(24, ge=3, le=512, description="of a stack at most")
    turn_mm: float | None = Field(
        10.0, ge=0.1, le=10_000, description="along which noise turns into another; null for none"
    )


def _distinct(extractors: tuple[ExtractorConfig, ...]) -> tuple[ExtractorConfig, ...]:
    labels = [extractor.label for extractor in extractors]
    if len(set(labels)) < len(labels):
        raise ValueError("extractors with labels of their own: each at most once")
    return extractors


class EvaluationConfig(Config):
    """Sizes of an evaluation; the same values make results comparable between models.

    A block that is null is left out of the evaluation.
    """

    samples: int = Field(
        256,
        ge=2,
        le=50_000,
        description="generated images, and as many real ones, unless a split has fewer",
    )
    slices: int = Field(
        1024, ge=1, le=1_000_000, description="test slices to restore, evenly over the split"
    )
    extractors: Annotated[tuple[ExtractorConfig, ...], AfterValidator(_distinct)] = Field(
        (EfficientNetConfig(),), min_length=1, max_length=8
    )
    seed: int = Field(0, ge=0, lt=2**31)
    sheet_images: int = Field(16, ge=1, le=64, description="images on a sheet of samples")
    restoration_images: int = Field(6, ge=1, le=16, description="slices in the restoration figure")
    restoration: RestorationConfig | None = RestorationConfig()
    generation: GenerationConfig | None = GenerationConfig()
    copying: CopyingConfig | None = CopyingConfig()
    anomaly: AnomalyConfig | None = AnomalyConfig()
    usefulness: UsefulnessConfig | None = UsefulnessConfig()
    latent: LatentConfig | None = LatentConfig()
    conditions: ConditionsConfig | None = ConditionsConfig()
    stacks: StacksConfig | None = StacksConfig()
