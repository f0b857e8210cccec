"""The studies' files give the studies' pictures, numbers and splits."""

import csv
import io
import json
import shutil
from collections import Counter
from pathlib import Path

import matplotlib.image
import nibabel as nib
import numpy as np
import pytest
import torch
from PIL import Image

import phantoms
from mrigen.config import parse_config, read_yaml
from mrigen.data.records import SliceRecord
from mrigen.data.scans import LeftOut, Scan
from mrigen.data.slicing.dataset import DatasetConfig
from mrigen.data.slicing.extraction import extract_file
from mrigen.data.slicing.selection import SelectionConfig
from mrigen.data.splits.leaking import deal_slices
from mrigen.data.store.slice_store import SliceStore
from mrigen.project import Params, Project
from mrigen.stages.index import index
from mrigen.stages.slices import slices

FOLDER = Path(__file__).parents[1] / "studies"
STUDIES = ("tablado", "arnaiz", "lorente", "feliu")
TABLE = FOLDER / "arnaiz_slice_ranges.csv"


def values_of(study):
    return read_yaml(FOLDER / f"{study}.yaml")


def params_of(study):
    return parse_config(Params, values_of(study), source=study)


def volumes():
    with TABLE.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def project_of(root, study):
    shutil.copytree(FOLDER, root / "studies")
    return Project(root, params_of(study))


def numbered(store):
    """Slice numbers of each scan."""
    groups = store.manifest.groupby(["subject", "modality"])["index"]
    return {key: sorted(part.tolist()) for key, part in groups}


@pytest.mark.parametrize("study", STUDIES)
def test_nothing_in_a_studys_file_is_left_to_defaults(study):
    values, params = values_of(study), params_of(study)
    for name, dataset in values["datasets"].items():
        config = params.datasets[name]
        assert set(dataset) == set(DatasetConfig.model_fields), name
        for part in ("geometry", "intensity"):
            assert set(dataset[part]) == set(type(getattr(config, part)).model_fields), name
        assert {"by", "step", "content"} <= set(dataset["selection"]), name
        assert {"train", "validation", "test", "seed"} <= set(dataset["split"]), name
    for name, model in values["models"].items():
        config = params.models[name]
        for part in ("network", "objective", "training"):
            known = set(type(getattr(config, part)).model_fields)
            # Blocks that are refused, or mean nothing, beside what the study does.
            known -= {"plateau"} if config.training.schedule != "plateau" else set()
            known -= (
                {"levels"} if getattr(config.network, "codebook", "") != "finite_scalar" else set()
            )
            # What the studies do not do, and a section without it does not name.
            known -= {"ema_half_lives", "judged_by", "looks"}
            assert set(model[part]) == known, name


def write_heads(folder, names, shape):
    """IXI volumes: RAS+ shape, stored as the release stores them."""
    for seed, name in enumerate(names):
        head = phantoms.head(shape, [180 / side for side in shape], seed=seed)
        phantoms.write_volume(folder / "IXI-T1" / f"{name}.nii.gz", head, axes="PSR")


def test_tablado_cuts_thirty_slices_and_deals_out_28_to_2(tmp_path):
    names = [row["vol"] for row in volumes()[:6]]
    write_heads(tmp_path / "data/ixi", names, (15, 20, 256))
    project = project_of(tmp_path, "tablado")
    index(project)
    store = slices(project, "axial_leaking", workers=1, progress=False)
    assert len(store) == 6 * 30
    assert set(map(tuple, numbered(store).values())) == {tuple(range(160, 190))}
    assert store.manifest.groupby(["subject", "split"]).size().to_dict() == {
        (f"ixi/{name[:6]}", split): count
        for name in names
        for split, count in (("train", 28), ("test", 2))
    }
    assert store.warnings
    repaired = slices(project, "axial", workers=1, progress=False)
    assert not repaired.warnings
    assert repaired.manifest.groupby("subject")["split"].nunique().eq(1).all()
    np.testing.assert_array_equal(repaired.read(range(180)), store.read(range(180)))


