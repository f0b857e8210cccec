"""What a study is of, as it is written into its storage when it begins."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from mrigen.config import parse_config
from mrigen.errors import MrigenError, TuningError
from mrigen.tuning.config import PruningConfig, SearchConfig, Value


@dataclass(frozen=True)
class StudyPlan:
    """What a study is of.

    Attributes
    ----------
    name
        `<model>-<first 8 digits of the data>-<first 8 digits of the space>`.
    model, dataset
        Their names in `params.yaml`.
    data
        Fingerprint of the slice store.
    objectives
        Names of what is small in a good trial.
    search
        The space.
    epochs
        Of a whole training.
    baseline
        The parameters of `params.yaml`, None if they lie outside the space.
    space
        Hash of all that is searched and all that is left fixed.
    """

    name: str
    model: str
    dataset: str
    data: str
    objectives: tuple[str, ...]
    search: SearchConfig
    epochs: int
    baseline: dict[str, Value] | None
    space: str

    @property
    def pruning(self) -> PruningConfig | None:
        """When trials are given up; None in studies of several objectives, which have no order."""
        return self.search.pruning if len(self.objectives) == 1 else None


def written_plan(plan: StudyPlan) -> dict[str, Any]:
    """Return a plan as JSON has it."""
    search = plan.search.model_dump(mode="json", by_alias=True)
    return asdict(plan) | {"objectives": list(plan.objectives), "search": search}


def read_plan(study: str, values: Mapping[str, Any]) -> StudyPlan:
    """Return the plan that was written into a study.

    Raises
    ------
    TuningError
        If another version of mrigen has written it.
    """
    try:
        search = parse_config(SearchConfig, values["search"], source=study)
        objectives = tuple(values["objectives"])
        return StudyPlan(**{**values, "objectives": objectives, "search": search})
    except (MrigenError, KeyError, TypeError):
        raise TuningError(
            f"study '{study}' was begun by another version of mrigen, which described searches "
            "differently: go on with that version, or name another storage with --storage."
        ) from None
