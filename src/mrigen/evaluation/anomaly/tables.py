"""What was found, by kind of lesions and method, and by contrast."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from mrigen.evaluation.anomaly.methods import find_maps, score_methods
from mrigen.evaluation.anomaly.scores import Scores
from mrigen.evaluation.anomaly.slices import KnownSlices, inserted_slices
from mrigen.evaluation.case import Case
from mrigen.evaluation.config import AnomalyConfig
from mrigen.evaluation.judgement import Row, Table
from mrigen.metrics.intervals import Interval

_MEASURES = ("pixel_auroc", "average_precision", "best_dice", "slice_auroc")
_PARTS = [f"{name}{part}" for name in _MEASURES for part in ("", "_low", "_high")]


class Source(NamedTuple):
    """Lesions of one kind, and what each method makes of them.

    Attributes
    ----------
    known
        The slices and their lesions.
    maps : (N, 1, H, W) each
        By method.
    scores
        By method.
    """

    known: KnownSlices
    maps: dict[str, Tensor]
    scores: dict[str, Scores]


def intervals(scores: Scores) -> dict[str, Interval]:
    """Return the numbers of a method by the names they have after the kind of lesions."""
    found = dict(zip(_MEASURES, scores.pixels[:3], strict=False))
    return found if scores.slices is None else found | {"slice_auroc": scores.slices}


def _row(scores: Scores) -> dict[str, float | None]:
    row: dict[str, float | None] = {}
    for measure, (value, low, high) in intervals(scores).items():
        row |= {measure: value, f"{measure}_low": low, f"{measure}_high": high}
    return row


def method_table(sources: Mapping[str, Source]) -> Table:
    """Return a row for each kind of lesions and method."""
    rows: list[Row] = [
        {
            "lesions": name,
            "method": method,
            "slices": int(source.known.diseased.sum()),
            "subjects": len(set(source.known.subjects[source.known.diseased.numpy()])),
            "chance_precision": scores.pixels.share,
            "threshold": scores.pixels.threshold,
            **_row(scores),
        }
        for name, source in sources.items()
        for method, scores in source.scores.items()
    ]
    return Table(
        "Finding lesions",
        "By residual, by reconstruction probability, and by a threshold on brightness alone, with "
        "intervals over subjects. Pixels are those of heads with a lesion; chance_precision is "
        "the average precision of guessing; threshold gives the best Dice coefficient. Brightness "
        "is read in the direction, bright or dark, that finds more.",
        ("lesions", "method", "slices", "subjects", "chance_precision", *_PARTS, "threshold"),
        rows,
    )


def contrast_table(case: Case, config: AnomalyConfig, inserted: Source) -> Table:
    """Return a row for each contrast and method, the same lesions fainter and stronger."""
    rows: list[Row] = []
    for contrast in sorted({0.0, *config.contrasts, config.contrast}):
        scores = inserted.scores
        if contrast != config.contrast:
            scores = _score_contrast(case, config, inserted, contrast)
        for method, found in scores.items():
            rows.append({"contrast": contrast, "method": method, **_row(found)})
    return Table(
        "Inserted lesions by contrast",
        "The same lesions in the same places, fainter and stronger, in grey values between 0 and "
        "1. At contrast 0 nothing is there: what it gives is owed to the places alone.",
        ("contrast", "method", *_PARTS),
        rows,
    )


def _score_contrast(
    case: Case, config: AnomalyConfig, inserted: Source, contrast: float
) -> dict[str, Scores]:
    known = inserted_slices(case, contrast)
    if known is None:
        return {}
    # The second half is the slices without lesions, whose maps are there already.
    count = len(known.images) // 2
    healthy = {method: values[count:] for method, values in inserted.maps.items()}
    changed = find_maps(case, config, known.images[:count]) if contrast else healthy
    maps = {method: torch.cat([changed[method], healthy[method]]) for method in healthy}
    return score_methods(maps, known, seed=case.seed)
