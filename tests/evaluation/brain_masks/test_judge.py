import numpy as np
import pytest
import torch
from torch import nn

import phantoms
from mrigen.data.scans import Scan, read_scans, write_scans
from mrigen.data.slicing.dataset import DatasetConfig
from mrigen.data.slicing.extraction import extract_file
from mrigen.data.slicing.whole_volume import read_whole
from mrigen.data.store.writing import write_store
from mrigen.errors import DataError
from mrigen.evaluation.brain_masks.judge import judge_brain_masks
from mrigen.evaluation.brain_masks.volumes import chosen_scans, restore_volume
from mrigen.evaluation.case import Case, RawData
from mrigen.evaluation.config import EvaluationConfig
from mrigen.images import from_integers
from mrigen.model_config import ModelConfig
from one_scan import MAX_VOXELS

SHAPE = (16, 18, 14)
SPACING_MM = (12.0, 12.0, 14.0)
DAMAGE = [
    {"name": "blank_squares", "count": 2, "size": [8, 12]},
    {"name": "gaussian_noise", "std": 0.05},
]
SPLIT = {"train": 0.375, "validation": 0.25, "test": 0.375}


class Answer(nn.Module):
    """Answers with what `answer` makes of the images."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def reconstruct(self, images):
        return self.answer(images)


class Finder:
    """Stands in for deepbet: what is neither dark nor the bright rim, and how often it looked."""

    def __init__(self):
        self.looked = 0

    def __call__(self, array, *, name):
        self.looked += 1
        mask = (array > 0.2) & (array < 0.95)
        if not mask.any():
            raise DataError(f"scan '{name}' shows no brain")
        return mask


@pytest.fixture
def finder(monkeypatch):
    finder = Finder()
    monkeypatch.setattr("mrigen.evaluation.brain_masks.masks.find_brain", finder)
    return finder


def make_case(root, *, network=None, subjects=8, damage=DAMAGE, shown=3, strip=False, **dataset):
    config = DatasetConfig.model_validate({"source": "ixi", "size": 32, "split": SPLIT} | dataset)
    for number in range(subjects):
        head = phantoms.head(SHAPE, SPACING_MM, seed=number)
        if strip:
            head = np.where(head > 100, 400, 0)
            head[SHAPE[0] // 2] *= 2
        path = root / "data" / f"{number}.nii.gz"
        phantoms.write_volume(path, head, spacing_mm=SPACING_MM, axes="PSR")
    scans = [Scan(f"data/{n}.nii.gz", "ixi", f"ixi/{n}", "T1w") for n in range(subjects)]
    cut = [
        extract_file([scan], config=config, root=root, max_voxels=MAX_VOXELS)[0] for scan in scans
    ]
    write_scans(root / "scans.parquet", scans)
    (root / "index").mkdir()
    (root / "scans.parquet").rename(root / "index" / "scans.parquet")
    recipe = ModelConfig.model_validate(
        {
            "dataset": "heads",
            "network": {"name": "unet"},
            "objective": {"name": "reconstruction"},
            "corruption": damage,
            "training": {},
            "evaluation": {},
            "gate": {},
        }
    ).corruption
    return Case(
        model="unet",
        network=network or Answer(lambda images: images),
        store=write_store(root / "store", iter(cut), config=config),
        corruption=recipe,
        config=EvaluationConfig.model_validate({"restoration": {"brain_mask_subjects": shown}}),
        device=torch.device("cpu"),
        cache=root / "cache",
        raw=RawData(root, config, MAX_VOXELS),
    )


def oracle(case, count=3):
    """Answers the clean slices of the chosen volumes, one after the other."""
    wholes = [
        read_whole(scan, case.raw.dataset, root=case.raw.root, max_voxels=MAX_VOXELS)
        for scan in chosen_scans(case, case.raw, count)
    ]
    clean = torch.cat([from_integers(whole.pixels)[:, None] for whole in wholes])
    place = 0

    def answer(images):
        nonlocal place
        place += len(images)
        return clean[place - len(images) : place]

    return Answer(answer)


def with_network(case, network):
    object.__setattr__(case, "network", network)
    return case


def test_a_model_that_undoes_all_damage_gives_the_clean_mask_back(tmp_path, finder):
    case = make_case(tmp_path)
    judgement = judge_brain_masks(with_network(case, oracle(case)))
    metrics = judgement.metrics
    assert metrics["brain_dice_restored"] == 1
    assert 0.5 < metrics["brain_dice_damaged"] < 0.99
    assert metrics["brain_dice_gain"] == pytest.approx(1 - metrics["brain_dice_damaged"])
    assert metrics["brain_dice_gain_low"] <= metrics["brain_dice_gain"]
    assert metrics["brain_dice_gain"] <= metrics["brain_dice_gain_high"]
    assert judgement.remarks == []


def test_a_model_that_does_nothing_gains_nothing(tmp_path, finder):
    metrics = judge_brain_masks(make_case(tmp_path)).metrics
    assert metrics["brain_dice_restored"] == metrics["brain_dice_damaged"]
    assert metrics["brain_dice_gain"] == 0


def test_a_volume_in_which_no_brain_is_found_is_the_worst_and_not_missing(tmp_path, finder):
    judgement = judge_brain_masks(make_case(tmp_path, network=Answer(torch.zeros_like)))
    assert judgement.metrics["brain_dice_restored"] == 0
    assert judgement.metrics["brain_dice_gain"] == -judgement.metrics["brain_dice_damaged"]
    assert judgement.pictures["brain_masks"].png.startswith(b"\x89PNG")


def test_the_table_has_a_line_for_each_test_subject(tmp_path, finder):
    case = make_case(tmp_path)
    table = judge_brain_masks(case).tables["brain_masks"]
    manifest = case.store.manifest
    tested = sorted(manifest["subject"][manifest["split"] == "test"].unique())
    assert [row["subject"] for row in table.rows] == tested
    assert len(tested) == 3
    assert "reference_dice_clean" not in table.columns
    # The finder takes the inside of the ellipsoid, of which the rim is a twentieth or two.
    volume = 4 / 3 * np.pi * np.prod(phantoms.HEAD_MM) / 8 / 1000
    for row in table.rows:
        assert 0.6 * volume < row["brain_ml"] < 1.4 * volume


@pytest.mark.parametrize(("shown", "ends"), [(2, False), (3, True), (30, True)])
def test_an_interval_takes_three_subjects(tmp_path, finder, shown, ends):
    judgement = judge_brain_masks(make_case(tmp_path, shown=shown))
    assert len(judgement.tables["brain_masks"].rows) == min(shown, 3)
    assert ("brain_dice_restored_low" in judgement.metrics) == ends
    assert any("too few for an interval" in remark for remark in judgement.remarks) != ends


def test_the_clean_volume_goes_through_the_same_pictures(tmp_path):
    case = make_case(tmp_path)
    (scan, *_) = chosen_scans(case, case.raw, 3)
    volume = restore_volume(case, case.raw, scan, case.corruption)
    clean = volume.whole.put_back(from_integers(volume.whole.pixels)[:, None].numpy())
    np.testing.assert_array_equal(volume.clean, clean)
    np.testing.assert_array_equal(volume.restored, volume.damaged)
    changed = (volume.damaged != volume.clean).any(axis=(0, 1))
    assert changed.all()  # every slice was damaged, kept by the dataset or not
    assert volume.clean.shape == volume.whole.volume.stored.shape == SHAPE


def test_masks_of_clean_and_damaged_volumes_are_found_once(tmp_path, finder):
    case = make_case(tmp_path)
    first = judge_brain_masks(case)
    assert finder.looked == 9
    second = judge_brain_masks(case)
    assert finder.looked == 12
    assert first.metrics == second.metrics
    assert first.pictures["brain_masks"].png == second.pictures["brain_masks"].png
    object.__setattr__(case, "corruption", case.corruption[:1])
    judge_brain_masks(case)
    assert finder.looked == 12 + 6  # the same heads, damaged in another way


def test_the_cohorts_own_masks_are_a_further_column(tmp_path, finder):
    case = make_case(tmp_path)
    index = tmp_path / "index" / "scans.parquet"
    scans = []
    for scan in read_scans(index):
        mask = phantoms.head(SHAPE, SPACING_MM, seed=int(scan.subject[-1])) > 100
        name = scan.path.replace(".nii.gz", "_mask.nii.gz")
        phantoms.write_volume(
            tmp_path / name, mask.astype(np.uint8), spacing_mm=SPACING_MM, dtype=np.uint8
        )
        scans.append(Scan(**(vars(scan) | {"mask_path": name})))
    index.unlink()
    write_scans(index, scans)
    table = judge_brain_masks(with_network(case, oracle(case))).tables["brain_masks"]
    for row in table.rows:
        assert 0.8 < row["reference_dice_clean"] == row["reference_dice_restored"]
        assert row["reference_dice_damaged"] < row["reference_dice_clean"]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ({"brain_mask": {"by": "nonzero"}, "skull_strip": True}, "no skull around the brain"),
        ({"strip": True}, "shows a brain and nothing around it"),
    ],
)
def test_brains_without_a_skull_are_not_judged(tmp_path, finder, caplog, words, reason):
    judgement = judge_brain_masks(make_case(tmp_path, **words))
    assert judgement.metrics == {}
    assert judgement.tables == {}
    assert judgement.remarks
    assert reason in judgement.remarks[0] + caplog.text


@pytest.mark.parametrize("kept", [None, 5], ids=["another", "fewer slices"])
def test_volumes_that_are_gone_or_changed_are_remarked(tmp_path, finder, caplog, kept):
    case = make_case(tmp_path)
    first, second, third = (tmp_path / scan.path for scan in chosen_scans(case, case.raw, 3))
    first.unlink()
    head = phantoms.head(SHAPE, SPACING_MM, seed=77)[:, :, :kept]
    phantoms.write_volume(second, head, spacing_mm=SPACING_MM, axes="PSR")
    judgement = judge_brain_masks(case)
    assert len(judgement.tables["brain_masks"].rows) == 1
    # Whose they are is told to who runs it, not to whom a card is handed.
    assert judgement.remarks[0].startswith("Brain masks of 2 of 3 test subjects were not compared")
    assert "cannot be read" in caplog.text
    assert "is another one than its slices were cut from" in caplog.text
    second.unlink()
    third.unlink()
    judgement = judge_brain_masks(case)
    assert judgement.remarks == ["Brain masks were not compared, as the volumes are not at hand."]
    assert judgement.metrics == {}


@pytest.mark.parametrize("change", ["corruption", "subjects", "block", "network"])
def test_what_restores_nothing_is_not_judged(tmp_path, finder, change):
    shown = 0 if change == "subjects" else 3
    case = make_case(tmp_path, shown=shown, subjects=4, network=Answer(torch.zeros_like))
    if change == "corruption":
        object.__setattr__(case, "corruption", None)
    if change == "block":
        object.__setattr__(case, "config", EvaluationConfig(restoration=None))
    if change == "network":
        object.__setattr__(case, "network", nn.Identity())
    judgement = judge_brain_masks(case)
    assert (judgement.metrics, judgement.remarks) == ({}, [])
    assert finder.looked == 0


def test_another_modality_is_remarked(tmp_path, finder):
    case = make_case(tmp_path)
    case.store.manifest["modality"] = "FLAIR"
    (remark,) = judge_brain_masks(case).remarks
    assert "knows T1w volumes" in remark
