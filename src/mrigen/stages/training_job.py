"""One training of `params.yaml`: what it depends on, and where it starts."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import torch
from filelock import FileLock, Timeout
from torch import nn

from mrigen.data.loader import (
    TRAIN,
    VALIDATION,
    Batch,
    SliceDataset,
    ordered_batches,
    training_batches,
)
from mrigen.data.store.slice_store import SliceStore
from mrigen.errors import ConfigError, ModelError
from mrigen.model_config import ModelConfig
from mrigen.models.build import build_network
from mrigen.objectives.base import Objective
from mrigen.objectives.build import build_objective
from mrigen.project import Project
from mrigen.seeds import torch_seed
from mrigen.stages.provenance import source_hash
from mrigen.training.loop import start_state
from mrigen.training.runtime import Runtime
from mrigen.training.state import TrainState

# Enough for a curve.
VALIDATION_SLICES = 512

# What decides the weights beside parameters and data.
CODE = (
    "data/augmentation.py",
    "data/corruptions",
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
        code = source_hash(*CODE)
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
        ConfigError, ModelError
            If network, objective and training do not fit together, or the training needs a
            validation split and the dataset has none.
        """
        seed = self.config.training.seed
        torch.manual_seed(torch_seed(seed, "initialise"))
        network = build_network(self.config.network, self.store.size)
        objective = build_objective(self.config.objective, network)
        self._require_validation(objective)
        state = start_state(objective, self.config.training, self.runtime)
        torch.manual_seed(torch_seed(seed, "train"))
        return state

    def check(self) -> nn.Module:
        """Build the network as shapes alone, and see to it that it can be trained; return it.

        Raises
        ------
        ConfigError, ModelError
            As of `prepare`.
        """
        with torch.device("meta"):
            network = build_network(self.config.network, self.store.size)
            self._require_validation(build_objective(self.config.objective, network))
        return network

    def _require_validation(self, objective: Objective) -> None:
        training = self.config.training
        asks = {
            "schedule: plateau": training.schedule == "plateau",
            "early_stopping": training.early_stopping is not None,
            "keep: best": training.keep == "best",
        }
        for setting, asked in asks.items():
            if asked and len(objective.phases) > 1:
                names = ", ".join(f"'{phase.name}'" for phase in objective.phases)
                raise ConfigError(
                    f"model '{self.model}' has '{setting}', but its objective "
                    f"'{self.config.objective.name}' has several losses ({names}): expected one "
                    "whose validation loss says which epoch is better. Remove the setting."
                )
            if asked and not len(self.store.positions(VALIDATION)):
                raise ConfigError(
                    f"model '{self.model}' has '{setting}', but dataset '{self.config.dataset}' "
                    "has no validation slices: expected a validation split. Give it a share of "
                    "the subjects, or remove the setting."
                )

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
