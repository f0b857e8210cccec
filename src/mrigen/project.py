"""A project folder: what its `params.yaml` says, and where everything lies."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from mrigen.config import Config, parse_config, read_yaml
from mrigen.data.slicing.dataset import DatasetConfig
from mrigen.data.sources import SourceConfig
from mrigen.errors import ConfigError
from mrigen.model_config import ModelConfig, check_model

# Names become folders, DVC stages and MLflow models.
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]


class Params(Config):
    """The whole of `params.yaml`; a project may have data alone, and `models: {}`."""

    sources: dict[Name, SourceConfig] = Field(min_length=1)
    datasets: dict[Name, DatasetConfig]
    models: dict[Name, ModelConfig]

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        for name, dataset in self.datasets.items():
            if dataset.source not in self.sources:
                raise ConfigError(
                    f"params.yaml: 'datasets.{name}.source' is '{dataset.source}': expected one "
                    f"of the names under 'sources', {_listed(self.sources)}."
                )
        for name, model in self.models.items():
            check_model(name, model)
            self._check_judges(name, model)
            if model.dataset not in self.datasets:
                raise ConfigError(
                    f"params.yaml: 'models.{name}.dataset' is '{model.dataset}': expected one "
                    f"of the names under 'datasets', {_listed(self.datasets)}."
                )
            if not self.datasets[model.dataset].split.has_test:
                raise ConfigError(
                    f"params.yaml: 'datasets.{model.dataset}.split.test' is 0: expected greater "
                    f"than 0, as model '{name}' is judged on test subjects."
                )
        return self

    def _check_judges(self, name: str, model: ModelConfig) -> None:
        anomaly = model.evaluation.anomaly
        if anomaly is not None and anomaly.dataset not in {None, *self.datasets}:
            raise ConfigError(
                f"params.yaml: 'models.{name}.evaluation.anomaly.dataset' is '{anomaly.dataset}': "
                f"expected one of the names under 'datasets', {_listed(self.datasets)}."
            )


@dataclass(frozen=True)
class Project:
    """A folder with a `params.yaml`, and the paths of everything the stages write.

    Attributes
    ----------
    root
        The folder; relative paths in `params.yaml` start here.
    params
        The validated values.
    """

    root: Path
    params: Params

    @property
    def index(self) -> Path:
        """What `mrigen index` found in the raw data."""
        return self.root / "index"

    @property
    def report(self) -> Path:
        """The comparison over all models."""
        return self.root / "report"

    @property
    def masks(self) -> Path:
        """Brain masks that have been computed; DVC does not know them."""
        return self.root / "masks"

    @property
    def cache(self) -> Path:
        """What an evaluation computes once per dataset; DVC does not know it."""
        return self.root / "cache"

    @property
    def tuned(self) -> Path:
        """Studies of parameters, and what was found; DVC does not know it."""
        return self.root / "tuned"

    def processed(self, dataset: str) -> Path:
        """Return the slice store of a dataset."""
        return self.root / "processed" / dataset

    def model_folder(self, model: str) -> Path:
        """Return the folder of a trained model."""
        return self.root / "models" / model

    def bundle(self, model: str) -> Path:
        """Return the bundle of a trained model."""
        return self.model_folder(model) / "bundle"

    def checkpoint(self, model: str) -> Path:
        """Return the checkpoint of a training under way; DVC does not know it."""
        return self.root / "checkpoints" / f"{model}.safetensors"

    def evaluation(self, model: str) -> Path:
        """Return the figures and numbers of an evaluated model."""
        return self.root / "evaluation" / model

    def dataset_config(self, dataset: str) -> DatasetConfig:
        """Return a dataset's entry.

        Raises
        ------
        ConfigError
            If `params.yaml` has no such dataset.
        """
        if dataset not in self.params.datasets:
            raise ConfigError(
                f"dataset '{dataset}' is not in params.yaml: expected one of "
                f"{_listed(self.params.datasets)}."
            )
        return self.params.datasets[dataset]

    def model_config(self, model: str) -> ModelConfig:
        """Return a model's entry.

        Raises
        ------
        ConfigError
            If `params.yaml` has no such model.
        """
        if model not in self.params.models:
            raise ConfigError(
                f"model '{model}' is not in params.yaml: expected one of "
                f"{_listed(self.params.models)}."
            )
        return self.params.models[model]


def load_project(root: Path) -> Project:
    """Read the `params.yaml` of a project folder.

    Raises
    ------
    ConfigError
        Naming the key, the value and what was expected.
    """
    values = read_yaml(root / "params.yaml")
    return Project(root.resolve(), parse_config(Params, values, source="params.yaml"))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