def test_lorente_cuts_51_and_151_slices_of_256(tmp_path):
    chosen = [row.split(",")[0] for row in
              (FOLDER / "lorente_reduced_volumes.csv").read_text().splitlines()[1:]]  # fmt: skip
    others = [row["vol"] for row in volumes() if row["vol"] not in chosen]
    write_heads(tmp_path / "data/ixi", [*chosen[:3], *others[:2]], (15, 20, 256))
    project = project_of(tmp_path, "lorente")
    index(project)
    for name, expected in {
        "axial_51": range(102, 153),
        "axial_51_per_slice": range(102, 153),
        "axial_151": range(53, 204),
    }.items():
        store = slices(project, name, workers=1, progress=False)
        assert store.size == 64
        assert set(map(tuple, numbered(store).values())) == {tuple(expected)}
        assert store.manifest["subject"].nunique() == 5
    reduced = slices(project, "reduced_px32", workers=1, progress=False)
    assert reduced.size == 32
    assert set(reduced.manifest["subject"]) == {f"ixi/{name[:6]}" for name in chosen[:3]}
    assert set(map(tuple, numbered(reduced).values())) == {tuple(range(102, 153))}


def test_lorentes_cohort_has_one_black_and_one_white(tmp_path):
    write_heads(tmp_path / "data/ixi", [row["vol"] for row in volumes()[:5]], (15, 20, 256))
    project = project_of(tmp_path, "lorente")
    index(project)
    store = slices(project, "axial_51", workers=1, progress=False)
    assert len(store.grids[["black", "white"]].drop_duplicates()) == 1
    per_slice = slices(project, "axial_51_per_slice", workers=1, progress=False)
    assert per_slice.grids["black"].isna().all()


def test_the_other_planes_of_lorente(tmp_path):
    write_heads(tmp_path / "data/ixi", [row["vol"] for row in volumes()[:5]], (70, 64, 20))
    project = project_of(tmp_path, "lorente")
    index(project)
    for name, plane in (("sagittal_51", "sagittal"), ("coronal_51", "coronal")):
        store = slices(project, name, workers=1, progress=False)
        assert set(store.manifest["plane"]) == {plane}
        assert {len(part) for part in numbered(store).values()} == {51}


def test_arnaiz_cuts_his_table_and_keeps_his_test_subjects_apart(tmp_path):
    rows = volumes()
    tested = [row for row in rows if row["split"] == "test"]
    others = [row for row in rows if row["split"] == "trainval"]
    chosen = [row for row in [*tested[:2], *others[:6]] if row["n_slices"] == "150"]
    write_heads(tmp_path / "data/ixi", [row["vol"] for row in chosen], (150, 16, 16))
    project = project_of(tmp_path, "arnaiz")
    index(project)
    store = slices(project, "sagittal", workers=1, progress=False)
    assert (store.size, store.bits) == (128, 16)
    assert numbered(store) == {
        (f"ixi/{row['vol'][:6]}", "T1w"): list(range(int(row["first"]), int(row["last"]) + 1))
        for row in chosen
    }
    # The rejected rule drops the lower quarter of all slices.
    rejected = slices(project, "sagittal_nonzero_mean", workers=1, progress=False)
    assert len(rejected) == pytest.approx(0.75 * 150 * len(chosen), rel=0.01)
    part = store.manifest[store.manifest["split"] == "test"]
    assert set(part["subject"]) == {f"ixi/{row['vol'][:6]}" for row in tested[:2]}


