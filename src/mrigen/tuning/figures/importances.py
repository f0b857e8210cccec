"""How much of the differences between scores each parameter explains."""

import math

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from mrigen.data.survey.canvas import literal, name_axes, new_figure, to_png
from mrigen.tuning.config import SearchConfig
from mrigen.tuning.figures.marks import BLUE, score_limits
from mrigen.tuning.figures.scales import Scale, parameter_scales
from mrigen.tuning.records import StudyRecord, TrialRecord
from mrigen.tuning.wording import short_names

#: With fewer complete trials, importances are noise.
LEAST_TRIALS = 10
_GOLDEN = 0.618034


def parameter_importances(record: StudyRecord, search: SearchConfig) -> dict[str, float] | None:
    """Return shares by path that add up to 1, the largest first; None with too few trials.

    Notes
    -----
    fANOVA fits a random forest to the scores, and tells how much of its variance each parameter
    explains by itself. A trial without a parameter gets any value of its range, which says nothing,
    so that what switches the parameter gets the credit. Scores far above the others count as the
    edge of the pictures: else one bad trial would explain everything.

    References
    ----------
    Hutter, Hoos and Leyton-Brown, An efficient approach for assessing hyperparameter importance,
    ICML 2014. https://proceedings.mlr.press/v32/hutter14.html
    """
    complete = record.complete
    scales = [scale for scale in parameter_scales(complete, search) if scale.low < scale.high]
    if len(complete) < LEAST_TRIALS or not scales:
        return None
    highest = score_limits(trial.values[0] for trial in complete)[1]
    distributions = {scale.path: _distribution(scale) for scale in scales}
    copy = optuna.create_study(storage=optuna.storages.InMemoryStorage())
    for trial in complete:
        params = {scale.path: _place(scale, trial) for scale in scales}
        value = min(trial.values[0], highest)
        copy.add_trial(
            optuna.trial.create_trial(params=params, distributions=distributions, value=value)
        )
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    return {
        path: float(share)
        for path, share in optuna.importance.get_param_importances(
            copy, evaluator=evaluator
        ).items()
    }


def importances_figure(importances: dict[str, float]) -> bytes:
    """Draw shares of importance as bars, the largest on top."""
    names = short_names(importances)
    figure, (axes,) = new_figure(1, 1, panel=(5.2, 0.8 + 0.32 * len(importances)))
    places = range(len(importances), 0, -1)
    bars = axes.barh(places, [100 * share for share in importances.values()], color=BLUE)
    axes.bar_label(bars, fmt="%.0f %%", padding=3, fontsize=8)
    axes.set_yticks(places, [literal(names[path]) for path in importances])
    axes.set_xlim(0, 112 * max(importances.values()))
    axes.grid(visible=False, axis="y")
    name_axes(axes, "", x="share of importance, %", y="")
    return to_png(figure)


def _place(scale: Scale, trial: TrialRecord) -> float:
    if scale.path in trial.params:
        return scale.place(trial.params[scale.path])
    share = trial.number * _GOLDEN % 1  # evenly over the range, whatever the score
    if scale.choices:
        return float(int(share * len(scale.choices)))
    if scale.log:
        return scale.low * math.pow(scale.high / scale.low, share)
    return scale.low + share * (scale.high - scale.low)


def _distribution(scale: Scale) -> BaseDistribution:
    if scale.choices:
        return CategoricalDistribution([float(place) for place in range(len(scale.choices))])
    return FloatDistribution(scale.low, scale.high, log=scale.log)
