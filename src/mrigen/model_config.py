"""A model's entry in `params.yaml`, and what has to fit together in it."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Self

from pydantic import ValidationError

from mrigen.config import Config, describe, parse_config
from mrigen.data.augmentation import AUGMENTATION_LABELS
from mrigen.data.corruptions.recipe import Recipe
from mrigen.errors import ConfigError
from mrigen.evaluation.catalogue.listing import find_metric, metric_columns
from mrigen.evaluation.config import EvaluationConfig
from mrigen.models.build import NetworkConfig
from mrigen.objectives.build import ObjectiveConfig
from mrigen.registry.gate import GateConfig
from mrigen.training.config import TrainingConfig
from mrigen.tuning.config import SearchConfig, Value
from mrigen.tuning.paths import TRAINED, with_parameters
from mrigen.tuning.search_checks import check_search
from mrigen.tuning.space import space_hash

_SHOWN_LETTERS = 80

# Objectives that pay no attention to damaged slices.
_OF_CLEAN_SLICES = {"adversarial", "flow_matching"}


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

    @property
    def trained(self) -> dict[str, Any]:
        """The keys that decide the weights, defaults included, as plain values."""
        return self.model_dump(mode="json", include=set(TRAINED))

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

        return space_hash(self.section, self.search, self._judged_by(objectives), parse)

    def _judged_by(self, objectives: Sequence[str]) -> list[str]:
        if "distance" not in objectives[0]:
            return [*objectives]
        # Distances between features of another kind do not compare.
        return [*objectives, self.evaluation.extractors[0].model_dump_json()]


class _Searched(Config):
    """What a search may change of an entry, which is validated once for every bound and choice."""

    network: NetworkConfig
    objective: ObjectiveConfig
    training: TrainingConfig


def check_model(name: str, model: ModelConfig) -> None:
    """Check what no key of an entry can say by itself.

    Raises
    ------
    ConfigError
        Naming the key, the value and what was expected.
    """
    _check_gate(name, model.gate)
    _check_labels(name, model)
    _check_search(name, model)
    if model.corruption is not None and model.objective.name in _OF_CLEAN_SLICES:
        raise ConfigError(
            f"params.yaml: 'models.{name}.corruption' is set, but the objective "
            f"'{model.objective.name}' learns from clean slices alone: set it to null."
        )


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
