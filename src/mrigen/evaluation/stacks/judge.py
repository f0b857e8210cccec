"""Judge whether slices of one noise, one above the other, are as rough as a real head."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from torch import Tensor

from mrigen.data.loader import TEST
from mrigen.data.slicing.geometry import Display
from mrigen.errors import DataError
from mrigen.evaluation.case import Case, spread_over
from mrigen.evaluation.judgement import Judgement, Row, Table, Value
from mrigen.evaluation.stacks.cuts import PileGeometry
from mrigen.evaluation.stacks.drawing import (
    Noise,
    draw_stacks,
    imitated_stacks,
    takes_positions,
)
from mrigen.evaluation.stacks.figures import cuts_figure, slices_figure
from mrigen.evaluation.stacks.stored import StoredStack, stored_stacks
from mrigen.metrics.intervals import MIN_SUBJECTS, Interval, ratio_interval
from mrigen.metrics.roughness import roughness
from mrigen.page.document import Picture

_SHARED, _TURNING, _INDEPENDENT, _REAL = "shared", "turning", "independent", "real"

_MEASURES = ("difference", "roughness")
_COLUMNS = (
    *("noise", "stacks"),
    *(f"{name}{end}" for name in _MEASURES for end in ("", "_ratio", "_ratio_low", "_ratio_high")),
)
_SHOWN = 2
_MOST_REAL = 200  # stacks of test subjects
_SAME_SPACING = 1.01  # times as far apart at most


class _Group(NamedTuple):
    """Stacks of one kind, and how rough those are that show a head.

    Attributes
    ----------
    shown
        The first of them.
    measured : (N, 2) float64
        First and second differences, a line for each stack, or for each subject.
    """

    shown: Sequence[Tensor]
    measured: npt.NDArray[np.float64]


def judge_stacks(case: Case) -> Judgement:
    """Judge a network that can be told positions by the stacks that its slices make.

    Pseudo-volumes are drawn for people and positions of the training split, with one noise for
    all slices, with noise that turns, and with a noise for each slice, and are compared with
    stacks of test subjects.
    """
    judgement, settings, network = Judgement(), case.config.stacks, case.network
    if settings is None or not takes_positions(network):
        return judgement
    most = settings.slices
    real = stored_stacks(case.store, TEST, most_slices=most)
    real = [real[place] for place in spread_over(np.arange(len(real)), _MOST_REAL)]
    made = imitated_stacks(case.store, settings.stacks, seed=case.seed, most_slices=most)
    if not real or not made:
        judgement.remarks.append(
            "Stacks were not compared, as the slices of the training or of the test split have no "
            "neighbours."
        )
        return judgement
    groups = {_REAL: _of_subjects(case, real)}
    for name, noise in _noises(settings.turn_mm).items():
        drawn = draw_stacks(network, case.store, made, seed=case.seed, noise=noise)
        groups[name] = _Group(drawn[:_SHOWN], _measured(drawn))
    empty = [name for name, group in groups.items() if not len(group.measured)]
    if empty:
        judgement.remarks.append(
            f"Stacks were not compared, as those called '{empty[0]}' show no head."
        )
        return judgement
    judgement.remarks += _uneven([*real, *made])
    _tell(judgement, groups, seed=case.seed)
    _draw(case, judgement, groups, made, real)
    return judgement


def _noises(turn_mm: float | None) -> dict[str, Noise]:
    noises: dict[str, Noise] = {_SHARED: "shared"}
    if turn_mm is not None:
        noises[_TURNING] = turn_mm
    return noises | {_INDEPENDENT: "independent"}


def _measured(stacks: Iterable[Tensor]) -> npt.NDArray[np.float64]:
    found = []
    for stack in stacks:
        with suppress(DataError):  # nothing but black
            found.append(roughness(stack))
    return np.array(found, np.float64).reshape(-1, len(_MEASURES))


def _of_subjects(case: Case, stacks: Sequence[StoredStack]) -> _Group:
    """Measure real stacks; a subject with several counts once."""
    by_subject: dict[str, list[StoredStack]] = {}
    for stack in stacks:
        by_subject.setdefault(stack.subject, []).append(stack)
    lines = []
    for own in by_subject.values():
        measured = _measured(case.images(stack.rows) for stack in own)
        if len(measured):
            lines.append(measured.mean(0))
    shown = [case.images(stack.rows) for stack in stacks[:_SHOWN]]
    return _Group(shown, np.array(lines).reshape(-1, len(_MEASURES)))


def _uneven(stacks: Sequence[StoredStack]) -> list[str]:
    ways = [stack.spacing_mm for stack in stacks]
    if max(ways) <= _SAME_SPACING * min(ways):
        return []
    return [
        f"Slices of the stacks are {min(ways):g} to {max(ways):g} mm apart, and the farther apart, "
        "the more they differ: the ratios tell of that, too."
    ]


def _tell(judgement: Judgement, groups: Mapping[str, _Group], *, seed: int) -> None:
    real = groups[_REAL].measured
    rows: list[Row] = []
    for name, group in groups.items():
        row: dict[str, Value] = {"noise": name, "stacks": len(group.measured)}
        for place, measure in enumerate(_MEASURES):
            row[measure] = float(group.measured[:, place].mean())
            if name == _REAL or not real[:, place].all():
                continue
            found = ratio_interval(group.measured[:, place], real[:, place], seed=seed)
            for end, value in zip(("", "_low", "_high"), found, strict=True):
                row[f"{measure}_ratio{end}"] = value
            qualifier = "" if name == _SHARED else f"{name}/"
            judgement.metrics[f"{qualifier}stack_{measure}_ratio"] = found.value
            if name == _SHARED and measure == "roughness" and found.value > 0:
                judgement.put("stack_roughness_factor", _factor(found))
        rows.append(row)
    if min(len(group.measured) for group in groups.values()) < MIN_SUBJECTS:
        judgement.remarks.append(
            f"Fewer than {MIN_SUBJECTS} stacks were compared: too few for an interval."
        )
    judgement.tables["stacks"] = Table(
        "Roughness of stacks",
        "Mean absolute differences inside the head, of grey values from 0 to 1. Difference: "
        "between neighbours. Roughness: between twice a slice and the sum of its neighbours. "
        "Ratios are over those of real stacks of test subjects, with 95 % intervals over "
        "pseudo-volumes and subjects. Noise: shared by all slices, turning into another along the "
        "stack, or independent for each slice.",
        _COLUMNS,
        rows,
    )


def _factor(ratio: Interval) -> Interval:
    """Return how many times a ratio is off 1, whichever way."""
    value = max(ratio.value, 1 / ratio.value)
    if ratio.low is None or ratio.high is None or ratio.low <= 0:
        return Interval(value)
    ends = [max(end, 1 / end) for end in (ratio.low, ratio.high)]
    least = 1.0 if ratio.low <= 1 <= ratio.high else min(ends)
    return Interval(value, least, max(ends))


def _draw(
    case: Case,
    judgement: Judgement,
    groups: Mapping[str, _Group],
    made: Sequence[StoredStack],
    real: Sequence[StoredStack],
) -> None:
    named, geometries = [], []
    for name, group in groups.items():
        title = "real" if name == _REAL else f"{name}\nnoise"
        for stack, stored in zip(group.shown, real if name == _REAL else made, strict=False):
            named.append((title, stack))
            geometries.append(_geometry(case, stored))
    judgement.pictures["stack_slices"] = Picture(
        "Slices of pseudo-volumes",
        "A stack a line, from its lowest slice to its highest: real ones of test subjects, and "
        "generated ones by their noise. Slices of one head have the same outline, brightness and "
        "ventricles.",
        slices_figure(named),
    )
    judgement.pictures["stack_cuts"] = Picture(
        "Pseudo-volumes cut across their slices",
        "The same stacks, cut through the middle across their slices. Columns of one grey value "
        "say that neighbours are too much alike, stripes across that they do not fit.",
        cuts_figure(named, geometries),
    )


def _geometry(case: Case, stack: StoredStack) -> PileGeometry:
    first = case.store.manifest.iloc[stack.rows[0]]
    display: Display = "radiological" if case.raw is None else case.raw.dataset.geometry.display
    sizes = (float(first["pixel_height_mm"]), float(first["pixel_width_mm"]))
    return PileGeometry(first["plane"], display, *sizes, stack.spacing_mm)
