"""What a registered model has to reach before it becomes champion."""

from collections.abc import Mapping
from difflib import get_close_matches
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


#: The metric that says how much a generator copies.
COPIED = "copied_share"

#: What a generator has to keep to whose gate does not speak of copying: few copies at all, and
#: hardly more than real slices of other people would pass for.
COPIED_BOUNDS = {COPIED: Bound(max=0.2), "copied_share_excess": Bound(max=0.05)}

#: The same share of what is drawn in other ways, to which the bound of `COPIED` applies, too.
_COPIED_OTHERWISE = ("quick_copied_share", "stack_copied_share")

_LISTED = 8  # names of metrics in a sentence


class GateConfig(RootModel[dict[str, Bound | None]]):
    """What a model has to reach to become champion: a range for each metric named.

    What was measured of copying has to keep to `COPIED_BOUNDS` where the gate does not name it: no
    model that was seen to hand out its training slices becomes champion for want of a line.
    `copied_share: null` waives this, and this alone.

    Examples
    --------
    >>> gate = GateConfig.model_validate({"frechet_ratio": {"max": 30}})
    >>> gate.refusals({"frechet_ratio": 31.5})
    ["'frechet_ratio' is 31.5: the gate asks for at most 30"]
    """

    model_config = ConfigDict(frozen=True)

    @model_validator(mode="after")
    def _only_copying_is_waived(self) -> Self:
        for name, bound in self.root.items():
            if bound is None and name != COPIED:
                raise ValueError(f"'min' or 'max' of '{name}': only '{COPIED}' may be null")
        return self

    def refusals(self, metrics: Mapping[str, float]) -> list[str]:
        """Say which bounds `metrics` do not meet; a metric that is not there meets none."""
        bounds = dict(self.root)
        if bounds.get(COPIED, True) is not None:
            for name, usual in COPIED_BOUNDS.items():
                if name in metrics:
                    bounds.setdefault(name, usual)
            for name in _COPIED_OTHERWISE:
                if name in metrics:
                    bounds.setdefault(name, bounds.get(COPIED, COPIED_BOUNDS[COPIED]))
        found = []
        for name, bound in bounds.items():
            if bound is None:
                continue
            if name not in metrics:
                found.append(_missing(name, metrics))
            elif not _inside(metrics[name], bound):
                found.append(
                    f"'{name}' is {metrics[name]:g}: the gate asks for {bound}{_advice(name)}"
                )
        return found


def _missing(name: str, metrics: Mapping[str, float]) -> str:
    if name == COPIED:
        return (
            f"'{name}' was not measured, so that the model may be copying its training slices: "
            "the remarks of its evaluation say why"
        )
    close = get_close_matches(name, metrics, n=_LISTED, cutoff=0)
    known = ", ".join(f"'{metric}'" for metric in sorted(close)) or "no metric"
    more = f" and {len(metrics) - len(close)} more" if len(metrics) > len(close) else ""
    return f"'{name}' was not measured: the evaluation has {known}{more}"


def _advice(name: str) -> str:
    if name in _COPIED_OTHERWISE:
        return ", as the model copies slices of its training subjects when it draws so"
    if name not in COPIED_BOUNDS:
        return ""
    return (
        ", as the model copies slices of its training subjects; look at "
        "'figures/copying_pairs.png' of its evaluation"
    )


def _inside(value: float, bound: Bound) -> bool:
    # Not-a-number fails every comparison, and so the gate.
    above = bound.min is None or value >= bound.min
    return above and (bound.max is None or value <= bound.max)
