"""Scores of slices as the metrics and the intervals of a judgement."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from mrigen.evaluation.judgement import Judgement, Value
from mrigen.evaluation.restoration.scores import INPUT, Scores, Values, spread
from mrigen.metrics.intervals import Interval, mean_interval

Subjects = npt.NDArray[np.object_]


def put_scores(judgement: Judgement, scores: Scores, subjects: Subjects, *, seed: int) -> None:
    """Add means with intervals over subjects and standard deviations over slices.

    Parameters
    ----------
    judgement
        Gets `<name>`, `<name>_sd` and, unless the score is that of the input, `<name>_low` and
        `<name>_high`. A score that no slice has is left out.
    scores
        Of N slices.
    subjects : (N,)
        Whose slices they are.
    seed
        Of the resampling.
    """
    for name, values in scores.items():
        known = ~np.isnan(values)
        if not known.any():
            continue
        if name.startswith(INPUT):
            judgement.metrics[name] = float(values[known].mean())
        else:
            judgement.put(name, interval_of(values, subjects, seed=seed))
        judgement.metrics[f"{name}_sd"] = spread(values[known])


def interval_columns(name: str, interval: Interval) -> Mapping[str, Value]:
    """Return a number and its ends as columns of a table."""
    return {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}


def interval_of(values: Values, subjects: Subjects, *, seed: int) -> Interval:
    """Return the mean over the slices that have a score, of which there is one at least."""
    known = ~np.isnan(values)
    return mean_interval(values[known], subjects[known], seed=seed)
