"""Judge what a model makes of every kind of damage: numbers, a table and pictures."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from mrigen.evaluation.case import Case
from mrigen.evaluation.judgement import Judgement, Row, Table, Value
from mrigen.evaluation.restoration.figures import damage_figure, gain_figure, in_eight_bits
from mrigen.evaluation.restoration.scores import INPUT, MEASURES, Scores, Values
from mrigen.evaluation.restoration.suite import (
    FULL,
    KINDS,
    Rows,
    damaged_in_every_way,
    score_suite,
)
from mrigen.evaluation.restoration.summary import Subjects, interval_columns, interval_of
from mrigen.metrics.intervals import mean_interval
from mrigen.page.document import Picture

_JUDGED = ("psnr_db", "ssim")
_REGIONS = ("slice", "patch")
_GAIN = "gain_db"

Suite = Mapping[tuple[str, float], Scores]


def judge_damage(case: Case, rows: Rows, strengths: Sequence[float]) -> tuple[Judgement, Scores]:
    """Judge a reconstructor by the suite.

    Parameters
    ----------
    case
    rows : (N,)
        Test slices of the manifest.
    strengths
        In (0, 1]; full strength is added where it is missing.

    Returns
    -------
    judgement
    scores
        `damage_psnr_db` and `damage_ssim` of each of the N slices: means over the kinds of damage
        at full strength.
    """
    strengths = sorted({*strengths, FULL})
    suite, subjects = score_suite(case, rows, strengths), case.subjects(rows)
    judgement = Judgement()
    means = _put_metrics(judgement, suite, subjects, seed=case.seed)
    table = _table(suite, subjects, seed=case.seed)
    judgement.tables["restoration_damage"] = table
    judgement.pictures["restoration_gain"] = _gain_picture(table, strengths)
    judgement.pictures["restoration_damages"] = _picture(case, int(rows[len(rows) // 2]))
    return judgement, means


def _put_metrics(
    judgement: Judgement, suite: Suite, subjects: Subjects, *, seed: int
) -> dict[str, Values]:
    means = {}
    for measure in _JUDGED:
        name = f"damage_{measure}"
        restored = {kind: suite[kind, FULL][f"slice_{measure}"] for kind in KINDS}
        damaged = {kind: suite[kind, FULL][f"{INPUT}slice_{measure}"] for kind in KINDS}
        means[name] = np.mean(list(restored.values()), axis=0)
        judgement.put(name, mean_interval(means[name], subjects, seed=seed))
        judgement.metrics[INPUT + name] = float(np.mean(list(damaged.values())))
        for kind in KINDS:
            judgement.put(f"{kind}/{name}", mean_interval(restored[kind], subjects, seed=seed))
            judgement.metrics[f"{kind}/{INPUT}{name}"] = float(damaged[kind].mean())
    return means


def _table(suite: Suite, subjects: Subjects, *, seed: int) -> Table:
    rows: list[Row] = []
    for (kind, strength), scores in suite.items():
        for region in _REGIONS:
            named = _columns(scores, region, subjects, seed=seed)
            if named:
                place: Row = {"kind": kind, "strength": strength, "region": region}
                rows.append({**place, **named})
    columns = ["kind", "strength", "region", "slices"]
    for measure in MEASURES:
        columns += [f"{INPUT}{measure}", measure, f"{measure}_low", f"{measure}_high"]
    columns += [_GAIN, f"{_GAIN}_low", f"{_GAIN}_high"]
    return Table(
        "Damage undone",
        "The same test slices with every kind of damage at several strengths: scores of the "
        "damaged input and of the model's answer, with 95 % intervals over subjects. The gain is "
        "the difference of the PSNRs: below 0, the model does harm. Region 'patch' is the "
        "rectangle around what was painted in.",
        columns,
        rows,
    )


def _columns(scores: Scores, region: str, subjects: Subjects, *, seed: int) -> dict[str, Value]:
    known = ~np.isnan(scores[f"{region}_mse"])
    if not known.any():
        return {}
    columns: dict[str, Value] = {"slices": int(known.sum())}
    for measure in MEASURES:
        restored, damaged = (scores[f"{who}{region}_{measure}"] for who in ("", INPUT))
        columns[INPUT + measure] = float(damaged[known].mean())
        columns |= interval_columns(measure, interval_of(restored, subjects, seed=seed))
    gain = scores[f"{region}_psnr_db"] - scores[f"{INPUT}{region}_psnr_db"]
    columns |= interval_columns(_GAIN, interval_of(gain, subjects, seed=seed))
    return columns


def _gain_picture(table: Table, strengths: Sequence[float]) -> Picture:
    gains: dict[str, list[float]] = {}
    for row in table.rows:
        label = str(row["kind"]).replace("_", " ")
        label += ", in the patch" if row["region"] == "patch" else ""
        gains.setdefault(label, []).append(float(row[_GAIN] or 0))
    return Picture(
        "Gain by damage and strength",
        "How many decibels the model's answer is closer to the clean slice than its damaged input "
        "is, for every kind of damage (rows) and strength (columns), means over test slices. "
        "Lighter is better; below 0 the model does harm. Colours end at 10 dB either way.",
        gain_figure(gains, strengths),
    )


def _picture(case: Case, row: int) -> Picture:
    clean = case.images(np.array([row]))
    inputs = torch.cat([clean, *(each.images for each in damaged_in_every_way(case, row))])
    labels = ["clean", *(kind.replace("_", " ") for kind in KINDS)]
    return Picture(
        "Every kind of damage on one slice",
        "One test slice, clean and with each kind of damage at full strength. From top to bottom: "
        "the input, the model's answer, and its absolute difference from the clean slice, white "
        "from a quarter of the range on. Below a picture, its PSNR against the clean slice.",
        damage_figure(labels, inputs, in_eight_bits(case.reconstruct(inputs)), clean=clean),
    )
