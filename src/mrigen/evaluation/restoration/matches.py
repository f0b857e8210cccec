"""Which known degradation leaves as large an error, and the sentence that says so."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from mrigen.evaluation.catalogue.metric import format_value
from mrigen.evaluation.ladder import Rung

#: Means of slices that were degraded by a rung, by measure.
Means = Mapping[str, float]

#: Where a score is of, and the start of a sentence on it.
PLACES = {
    "clean": "On clean slices,",
    "slice": "On the damage the model was trained on,",
    "input_slice": "For that damage itself,",
}

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


def find_matches(ladder: Mapping[Rung, Means], measure: str, value: float) -> list[Match]:
    """Find the level of every kind of degradation that has the same score.

    Parameters
    ----------
    ladder
        Scores by rung, each kind from mild to strong.
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
    text = f"{PLACES[where]} {_NAMES[measure].format(format_value(value, digits=digits))} is "
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


def _error(measure: str, value: float) -> float:
    # From 0, no error, upwards, whatever the measure.
    if measure == "psnr_db":
        return 10 ** (-value / 10)
    return 1 - value if measure == "ssim" else value


def _either(kinds: Sequence[str]) -> str:
    return kinds[0] if len(kinds) == 1 else f"{', '.join(kinds[:-1])} or {kinds[-1]}"
