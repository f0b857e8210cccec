"""What the size of an error looks like: known degradations of the same slices leave as much."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch

from mrigen.evaluation.case import BATCH, Case
from mrigen.evaluation.catalogue.metric import format_value
from mrigen.evaluation.judgement import Judgement, Row, Table
from mrigen.evaluation.ladder import RUNGS, Rung
from mrigen.evaluation.restoration.figures import ladder_figure
from mrigen.evaluation.restoration.scores import MEASURES, joined, slice_scores
from mrigen.evaluation.restoration.suite import Rows
from mrigen.metrics.similarity import mse, ssim
from mrigen.page.document import Picture

Means = Mapping[str, float]

_AS_TEXT = {
    "blur": "a blur of {} px",
    "noise": "noise of a standard deviation of {}",
    "lower_resolution": "a resolution lowered {} times",
}
_NAMES = {
    "mse": "an MSE of {}",
    "psnr_db": "a PSNR of {} dB",
    "ssim": "an SSIM of {}",
    "dssim": "a DSSIM of {}",
}
_SIDES = {
    "": "about what {} leaves",
    "below": "less error than {} leaves",
    "above": "more error than {} leaves",
}
_WHERE = {
    "clean": "On clean slices,",
    "slice": "On the damage the model was trained on,",
    "input_slice": "For that damage itself,",
}


class Match(NamedTuple):
    """The level of a kind of degradation that leaves as large an error.

    Attributes
    ----------
    kind
    level
        The end of the ladder where the error lies outside.
    side
        "below" the mildest rung, "above" the strongest, or "" between rungs.
    """

    kind: str
    level: float
    side: str


def measure_ladder(case: Case, rows: Rows) -> Mapping[Rung, Means]:
    """Return the mean of each of `MEASURES` over degraded test slices, by rung."""
    answer = {}
    for rung in RUNGS:
        parts = []
        for start in range(0, len(rows), BATCH):
            clean = case.images(rows[start : start + BATCH])
            parts.append(slice_scores(rung.degrade(clean, seed=case.seed + start), clean))
        answer[rung] = {name: float(values.mean()) for name, values in joined(parts).items()}
    return answer


def find_matches(ladder: Mapping[Rung, Means], measure: str, value: float) -> list[Match]:
    """Find the level of every kind of degradation that has the same score.

    Parameters
    ----------
    ladder
        What `measure_ladder` returns.
    measure
        One of `MEASURES`.
    value
        The score.

    Returns
    -------
    list of Match
        Levels are interpolated between rungs on logarithmic scales of level and error; a kind
        that leaves the slices as they are is left out.
    """
    error = _error(measure, value)
    matches = []
    for kind in dict.fromkeys(rung.kind for rung in ladder):
        levels = [rung.level for rung in ladder if rung.kind == kind]
        # More blur never does less harm; where it seems to, by rounding, it does as much.
        errors = np.maximum.accumulate(
            [_error(measure, ladder[rung][measure]) for rung in ladder if rung.kind == kind]
        )
        if errors[0] <= 0:
            continue
        if error < errors[0]:
            matches.append(Match(kind, levels[0], "below"))
        elif error > errors[-1]:
            matches.append(Match(kind, levels[-1], "above"))
        else:
            level = math.exp(np.interp(math.log(error), np.log(errors), np.log(levels)))
            matches.append(Match(kind, level, ""))
    return matches


def say(measure: str, value: float, matches: Sequence[Match], *, where: str) -> str:
    """Say in a sentence which degradations leave as large an error.

    Parameters
    ----------
    measure, value
        One of `MEASURES`, and the score.
    matches
        What `find_matches` returns, at least one.
    where
        "clean", "slice" or "input_slice": what the score is of.
    """
    digits = 1 if measure == "psnr_db" else None
    text = f"{_WHERE[where]} {_NAMES[measure].format(format_value(value, digits=digits))} is "
    parts = []
    for side, words in _SIDES.items():
        kinds = [
            _AS_TEXT[match.kind].format(f"{match.level:.2g}")
            for match in matches
            if match.side == side
        ]
        if kinds:
            parts.append(words.format(_either(kinds)))
    return text + ", and ".join(parts) + "."


def judge_known_damage(case: Case, rows: Rows, scores: Means) -> Judgement:
    """Compare a model's errors with those that known degradations leave.

    Parameters
    ----------
    case
    rows
        Test slices to degrade.
    scores
        The model's means, by the names of `clean_...` and `slice_...`.
    """
    ladder = measure_ladder(case, rows)
    judgement = Judgement()
    judgement.tables["restoration_ladder"] = Table(
        "Known degradations",
        "Scores of test slices that were degraded in a known way, against the clean ones: a scale "
        "for every other error. A blur is a Gaussian filter, noise is normal, and a resolution is "
        "lowered by averaging blocks and brought back.",
        ["kind", "level", "unit", *MEASURES],
        [{"kind": r.kind, "level": r.level, "unit": r.unit, **ladder[r]} for r in ladder],
    )
    judgement.pictures["restoration_ladder"] = _picture(case, int(rows[len(rows) // 2]))
    found: list[Row] = []
    for where in _WHERE:
        for measure in MEASURES:
            value = scores.get(f"{where}_{measure}")
            matches = [] if value is None else find_matches(ladder, measure, value)
            if value is None or not matches:
                continue
            sentence = say(measure, value, matches, where=where)
            levels = {match.kind: match.level for match in matches}
            sides = {f"{match.kind}_outside": match.side for match in matches}
            named: Row = {"score": f"{where}_{measure}", "value": value, "sentence": sentence}
            found.append({**named, **levels, **sides})
            if measure == "mse" and not where.startswith("input"):
                judgement.remarks.append(sentence)
    judgement.tables["restoration_acceptable"] = _acceptable(found)
    return judgement


def _error(measure: str, value: float) -> float:
    # From 0, no error, upwards, whatever the measure.
    if measure == "psnr_db":
        return 10 ** (-value / 10)
    return 1 - value if measure == "ssim" else value


def _either(kinds: Sequence[str]) -> str:
    return kinds[0] if len(kinds) == 1 else f"{', '.join(kinds[:-1])} or {kinds[-1]}"


def _acceptable(rows: list[Row]) -> Table:
    kinds = list(_AS_TEXT)
    columns = ["score", "value"]
    for kind in kinds:
        columns += [kind, f"{kind}_outside"]
    return Table(
        "Which error is acceptable",
        "For every score of the model, the blur (in pixels), the noise (standard deviation) and "
        "the lowered resolution (factor) that leave test slices with the same score, between the "
        "rungs of the ladder; 'below' its mildest rung or 'above' its strongest, the end of the "
        "ladder is given. If a reader accepts that degradation, the error is acceptable.",
        [*columns, "sentence"],
        rows,
    )


def _picture(case: Case, row: int) -> Picture:
    clean = case.images(np.array([row]))
    kinds: dict[str, list[tuple[str, torch.Tensor]]] = {}
    for rung in RUNGS:
        image = rung.degrade(clean, seed=case.seed)
        error, likeness = float(mse(image, clean)), float(ssim(image, clean))
        level = f"{rung.level:g} {rung.unit}" if rung.unit == "px" else f"{rung.level:g}"
        words = f"{level}\nMSE {error:.2g}\nSSIM {likeness:.3f}"
        kinds.setdefault(rung.kind.replace("_", " "), []).append((words, image))
    return Picture(
        "What an error looks like",
        "One test slice, clean and degraded in known ways from mild to strong: blurred (sigma in "
        "pixels), with noise (standard deviation), and with lowered resolution (factor). Below a "
        "picture its level, and its mean squared error and SSIM against the clean slice.",
        ladder_figure(clean, kinds),
    )
