"""Judge how a model reproduces clean slices and restores damaged ones."""

import numpy as np

from mrigen.data.loader import TEST, ordered_batches
from mrigen.evaluation.case import BATCH, Case, spread_over
from mrigen.evaluation.figures import restoration_figure
from mrigen.evaluation.judgement import Judgement, Row, Table
from mrigen.evaluation.restoration.damage import judge_damage
from mrigen.evaluation.restoration.figures import in_eight_bits
from mrigen.evaluation.restoration.known_damage import judge_known_damage
from mrigen.evaluation.restoration.positions import judge_positions
from mrigen.evaluation.restoration.scores import (
    MEASURES,
    Scores,
    Values,
    counts,
    joined,
    score_answers,
    slice_scores,
)
from mrigen.evaluation.restoration.suite import Rows
from mrigen.evaluation.restoration.summary import put_scores
from mrigen.metrics.flattened import SAMPLES
from mrigen.metrics.intervals import MIN_SUBJECTS
from mrigen.models.interfaces import Reconstructor
from mrigen.page.document import Picture


def judge_restoration(case: Case) -> Judgement:
    """Judge a network that answers images; anything else is judged by nothing.

    Every such network is judged by its answers to clean test slices and to the same suite of
    damage at several strengths; one that was trained to undo damage also by that damage.
    """
    judgement = Judgement()
    config = case.config.restoration
    network = case.reconstructor
    if network is None or config is None:
        return judgement
    rows = case.rows(TEST, case.config.slices)
    few = spread_over(rows, config.slices)
    scores = _clean_scores(case, rows)
    if case.corruption is not None:
        scores |= _trained_scores(case, network)
    put_scores(judgement, scores, case.subjects(rows), seed=case.seed)
    if case.corruption is not None:
        judgement.metrics |= counts(scores)
        judgement.remarks += _small_patches(scores)
    damage, damage_scores = judge_damage(case, few, config.strengths)
    judgement.add(damage)
    positions = _positions(case, rows)
    judgement.add(
        judge_positions(
            scores, positions, case.subjects(rows), bins=config.position_bins, seed=case.seed
        )
    )
    judgement.add(judge_known_damage(case, few, judgement.metrics))
    table = _slices(case, rows, scores | _placed(damage_scores, few, rows))
    judgement.tables["restoration_slices"] = table
    judgement.pictures["restorations"] = _answers(case)
    judgement.remarks += _few_subjects(case, rows)
    return judgement


def _clean_scores(case: Case, rows: Rows) -> dict[str, Values]:
    parts = []
    for start in range(0, len(rows), BATCH):
        clean = case.images(rows[start : start + BATCH])
        parts.append(slice_scores(case.reconstruct(clean), clean))
    return {f"clean_{name}": values for name, values in joined(parts).items()}


def _trained_scores(case: Case, network: Reconstructor) -> Scores:
    # The damage is done on the CPU: the same bytes, whatever device the network is on.
    damaged = case.dataset(TEST, corruption=case.corruption)
    batches = ordered_batches(damaged, batch_size=BATCH, limit=case.config.slices)
    return score_answers(network, batches, device=case.device)


def _positions(case: Case, rows: Rows) -> Values:
    return case.store.manifest["position_mm"].to_numpy(dtype=np.float64, na_value=np.nan)[rows]


def _placed(scores: Scores, few: Rows, rows: Rows) -> dict[str, Values]:
    # Scores of a few of the rows as columns over all of them.
    placed = {name: np.full(len(rows), np.nan) for name in scores}
    chosen = np.isin(rows, few)
    for name, values in scores.items():
        placed[name][chosen] = values
    return placed


def _slices(case: Case, rows: Rows, scores: Scores) -> Table:
    names = [f"{kind}_{measure}" for kind in ("clean", "slice") for measure in MEASURES]
    names = [name for name in (*names, "damage_psnr_db", "damage_ssim") if name in scores]
    positions, subjects = _positions(case, rows), case.subjects(rows)
    lines: list[Row] = []
    for place, row in enumerate(rows):
        measured: Row = {name: _known(scores[name][place]) for name in names}
        position = _known(positions[place])
        whose: Row = {"row": int(row), "subject": str(subjects[place]), "position_mm": position}
        lines.append({**whose, **measured})
    return Table(
        "Scores of every test slice",
        "By its row in the dataset's manifest: the reproduction of the clean slice, the answer to "
        "the damage that the model was trained on, and the mean over every kind of damage at full "
        "strength, for those slices that were damaged in every way.",
        ["row", "subject", "position_mm", *names],
        lines,
    )


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _small_patches(scores: Scores) -> list[str]:
    small = ~np.isnan(scores["patch_mse"]) & np.isnan(scores["patch_flattened_ssim"])
    if not small.any():
        return []
    return [
        f"{small.sum()} of the patches have fewer than {SAMPLES} pixels, too few for "
        "patch_flattened_ssim, which is of the others."
    ]


def _few_subjects(case: Case, rows: Rows) -> list[str]:
    count = len(set(case.subjects(rows)))
    if count >= MIN_SUBJECTS:
        return []
    whose = "one subject" if count == 1 else f"{count} subjects"
    return [
        f"The test slices are those of {whose}: there are no intervals, which take at least "
        f"{MIN_SUBJECTS} subjects."
    ]


def _answers(case: Case) -> Picture:
    count = case.config.restoration_images
    damaged = case.dataset(TEST, corruption=case.corruption)
    batch = next(ordered_batches(damaged, batch_size=count, limit=count))
    restored = in_eight_bits(case.reconstruct(batch.input))
    png = restoration_figure(batch.input, target=batch.target, restored=restored, patch=batch.patch)
    return Picture(
        "Answers on test slices",
        "One slice a column. From top to bottom: the clean slice, the damaged input if there is "
        "damage (its patch outlined), the model's answer, and their absolute difference, white "
        "from a quarter of the range on. Below a picture, its PSNR against the clean slice.",
        png,
    )