def test_feliu_cuts_forty_slices_of_four_channels(tmp_path):
    folder = tmp_path / "data/decathlon/Task01_BrainTumour"
    phantoms.write_decathlon(folder, subjects=4, shape=(16, 18, 155))
    # One case without labels, as 266 of the Decathlon's 750 are.
    description = json.loads((folder / "dataset.json").read_text())
    case = description["training"].pop()
    description["test"] = [case["image"]]
    (folder / case["label"]).unlink()
    (folder / "dataset.json").write_text(json.dumps(description))
    project = project_of(tmp_path, "feliu")
    index(project)
    expected = {
        "tumours": range(60, 100),
        "tumours_50k": range(60, 100, 2),
        "tumours_30k": range(60, 96, 3),
        "tumours_10k": range(60, 100, 10),
    }
    for name, numbers in expected.items():
        store = slices(project, name, workers=1, progress=False)
        assert store.size == 112
        assert len(numbered(store)) == 4 * 4
        assert set(map(tuple, numbered(store).values())) == {tuple(numbers)}


def records(counts):
    """Slices of subjects whose numbers of slices are given."""
    return [
        SliceRecord(
            subject=f"x/{name}", source="x", modality="T1w", plane="axial", index=number,
            position_mm=0.0, spacing_mm=1.0, pixel_height_mm=1.0, pixel_width_mm=1.0,
            foreground_fraction=0.5, brain_fraction=None, label_fraction=None, age=None,
            sex=None, ethnicity=None, site=None, declared_split=None, path=f"{name}.nii.gz",
            channel=None,
        )
        for name, count in counts.items()
        for number in range(count)
    ]  # fmt: skip


def dealt(study, dataset, counts):
    """How many slices and how many subjects each split gets."""
    rows = records(counts)
    splits = deal_slices(rows, params_of(study).datasets[dataset].split).splits
    people = {(row.subject, split) for row, split in zip(rows, splits, strict=True)}
    return dict(Counter(splits)), dict(Counter(split for _, split in people))


def test_the_splits_have_the_published_sizes():
    rows = volumes()
    names = [row["vol"][:6] for row in rows]
    kept = {row["vol"][:6]: int(row["n_selected"]) for row in rows}
    thirty = dict.fromkeys(names, 30)
    assert dealt("tablado", "axial_leaking", thirty)[0] == {"train": 16_268, "test": 1_162}
    images, people = dealt("arnaiz", "sagittal", kept)
    assert people == {"train": 454, "validation": 80, "test": 47}
    assert images["test"] == 4_824
    images, _ = dealt("arnaiz", "sagittal_leaking", kept)
    assert images == {"train": 46_285, "validation": 8_169, "test": 4_824}
    images, people = dealt("lorente", "axial_51", dict.fromkeys(names, 51))
    assert people == {"train": 465, "test": 116}
    assert images == {"train": 23_715, "test": 5_916}
    images, _ = dealt("lorente", "axial_151", dict.fromkeys(names, 151))
    assert images == {"train": 70_215, "test": 17_516}
    cases = [f"BRATS_{number:03d}" for number in range(1, 751)]
    for name, count in {"tumours_50k": 20, "tumours_30k": 12, "tumours_10k": 4}.items():
        images, people = dealt("feliu", name, dict.fromkeys(cases, 4 * count))
        assert people == {"train": 625, "validation": 50, "test": 75}
        assert images["train"] == int(name.split("_")[1][:-1]) * 1000


def test_arnaizs_table_agrees_with_what_he_published():
    rows = volumes()
    assert len(rows) == len({row["vol"] for row in rows}) == 581
    for row in rows:
        assert int(row["last"]) - int(row["first"]) + 1 == int(row["n_selected"])
        assert int(row["last"]) < int(row["n_slices"])
    images = Counter()
    for row in rows:
        images[row["split"]] += int(row["n_selected"])
    assert images == {"trainval": 54_454, "test": 4_824}
    assert Counter(row["split"] for row in rows) == {"trainval": 534, "test": 47}
    tested = tuple(row["vol"][:6] for row in rows if row["split"] == "test")
    for name in ("sagittal", "sagittal_leaking"):
        assert params_of("arnaiz").datasets[name].split.fixed.test == tested


def test_lorentes_reduced_set_is_100_volumes_of_51_slices():
    lines = (FOLDER / "lorente_reduced_volumes.csv").read_text().splitlines()[1:]
    assert len({line.split(",")[0] for line in lines}) == len(lines) == 100
    assert {tuple(line.split(",")[1:]) for line in lines} == {("102", "152")}
    assert {line.split(",")[0] for line in lines} <= {row["vol"] for row in volumes()}


