"""Whether two models differ by more than chance on the same test slices.

The studies tested over slices. Slices of one head resemble each other, so that such a test finds
differences that other heads would not show; here subjects are what is counted, and the slice-level
p stands beside it for contrast.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import pandas as pd

from mrigen.evaluation.catalogue.listing import find_metric, ordered
from mrigen.evaluation.comparison.slice_scores import SliceScores
from mrigen.evaluation.judgement import Row, Table
from mrigen.metrics.intervals import MIN_SUBJECTS, mean_interval
from mrigen.metrics.significance import PairedTest, holm, paired_test

#: Below this a corrected p counts as a finding.
LEVEL = 0.05

COLUMNS = (
    "dataset", "measure", "model_a", "model_b", "subjects", "slices",
    "difference", "difference_low", "difference_high",
    "p_t", "p_wilcoxon", "p_t_holm", "p_wilcoxon_holm", "p_t_of_slices", "verdict",
)  # fmt: skip
_SUMMARY = ("dataset", "measure", "pairs", "both_tests", "t_test", "wilcoxon", "slices_as_if_alone")


@dataclass(frozen=True)
class PairedTests:
    """What the tests found.

    Attributes
    ----------
    pairs
        One line for two models and a measure.
    summary
        How many pairs differ, a line per dataset and measure.
    remarks
        What could not be tested, and what to keep in mind.
    """

    pairs: Table
    summary: Table
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class _Pair:
    first: str
    second: str
    subjects: PairedTest
    slices: PairedTest
    low: float | None
    high: float | None


def compare_pairs(scores: Sequence[SliceScores]) -> PairedTests:
    """Compare all models that were judged on the same slices with the same damage.

    Parameters
    ----------
    scores
        One entry per model.

    Notes
    -----
    Subject means are paired; both tests are corrected after Holm over all pairs of models of one
    dataset and measure.
    """
    rows: list[Row] = []
    summary: list[Row] = []
    remarks: dict[str, None] = {}
    for dataset in dict.fromkeys(each.dataset for each in scores):
        models = [each for each in scores if each.dataset == dataset]
        for measure in ordered({name for each in models for name in each.measures}):
            pairs = _pairs(models, measure, remarks)
            if pairs:
                rows += (found := _lines(dataset, measure, pairs))
                summary.append(_summed(dataset, measure, found, pairs))
    remarks |= dict.fromkeys(_powerless(rows))
    return PairedTests(
        Table(
            "Paired tests",
            "Every two models on the same test slices. The difference is that of subject means, "
            "model A minus model B, with the interval over subjects (of this pair alone, not "
            "corrected); p of the t-test and of "
            "Wilcoxon's signed-rank test are over subjects, also as corrected after Holm over all "
            "pairs of a measure. The last p is the studies' test, which takes slices for "
            "independent: it is too small, and shown for contrast.",
            COLUMNS,
            rows,
        ),
        Table(
            "How many pairs differ",
            f"Pairs of models whose p is below {LEVEL}: by both tests over subjects after Holm's "
            "correction, by each of them, and by the studies' test over slices.",
            _SUMMARY,
            summary,
        ),
        tuple(remarks),
    )


def _pairs(models: Sequence[SliceScores], measure: str, remarks: dict[str, None]) -> list[_Pair]:
    alike = defaultdict[str, list[SliceScores]](list)
    for each in models:
        if measure in each.measures:
            alike[each.settings[measure]].append(each)
    pairs = []
    for group in alike.values():
        for one, other in combinations(group, 2):
            pair = _pair(one, other, measure)
            if pair is None:
                remarks[
                    f"Models of dataset '{one.dataset}' are not tested against each other where "
                    f"they share fewer than {MIN_SUBJECTS} test subjects: such as '{one.model}' "
                    f"and '{other.model}'."
                ] = None
            else:
                pairs.append(pair)
    return pairs


def _pair(one: SliceScores, other: SliceScores, measure: str) -> _Pair | None:
    left = one.values[["subject", measure]].rename(columns={measure: "first"})
    both = left.join(other.values[measure].rename("second"), how="inner").dropna()
    means = both.groupby("subject", sort=True).mean()
    if len(means) < MIN_SUBJECTS:
        return None
    first, second = means["first"].to_numpy(), means["second"].to_numpy()
    slices = paired_test(both["first"].to_numpy(), both["second"].to_numpy())
    ends = mean_interval(first - second, list(means.index))
    return _Pair(one.model, other.model, paired_test(first, second), slices, ends.low, ends.high)


def _lines(dataset: str, measure: str, pairs: Sequence[_Pair]) -> list[Row]:
    of_t = holm([pair.subjects.p_t for pair in pairs])
    of_ranks = holm([pair.subjects.p_wilcoxon for pair in pairs])
    return [
        {
            "dataset": dataset,
            "measure": measure,
            "model_a": pair.first,
            "model_b": pair.second,
            "subjects": pair.subjects.pairs,
            "slices": pair.slices.pairs,
            "difference": pair.subjects.difference,
            "difference_low": pair.low,
            "difference_high": pair.high,
            "p_t": pair.subjects.p_t,
            "p_wilcoxon": pair.subjects.p_wilcoxon,
            "p_t_holm": p_t,
            "p_wilcoxon_holm": p_rank,
            "p_t_of_slices": pair.slices.p_t,
            "verdict": _verdict(measure, pair, p_t, p_rank),
        }
        for pair, p_t, p_rank in zip(pairs, of_t, of_ranks, strict=True)
    ]


def _verdict(measure: str, pair: _Pair, p_t: float, p_rank: float) -> str:
    metric = find_metric(measure)
    higher = metric is not None and metric.better == "higher"
    better = pair.first if (pair.subjects.difference > 0) == higher else pair.second
    if p_t < LEVEL and p_rank < LEVEL:
        return f"{better} is better"
    if p_t < LEVEL:
        return f"{better} is better by the t-test alone"
    if p_rank < LEVEL:
        return f"{better} is better by Wilcoxon's test alone"
    if pair.slices.p_t < LEVEL:
        return "no difference shown; the test over slices would claim one"
    return "no difference shown"


def _summed(dataset: str, measure: str, rows: Sequence[Row], pairs: Sequence[_Pair]) -> Row:
    frame = pd.DataFrame(rows)
    by_t, by_ranks = frame["p_t_holm"] < LEVEL, frame["p_wilcoxon_holm"] < LEVEL
    return {
        "dataset": dataset,
        "measure": measure,
        "pairs": len(pairs),
        "both_tests": int((by_t & by_ranks).sum()),
        "t_test": int(by_t.sum()),
        "wilcoxon": int(by_ranks.sum()),
        "slices_as_if_alone": int((frame["p_t_of_slices"] < LEVEL).sum()),
    }


def _powerless(rows: Sequence[Row]) -> list[str]:
    """Say where Wilcoxon's test had no chance: its p has a least value that falls with N."""
    families = defaultdict[tuple[object, object], list[Mapping[str, object]]](list)
    for row in rows:
        families[row["dataset"], row["measure"]].append(row)
    powerless = defaultdict[tuple[object, int, int], list[str]](list)
    for (dataset, measure), family in families.items():
        subjects = max(int(str(row["subjects"])) for row in family)
        if 2.0 ** (1 - subjects) * len(family) >= LEVEL:
            powerless[dataset, subjects, len(family)].append(str(measure))
    return [
        f"Wilcoxon's test can show nothing on dataset '{dataset}' ({', '.join(measures)}): with "
        f"{subjects} test subjects its p is at least {2.0 ** (1 - subjects):.3g}, and {pairs} "
        "pairs are corrected for. More test subjects or fewer models would give it a chance."
        for (dataset, subjects, pairs), measures in powerless.items()
    ]
