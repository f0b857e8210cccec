"""Judge what restoration is worth to a program that looks for the brain."""

import logging
import math
from collections.abc import Sequence

import numpy as np

from mrigen.data.corruptions.recipe import Recipe
from mrigen.data.scans import Scan
from mrigen.errors import DataError
from mrigen.evaluation.brain_masks.figure import Panel, middle_panel, outline_figure
from mrigen.evaluation.brain_masks.masks import BrainMasks, dice, find_masks
from mrigen.evaluation.brain_masks.volumes import (
    MODALITY,
    RestoredVolume,
    chosen_scans,
    restore_volume,
)
from mrigen.evaluation.case import Case, RawData
from mrigen.evaluation.judgement import Judgement, Row, Table, Value
from mrigen.metrics.intervals import MIN_SUBJECTS, mean_interval
from mrigen.page.document import Picture

_DAMAGED, _RESTORED, _GAIN = "brain_dice_damaged", "brain_dice_restored", "brain_dice_gain"
_REFERENCE = ("reference_dice_clean", "reference_dice_damaged", "reference_dice_restored")
_COLUMNS = ("subject", "scan", "brain_ml", _DAMAGED, _RESTORED, _GAIN, *_REFERENCE)
_SHOWN = 6

_logger = logging.getLogger(__name__)


def judge_brain_masks(case: Case) -> Judgement:
    """Judge a network that restores damaged slices by the brain masks of whole volumes.

    Of some test subjects, every slice of the volume is damaged as the model has learned it and
    restored, and both are put back onto the volume's own voxels, as is the clean volume. deepbet
    looks for the brain in all three.
    """
    judgement, settings = Judgement(), case.config.restoration
    count = settings.brain_mask_subjects if settings is not None else 0
    if case.reconstructor is None or case.corruption is None or not count:
        return judgement
    raw = case.raw
    scans = [] if raw is None else chosen_scans(case, raw, count)
    why_not = _why_not(raw, scans)
    if raw is None or why_not:
        judgement.remarks.append(f"Brain masks were not compared, as {why_not}.")
        return judgement
    rows, panels = _look(case, raw, case.corruption, scans)
    if len(rows) < len(scans):
        judgement.remarks.append(
            f"Brain masks of {len(scans) - len(rows)} of {len(scans)} test subjects were not "
            "compared, for reasons that the log of the evaluation tells."
        )
    if rows:
        _tell(case, judgement, rows, panels)
    return judgement


def _why_not(raw: RawData | None, scans: Sequence[Scan]) -> str:
    """Say why nothing can be compared; nothing if it can."""
    if raw is None or (scans and not any((raw.root / scan.path).exists() for scan in scans)):
        return "the volumes are not at hand"
    settings = raw.dataset.brain_mask
    if raw.dataset.skull_strip or (settings is not None and settings.by == "nonzero"):
        return "the dataset's volumes have no skull around the brain"
    if not scans:
        return f"deepbet knows {MODALITY} volumes of heads, and the test split has none"
    return ""


def _look(
    case: Case, raw: RawData, recipe: Recipe, scans: Sequence[Scan]
) -> tuple[list[Row], list[Panel]]:
    rows: list[Row] = []
    panels: list[Panel] = []
    for scan in scans:
        try:
            volume = restore_volume(case, raw, scan, recipe)
            masks = find_masks(volume, raw, case.cache / "brain_masks")
        except DataError as error:
            # The sentence names a file, and remarks go where cards of models go.
            _logger.warning("Brain masks of a test subject are not compared: %s", error)
            continue
        rows.append(_row(volume, masks))
        if len(panels) < _SHOWN:
            panels.append(middle_panel(volume, masks))
    return rows, panels


def _row(volume: RestoredVolume, masks: BrainMasks) -> Row:
    voxel_ml = math.prod(volume.whole.volume.spacing_mm) / 1000
    damaged, restored = dice(masks.damaged, masks.clean), dice(masks.restored, masks.clean)
    row: dict[str, Value] = {
        "subject": volume.scan.subject,
        "scan": volume.scan.path,
        "brain_ml": int(masks.clean.sum()) * voxel_ml,
        _DAMAGED: damaged,
        _RESTORED: restored,
        _GAIN: restored - damaged,
    }
    if masks.reference is not None:
        states = (masks.clean, masks.damaged, masks.restored)
        for name, mask in zip(_REFERENCE, states, strict=True):
            row[name] = dice(mask, masks.reference)
    return row


def _tell(case: Case, judgement: Judgement, rows: list[Row], panels: list[Panel]) -> None:
    subjects = [str(row["subject"]) for row in rows]
    means = {
        name: mean_interval(np.array([row[name] for row in rows], float), subjects, seed=case.seed)
        for name in (_RESTORED, _GAIN, _DAMAGED)
    }
    judgement.put(_RESTORED, means[_RESTORED])
    judgement.put(_GAIN, means[_GAIN])
    judgement.metrics[_DAMAGED] = means[_DAMAGED].value
    if len(rows) < MIN_SUBJECTS:
        judgement.remarks.append(
            f"Brain masks of {len(rows)} of the test subjects were compared: too few for an "
            f"interval, for which 'restoration.brain_mask_subjects' has to be {MIN_SUBJECTS} or "
            "more."
        )
    judgement.tables["brain_masks"] = Table(
        "Brain masks after damage and after restoration",
        "One test subject a line. Every slice of the volume was damaged and restored; the clean "
        "volume has gone through slices of the same size and back. Dice is the agreement of "
        "deepbet's mask with its mask of the clean volume (reference_dice: with the cohort's own "
        "mask); 1 is the same mask. The gain is what restoration added.",
        [name for name in _COLUMNS if any(name in row for row in rows)],
        rows,
    )
    judgement.pictures["brain_masks"] = Picture(
        "Outlines of brain masks",
        "One test subject a line, at the slice in the middle of the brain: the clean, the damaged "
        "and the restored volume, with the outline of the mask that was found in it over "
        "that of the clean volume. Where the thin line runs within the thick one, they agree.",
        outline_figure(panels),
    )
