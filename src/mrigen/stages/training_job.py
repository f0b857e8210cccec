"""One training of `params.yaml`: what it depends on, and where it starts."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import torch
from filelock import FileLock, Timeout
from torch import Tensor, nn

from mrigen.data.loader import (
    TRAIN,
    VALIDATION,
    Batch,
    SliceDataset,
    ordered_batches,
    training_batches,
)
from mrigen.data.store.slice_store import SliceStore
from mrigen.errors import ModelError
from mrigen.model_config import ModelConfig
from mrigen.models.build import build_network
from mrigen.models.interfaces import Condition, Conditional, Measured
from mrigen.objectives.build import build_objective
from mrigen.project import Project
from mrigen.seeds import torch_seed
from mrigen.stages.provenance import source_hash
from mrigen.stages.training_conditions import require_fit
from mrigen.stages.validation_needs import require_validation
from mrigen.training.loop import start_state
from mrigen.training.runtime import Runtime
from mrigen.training.state import TrainState

# Enough for a curve.
VALIDATION_SLICES = 512

# Enough to measure or to fit something that is not learned by gradients.
CLEAN_SLICES = 8192
_CLEAN_BATCH = 64

# What decides the weights beside parameters and data.
CODE = (
    "data/augmentation.py",
    "data/corruptions",
    "data/covariates.py",
    "data/loader.py",
    "data/order.py",
    "data/resident.py",
    "images.py",
    "metrics/similarity.py",
    "models",
    "objectives",
    "seeds.py",
    "training",
)

# What decides, beside that, which of the weights are kept where images are judged.
JUDGE = (
    "evaluation/case.py",
    "evaluation/drawing.py",
    "evaluation/extractors.py",
    "evaluation/feature_cache.py",
    "evaluation/validation_score.py",
    "metrics/efficientnet_lite.py",
    "metrics/feature_sets.py",
    "metrics/features.py",
    "metrics/kernel_distance.py",
    "stages/looks.py",
)


@dataclass(frozen=True)
class TrainingJob:
    """What is trained, on what, where.

    Attributes
    ----------
    project, model, config
        The model's name and section in the `params.yaml` of a project.
    store
        Slices of the section's dataset.
    runtime
        Where to compute.
    """

    project: Project
    model: str
    config: ModelConfig
    store: SliceStore
    runtime: Runtime

    @property
    def checkpoint(self) -> Path:
        """Where the state lies until training has ended."""
        return self.project.checkpoint(self.model)

    @property
    def section(self) -> dict[str, object]:
        """The part of the model's parameters that decides its weights."""
        return self.config.trained

    @property
    def identity(self) -> str:
        """A checkpoint with another identity belongs to another training."""
        judge = JUDGE if self.config.training.kept_by == "kernel_distance" else ()
        code = source_hash(*CODE, *judge)
        parts = [self.section, self.store.fingerprint, code, *self.runtime.arithmetic]
        return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes from training the same model in the same project.

        Raises
        ------
        ModelError
            If one does so already.
        """
        self.checkpoint.parent.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.checkpoint.with_suffix(".lock"), timeout=0):
                yield
        except Timeout:
            raise ModelError(
                f"model '{self.model}' is being trained by another process in this project: wait "
                "for it or stop it."
            ) from None

    def prepare(self) -> TrainState:
        """Make the state of step 0: the same weights for the same seed.

        Raises
        ------
        ConfigError, DataError, ModelError
            If network, objective, training and slices do not fit together.
        """
        require_fit(self.store.manifest, self.conditions, model=self.model)
        seed = self.config.training.seed
        torch.manual_seed(torch_seed(seed, "initialise"))
        network = build_network(self.config.network, self.store.size)
        objective = build_objective(self.config.objective, network)
        require_validation(objective, self.config, self.store, model=self.model)
        if isinstance(network, Measured):  # before its averages are copied from it
            network.measure(self.clean_slices(torch.device("cpu")))
        state = start_state(objective, self.config.training, self.runtime)
        torch.manual_seed(torch_seed(seed, "train"))
        return state

    def check(self) -> nn.Module:
        """Build the network as shapes alone, and see to it that it can be trained; return it.

        Raises
        ------
        ConfigError, DataError, ModelError
            As of `prepare`.
        """
        require_fit(self.store.manifest, self.conditions, model=self.model)
        with torch.device("meta"):
            network = build_network(self.config.network, self.store.size)
            objective = build_objective(self.config.objective, network)
            require_validation(objective, self.config, self.store, model=self.model)
        return network

    @cached_property
    def conditions(self) -> tuple[Condition, ...]:
        """What the network is told of each slice."""
        # Shapes alone, and no number is drawn: what comes after draws as if nobody had asked.
        with torch.random.fork_rng(devices=[]), torch.device("meta"):
            network = build_network(self.config.network, self.store.size)
        return network.conditions if isinstance(network, Conditional) else ()

    def dataset(self, split: str) -> SliceDataset:
        """Return the slices of one split, damaged as the model's section says.

        Those of training are augmented, too.
        """
        training = self.config.training
        return SliceDataset(
            self.store,
            split,
            corruption=self.config.corruption,
            seed=training.seed,
            augmentation=training.augmentation if split == TRAIN else None,
            covariates=self.conditions,
        )

    def training_batches(self, start_step: int = 0) -> Iterator[Batch]:
        """Return the endless stream of training batches from `start_step` on."""
        return training_batches(
            self.dataset(TRAIN),
            batch_size=self.config.training.batch_size,
            start_step=start_step,
            device=self.runtime.device,
            workers=self.runtime.workers,
            resident=self.runtime.resident,
        )

    def clean_slices(self, device: torch.device) -> Iterator[Tensor]:
        """Yield training slices as they are, without damage and augmentation, in batches."""
        clean = SliceDataset(self.store, TRAIN, corruption=None, seed=0)
        batches = ordered_batches(clean, batch_size=_CLEAN_BATCH, limit=CLEAN_SLICES, device=device)
        return (batch.target for batch in batches)

    def validation_batches(self) -> Iterator[Batch]:
        """Return the validation slices: all where their loss decides something, else a part."""
        training = self.config.training
        return ordered_batches(
            self.dataset(VALIDATION),
            batch_size=training.batch_size,
            limit=None if training.watches_validation else VALIDATION_SLICES,
            device=self.runtime.device,
        )

    def steps_per_epoch(self) -> int:
        """Return how many batches bring each training slice about once."""
        return max(1, round(len(self.dataset(TRAIN)) / self.config.training.batch_size))
