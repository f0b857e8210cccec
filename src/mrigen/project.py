"""A project folder: what its `params.yaml` says, and where everything lies."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, ValidationError, model_validator

from mrigen.config import Config, describe, parse_config, read_yaml
from mrigen.data.augmentation import AUGMENTATION_LABELS
from mrigen.data.corruptions.recipe import Recipe
from mrigen.data.slicing.dataset import DatasetConfig
from mrigen.data.sources import SourceConfig
from mrigen.errors import ConfigError
from mrigen.evaluation.catalogue.listing import find_metric, metric_columns
from mrigen.evaluation.config import EvaluationConfig
from mrigen.models.build import NetworkConfig
from mrigen.objectives.build import ObjectiveConfig
from mrigen.registry.gate import GateConfig
from mrigen.training.config import TrainingConfig
from mrigen.tuning.config import SearchConfig, Value
from mrigen.tuning.paths import with_parameters
from mrigen.tuning.search_checks import check_search
from mrigen.tuning.space import space_hash

_SHOWN_LETTERS = 80

# Names become folders, DVC stages and MLflow models.
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]


class ModelConfig(Config):
    """One entry under `models:`: a network, how it learns, from what, and how it is judged.

    Every key but `search` has to be there, empty (`{}`) or `null` where there is nothing to say:
    DVC compares them one by one to decide what to run again.
    """

    dataset: str
    network: NetworkConfig
    objective: ObjectiveConfig
    corruption: Recipe | None
    training: TrainingConfig
    evaluation: EvaluationConfig
    gate: GateConfig
    search: SearchConfig | None = None

    @property
    def section(self) -> dict[str, Any]:
        """All keys but `search`, defaults included, as plain values."""
        return self.model_dump(mode="json", exclude={"search"})

    def with_parameters(self, params: Mapping[str, Value]) -> Self:
        """Return the entry with other values at some paths, such as `network.latent_size`.

        A block that becomes another kind takes the defaults of that kind for its other keys.

        Raises
        ------
        ConfigError
            If a path has no place here, or the values do not fit.
        """
        values = with_parameters(self.section, params)
        changed = parse_config(type(self), values, source="the parameters of a trial")
        return changed.model_copy(update={"search": self.search})

    def space_hash(self, objectives: Sequence[str]) -> str:
        """Return what tells this entry's search apart from others, whatever the searched values.

        Raises
        ------
        ConfigError
            If there is nothing to search.
        """
        if self.search is None:
            raise ConfigError("the model has no block 'search': expected one. Write it first.")

        def parse(section: Mapping[str, Any]) -> dict[str, Any]:
            return parse_config(ModelConfig, section, source="the model's section").section

        return space_hash(self.section, self.search, objectives, parse)


class _Searched(Config):
    """What a search may change of an entry, which is validated once for every bound and choice."""

    network: NetworkConfig
    objective: ObjectiveConfig
    training: TrainingConfig


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
            _check_gate(name, model.gate)
            self._check_judges(name, model)
            _check_labels(name, model)
            _check_search(name, model)
            if model.corruption is not None and model.objective.name == "adversarial":
                raise ConfigError(
                    f"params.yaml: 'models.{name}.corruption' is set, but the objective "
                    "'adversarial' learns from clean slices alone: set it to null."
                )
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


def _check_search(name: str, model: ModelConfig) -> None:
    def parse(section: Mapping[str, Any]) -> dict[str, Any]:
        try:
            changed = _Searched.model_validate(section)
        except ValidationError as error:
            raise ConfigError(describe(error, _Searched, section)) from None
        _check_labels(name, changed)
        return changed.model_dump(mode="json")

    if model.search is not None:
        section = model.section
        searched = {key: section[key] for key in _Searched.model_fields}
        check_search(name, model.search, searched, parse)


def _check_gate(model: str, gate: GateConfig) -> None:
    known = metric_columns()
    for metric in gate.root:
        if find_metric(metric) is None:
            close = get_close_matches(metric, known, n=1)
            advice = (
                f"did you mean '{close[0]}'?"
                if close
                else "expected a name of 'metrics.json', such as 'frechet_ratio', 'slice_ssim' or "
                "'copied_share'."
            )
            raise ConfigError(
                f"params.yaml: 'models.{model}.gate' names '{metric[:_SHOWN_LETTERS]}', which no "
                f"evaluation measures: {advice}"
            )


def _check_labels(name: str, model: ModelConfig | _Searched) -> None:
    augmentation = model.training.augmentation
    wanted = AUGMENTATION_LABELS if augmentation is not None and augmentation.labelled else 0
    size = getattr(model.network, "label_size", 0)
    if wanted and not hasattr(model.network, "label_size"):
        raise ConfigError(
            f"params.yaml: 'models.{name}.training.augmentation.labelled' is true, but the network "
            f"'{model.network.name}' takes no labels: expected one with 'label_size'. Remove it."
        )
    if size != wanted:
        raise ConfigError(
            f"params.yaml: 'models.{name}.network.label_size' is {size}: expected {wanted}, as "
            f"'training.augmentation' gives {'labels' if wanted else 'none'}. Set it so, or "
            f"change 'labelled' of 'training.augmentation'."
        )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
