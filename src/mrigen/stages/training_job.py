"""One training of `params.yaml`: what it depends on, and where it starts."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import torch
from filelock import FileLock, Timeout

from mrigen.data.loader import TRAIN, SliceDataset
from mrigen.data.store.slice_store import SliceStore
from mrigen.errors import ModelError
from mrigen.models.build import build_network
from mrigen.objectives.build import build_objective
from mrigen.project import ModelConfig, Project
from mrigen.seeds import torch_seed
from mrigen.stages.provenance import source_hash
from mrigen.training.loop import start_state
from mrigen.training.runtime import Runtime
from mrigen.training.state import TrainState

# What decides the weights beside parameters and data.
CODE = ("data/loader.py", "data/corruptions", "seeds.py", "models", "objectives", "training")


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
        dumped = self.config.model_dump(mode="json")
        return {key: dumped[key] for key in ("network", "objective", "corruption", "training")}

    @property
    def identity(self) -> str:
        """A checkpoint with another identity belongs to another training."""
        code = source_hash(*CODE)
        runtime = [self.runtime.device.type, self.runtime.precision, torch.__version__]
        parts = [self.section, self.store.fingerprint, code, *runtime]
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
        """Make the state of step 0: the same weights for the same seed."""
        seed = self.config.training.seed
        torch.manual_seed(torch_seed(seed, "initialise"))
        network = build_network(self.config.network, self.store.size)
        objective = build_objective(self.config.objective, network)
        state = start_state(objective, self.config.training, self.runtime)
        torch.manual_seed(torch_seed(seed, "train"))
        return state

    def dataset(self, split: str) -> SliceDataset:
        """Return the slices of one split, damaged as the model's section says."""
        return SliceDataset(
            self.store, split, corruption=self.config.corruption, seed=self.config.training.seed
        )

    def steps_per_epoch(self) -> int:
        """Return how many batches bring each training slice about once."""
        return max(1, round(len(self.dataset(TRAIN)) / self.config.training.batch_size))
