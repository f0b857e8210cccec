"""What the size of an error looks like: known degradations of the same slices leave as much."""

from collections.abc import Mapping

import numpy as np
from torch import Tensor

from mrigen.evaluation.case import BATCH, Case
from mrigen.evaluation.judgement import Judgement, Row, Table
from mrigen.evaluation.ladder import RUNGS, Rung
from mrigen.evaluation.restoration.figures import ladder_figure
from mrigen.evaluation.restoration.matches import PLACES, Means, find_matches, say
from mrigen.evaluation.restoration.scores import MEASURES, joined, slice_scores
from mrigen.evaluation.restoration.suite import Rows
from mrigen.metrics.similarity import mse, ssim
from mrigen.page.document import Picture


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
    for where in PLACES:
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


def _acceptable(rows: list[Row]) -> Table:
    kinds = list(dict.fromkeys(rung.kind for rung in RUNGS))
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
    kinds: dict[str, list[tuple[str, Tensor]]] = {}
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
