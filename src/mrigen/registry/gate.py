"""What a registered model has to reach before it becomes champion."""

from collections.abc import Mapping
from typing import Self

from pydantic import ConfigDict, RootModel, model_validator

from mrigen.config import Config


class Bound(Config):
    """The range a metric has to be in, both ends included."""

    min: float | None = None
    max: float | None = None

    @model_validator(mode="after")
    def _some_end(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("'min' or 'max', or both")
        return self

    def __str__(self) -> str:
        ends = [f"at least {self.min:g}"] if self.min is not None else []
        ends += [f"at most {self.max:g}"] if self.max is not None else []
        return " and ".join(ends)


class GateConfig(RootModel[dict[str, Bound]]):
    """What a model has to reach to become champion: a range for each metric named.

    Examples
    --------
    >>> gate = GateConfig.model_validate({"frechet_ratio": {"max": 30}})
    >>> gate.refusals({"frechet_ratio": 31.5})
    ["'frechet_ratio' is 31.5: the gate asks for at most 30"]
    """

    model_config = ConfigDict(frozen=True)

    def refusals(self, metrics: Mapping[str, float]) -> list[str]:
        """Say which bounds `metrics` do not meet; a metric that is not there meets none."""
        found = []
        for name, bound in self.root.items():
            if name not in metrics:
                known = ", ".join(f"'{metric}'" for metric in sorted(metrics)) or "no metric"
                found.append(f"'{name}' was not measured: the evaluation has {known}")
            elif not _inside(metrics[name], bound):
                found.append(f"'{name}' is {metrics[name]:g}: the gate asks for {bound}")
        return found


def _inside(value: float, bound: Bound) -> bool:
    # Not-a-number fails every comparison, and so the gate.
    above = bound.min is None or value >= bound.min
    return above and (bound.max is None or value <= bound.max)
