"""Judge restoration by where in the head a slice lies."""

from itertools import pairwise

import numpy as np

from mrigen.evaluation.judgement import Judgement, Row, Table, Value
from mrigen.evaluation.restoration.figures import Line, position_figure
from mrigen.evaluation.restoration.scores import Scores, Values
from mrigen.evaluation.restoration.summary import Subjects, interval_columns, interval_of
from mrigen.page.document import Picture

_LABELS = {
    "clean": "clean input, reproduced",
    "slice": "damaged input, restored",
    "input_slice": "damaged input as it is",
}
_PANELS = {"psnr_db": "PSNR, dB", "ssim": "SSIM"}


def judge_positions(
    scores: Scores, positions: Values, subjects: Subjects, *, bins: int, seed: int
) -> Judgement:
    """Judge slices in bins of their position, which hold about as many slices each.

    Parameters
    ----------
    scores
        Of N slices, by the names of `clean_...`, `slice_...` and `input_slice_...`.
    positions : (N,) in mm
        NaN where it is not known.
    subjects : (N,)
    bins
        At most so many: slices of one position stay together.
    seed
        Of the intervals.
    """
    if np.isnan(positions).any():
        words = "Where in the head test slices lie is not known: scores by position are left out."
        return Judgement(remarks=[words])
    # Borders that are positions of slices: no bin between two of them is empty.
    borders = np.unique(np.quantile(positions, np.linspace(0, 1, bins + 1), method="nearest"))
    if len(borders) < 2:
        words = "All test slices lie at one position: scores by position are left out."
        return Judgement(remarks=[words])
    codes = np.maximum(np.searchsorted(borders, positions) - 1, 0)
    rows: list[Row] = []
    panels: dict[str, dict[str, Line]] = {}
    for code, (start, stop) in enumerate(pairwise(borders)):
        inside = codes == code
        row: dict[str, Value] = {"from_mm": float(start), "to_mm": float(stop)}
        row |= {"slices": int(inside.sum()), "subjects": len(set(subjects[inside]))}
        for measure, panel in _PANELS.items():
            for kind, label in _LABELS.items():
                name = f"{kind}_{measure}"
                if name not in scores:
                    continue
                interval = interval_of(scores[name][inside], subjects[inside], seed=seed)
                row |= interval_columns(name, interval)
                line = panels.setdefault(panel, {}).setdefault(label, [])
                line.append((float(positions[inside].mean()), interval))
        rows.append(row)
    return Judgement(
        tables={"restoration_positions": _table(rows)},
        pictures={"restoration_positions": _picture(panels)},
    )


def _table(rows: list[Row]) -> Table:
    return Table(
        "Restoration by position",
        "Means over test slices in bins of their position along the head, with 95 % intervals "
        "over subjects: reproductions of clean slices, answers to damaged ones, and these as they "
        "are.",
        list(rows[0]),
        rows,
    )


def _picture(panels: dict[str, dict[str, Line]]) -> Picture:
    return Picture(
        "Restoration by position",
        "PSNR and SSIM by where along the head a slice lies, in mm; vertical lines are 95 % "
        "intervals over subjects.",
        position_figure(panels),
    )
