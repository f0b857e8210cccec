"""What a network's quick mode costs: the same seeds and conditions, drawn in less time."""

from mrigen.evaluation.generation.distances import statistics_of
from mrigen.evaluation.generation.figures import quick_figure
from mrigen.evaluation.generation.sets import Sets, Three
from mrigen.evaluation.judgement import Judgement
from mrigen.metrics.distribution import frechet_distance
from mrigen.metrics.kernel_distance import kernel_distance
from mrigen.page.document import Picture

_SHOWN = 8


def judge_quick_mode(features: Three, sets: Sets, *, distance: float) -> Judgement:
    """Measure how much worse the quick mode is; nothing for a network that has none.

    Parameters
    ----------
    features
        Of images drawn in the usual way, and of real ones, by the case's main extractor.
    sets
        The images behind them.
    distance
        Fréchet distance of the usual images to the test slices.
    """
    judgement, case = Judgement(), sets.case
    if case.in_quick_mode is None:
        return judgement
    usual, quick = case.generated(sets.count), case.in_quick_mode.generated(sets.count)
    found = case.in_quick_mode.generated_features(sets.count, case.extractor)
    apart = frechet_distance(statistics_of(found), statistics_of(features.test))
    judgement.metrics = {
        "quick_frechet_distance": apart,
        "quick_kernel_distance": kernel_distance(found, features.test),
        "quick_difference": float((quick - usual).abs().mean()),
    }
    if distance > 0:
        judgement.metrics["quick_frechet_ratio"] = apart / distance
    judgement.pictures["quick_mode"] = Picture(
        "The quick mode",
        "Slices of the same seeds and conditions, drawn in the usual way and in the quick mode, "
        "and where they differ.",
        quick_figure(usual[:_SHOWN], quick[:_SHOWN]),
    )
    return judgement