def raw_volume(path, shape):
    """An IXI-like volume as it is stored, axes P, S, R; the array that the studies sliced."""
    noise = np.random.default_rng(7)
    smooth = noise.normal(size=[-(-side // 8) for side in shape])
    for axis in range(3):
        smooth = smooth.repeat(8, axis)
    smooth = smooth[: shape[0], : shape[1], : shape[2]]
    stored = (300 + 200 * smooth + noise.normal(0, 20, shape)).clip(0).astype(np.int16)
    affine = np.array([[0, 0, 1.2, 0], [-0.9375, 0, 0, 0], [0, 0.9375, 0, 0], [0, 0, 0, 1]])
    image = nib.Nifti1Image(stored, affine)
    image.set_sform(affine, code=1)
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(image, path)
    assert nib.aff2axcodes(affine) == ("P", "S", "R")
    return nib.load(path).get_fdata()


def saved(picture):
    """A slice as the studies kept it: matplotlib's imsave, read as one grey channel."""
    buffer = io.BytesIO()
    matplotlib.image.imsave(buffer, picture, cmap="gray", format="png")
    buffer.seek(0)
    with Image.open(buffer) as image:
        return image.convert("L")


def cut(root, path, config):
    scan = Scan(path, "ixi", "ixi/IXI002", "T1w")
    (outcome,) = extract_file([scan], config=config, root=root, max_voxels=2**24)
    assert not isinstance(outcome, LeftOut), outcome
    return outcome


@pytest.mark.parametrize("shape", [(256, 192, 150), (256, 192, 146), (100, 191, 130)])
def test_tablados_pictures_are_those_of_his_notebook(tmp_path, shape):
    raw = raw_volume(tmp_path / "IXI002-Guys-0828-T1.nii", shape)
    config = params_of("tablado").datasets["axial_leaking"]
    outcome = cut(tmp_path, "IXI002-Guys-0828-T1.nii", config)
    # Image.resize's own way to take the nearest is that of Keras' flow_from_directory.
    by_hand = [
        saved(raw[:, number, :]).resize((128, 128), Image.Resampling.NEAREST)
        for number in range(160, 190)
    ]
    np.testing.assert_array_equal(outcome.pixels, np.stack([np.asarray(one) for one in by_hand]))


@pytest.mark.parametrize("sides", [(256, 256), (250, 200)])
def test_arnaizs_pictures_are_those_of_his_pipeline(tmp_path, sides):
    raw = raw_volume(tmp_path / "IXI002-Guys-0828-T1.nii", (*sides, 9))
    config = params_of("arnaiz").datasets["sagittal"]
    config = config.model_copy(
        update={"selection": SelectionConfig.model_validate({"by": "index", "start": 2, "stop": 8})}
    )
    outcome = cut(tmp_path, "IXI002-Guys-0828-T1.nii", config)
    assert outcome.pixels.dtype == np.uint16
    for number, picture in zip(range(2, 8), outcome.pixels, strict=True):
        # np.array copies: Pillow's buffer is not writable.
        image = torch.from_numpy(np.array(saved(np.rot90(raw[:, :, number])))) / 255
        small = torch.nn.functional.interpolate(
            image[None, None], size=(128, 128), mode="bilinear", align_corners=False
        )[0, 0]
        expected = (small - small.min()) / (small.max() - small.min())
        error = np.abs(picture / 65535 - expected.numpy())
        assert error.max() <= 1.5 / 65535


def test_a_store_of_a_study_says_which_slices_leak(tmp_path):
    write_heads(tmp_path / "data/ixi", [row["vol"] for row in volumes()[:4]], (15, 20, 256))
    project = project_of(tmp_path, "tablado")
    index(project)
    slices(project, "axial_leaking", workers=1, progress=False)
    assert SliceStore(project.processed("axial_leaking")).leaking == "tablado"
