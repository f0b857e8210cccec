import csv
import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mrigen.data.demo import anatomy
from mrigen.data.demo.cohort import write_demo_cohort
from mrigen.data.demo.grid import smooth_field
from mrigen.data.demo.head import draw_head
from mrigen.data.demo.shape import Traits, ventricle_growth_mm
from mrigen.data.sources import SourceConfig, find_scans
from mrigen.errors import DataError
from mrigen.seeds import rng

HEADS = Path("ixi/IXI-T1")
PATIENTS = Path("decathlon/Task01_BrainTumour")


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "data"
    write_demo_cohort(folder, subjects=3, tumour_subjects=1, workers=1)
    return folder


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def canonical(path):
    image = nibabel.as_closest_canonical(nibabel.load(path))
    return np.asarray(image.dataobj).astype(float), image.affine


def places(array, affine, mask):
    return np.argwhere(mask) @ affine[:3, :3].T + affine[:3, 3]


def test_names_say_demo_and_headers_say_synthetic(cohort):
    volumes = sorted(cohort.rglob("*.nii.gz"))
    assert [path.name for path in volumes if path.parent.name == "IXI-T1"] == [
        "DEMO001-HH-1201-T1.nii.gz",
        "DEMO002-Guys-0802-T1.nii.gz",
        "DEMO003-IOP-2403-T1.nii.gz",
    ]
    assert len(volumes) == 5
    for path in volumes:
        assert path.name.startswith("DEMO")
        assert b"synthetic demo" in bytes(nibabel.load(path).header["descrip"])
    assert "SYNTHETIC" in (cohort / "README.md").read_text(encoding="utf-8").splitlines()[0]


def test_heads_are_stored_as_the_ixi_release_stores_them(cohort):
    spacings = set()
    for path in (cohort / HEADS).iterdir():
        image = nibabel.load(path)
        assert nibabel.aff2axcodes(image.affine) == ("P", "S", "R")
        assert image.get_data_dtype() == np.uint8
        assert np.allclose(image.get_qform(), image.affine, atol=1e-4)
        spacings.add(tuple(np.round(image.header.get_zooms(), 3).tolist()))
    assert len(spacings) == 3


def test_demographics_have_the_columns_of_the_release(cohort):
    with (cohort / "ixi/IXI.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["IXI_ID"] for row in rows] == ["1", "2", "3"]
    assert {row["SEX_ID (1=m, 2=f)"] for row in rows} <= {"1", "2"}
    assert all(20 <= float(row["AGE"]) <= 86 and row["SYNTHETIC"] == "1" for row in rows)
    assert [row["SITE"] for row in rows] == ["HH", "Guys", "IOP"]


def test_dataset_json_has_the_form_of_the_decathlon(cohort):
    dataset = json.loads((cohort / PATIENTS / "dataset.json").read_text(encoding="utf-8"))
    assert dataset["modality"] == {"0": "FLAIR", "1": "T1w", "2": "t1gd", "3": "T2w"}
    assert dataset["labels"]["3"] == "enhancing tumour"
    assert dataset["numTraining"] == len(dataset["training"]) == 1
    assert dataset["test"] == []
    assert "SYNTHETIC" in dataset["description"]
    for entry in dataset["training"]:
        image, label = (nibabel.load(cohort / PATIENTS / entry[key]) for key in ("image", "label"))
        assert image.shape == (*label.shape, 4)
        assert np.array_equal(image.affine, label.affine)


def test_the_readers_of_both_layouts_find_every_scan(cohort):
    for layout, folder, scans in (("ixi", "ixi", 3), ("decathlon", str(PATIENTS), 4)):
        found, left_out, _ = find_scans(cohort, layout, SourceConfig(layout=layout, path=folder))
        assert (len(found), left_out) == (scans, [])
    ages = [scan.age for scan in find_scans(cohort, "a", SourceConfig(layout="ixi", path="ixi"))[0]]
    assert None not in ages


def test_heads_stand_upright_and_look_forwards(cohort):
    for path in (cohort / HEADS).iterdir():
        array, affine = canonical(path)
        tissue = places(array, affine, array > 60)
        assert tissue[:, 2].min() < -130  # the neck leaves the picture below
        assert tissue[:, 2].max() > 70
        nose = tissue[tissue[:, 1].argmax()]
        assert nose[2] < -20
        assert abs(nose[0]) < 30
        corners = array[:6, :, -6:]
        assert 0 < corners.mean() < 20  # air, with a little noise


def test_contrasts_show_what_they_should(cohort):
    array, affine = canonical(cohort / PATIENTS / "imagesTr/DEMO_001.nii.gz")
    labels, _ = canonical(cohort / PATIENTS / "labelsTr/DEMO_001.nii.gz")
    flair, t1, t1gd, t2 = np.moveaxis(array, -1, 0)
    assert set(np.unique(labels)) == {0, 1, 2, 3}
    assert not flair[0].any()
    healthy = (t1 > 0) & (labels == 0)
    white = healthy & (t1 > np.percentile(t1[healthy], 70))
    fluid = healthy & (t1 < np.percentile(t1[healthy], 5))
    for channel, order in (
        (t2, (fluid, white)),
        (flair, (labels == 1, white)),
        (t1gd, (labels == 3, white)),
    ):
        brighter, darker = order
        assert channel[brighter].mean() > 1.15 * channel[darker].mean()
    assert flair[fluid].mean() < flair[white].mean()
    assert t1[labels == 3].mean() < t1[white].mean()
    # The cerebellum lies low and behind.
    assert places(t1, affine, t1[:, :, :12] > 0)[:, 1].mean() < -30


def test_fluid_inside_the_brain_grows_with_age():
    dark, planted = [], []
    for age in (25.0, 55.0, 85.0):
        head = draw_head(Traits(age, "f"), "HH", seed=3, subject=1)
        image = nibabel.as_closest_canonical(nibabel.Nifti1Image(head.array, head.affine))
        array = np.asarray(image.dataobj)
        i, j, k = np.rint(np.linalg.inv(image.affine)[:3, :3] @ (20, 30, 20)).astype(int)
        x, y, z = np.rint(np.linalg.solve(image.affine, (0, -10, 10, 1))[:3]).astype(int)
        middle = array[x - i : x + i, y - j : y + j, z - k : z + k]
        dark.append(int((middle < 0.45 * np.percentile(middle, 95)).sum()))
        planted.append(head.ventricle_ml)
    assert 1.2 * dark[0] < dark[1] < dark[2] / 1.2
    assert 5 < planted[0] < planted[1] < planted[2] < 80


def test_bytes_do_not_depend_on_workers_or_on_the_other_subjects(cohort, tmp_path):
    first, again = contents(cohort), tmp_path / "data"
    write_demo_cohort(again, subjects=2, tumour_subjects=1, workers=2)
    second = contents(again)
    shared = {name for name in second if not name.endswith(".csv")}
    assert len(shared) == 6
    assert all(first[name] == second[name] for name in shared)
    assert first["ixi/IXI.csv"].startswith(second["ixi/IXI.csv"])


def test_a_cohort_is_replaced_and_an_interrupted_run_leaves_it_as_it_was(tmp_path):
    folder = tmp_path / "data"
    told = []
    write_demo_cohort(
        folder, subjects=1, tumour_subjects=1, workers=1, progress=lambda *state: told.append(state)
    )
    assert told == [(1, 2), (2, 2)]
    before = contents(folder)

    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_demo_cohort(
            folder, subjects=1, tumour_subjects=1, seed=5, workers=1, progress=interrupt
        )
    assert contents(folder) == before
    assert list(tmp_path.iterdir()) == [folder]
    write_demo_cohort(folder, subjects=1, tumour_subjects=1, seed=5, workers=1)
    assert contents(folder).keys() == before.keys()
    assert contents(folder) != before


def test_a_folder_with_other_data_is_refused(tmp_path):
    scan = tmp_path / "ixi/IXI-T1/IXI012-HH-1211-T1.nii.gz"
    scan.parent.mkdir(parents=True)
    scan.write_bytes(b"real")
    with pytest.raises(DataError, match=r"IXI012.*Move them away"):
        write_demo_cohort(tmp_path)
    assert contents(tmp_path) == {"ixi/IXI-T1/IXI012-HH-1211-T1.nii.gz": b"real"}


def test_real_data_beside_the_demo_cohort_are_refused(tmp_path):
    (tmp_path / "README.md").write_text("# mrigen demo cohort: SYNTHETIC, not people\n")
    (tmp_path / "IXI.xls").write_bytes(b"real")
    with pytest.raises(DataError, match=r"also 'IXI.xls', which would be lost"):
        write_demo_cohort(tmp_path)


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "data").write_bytes(b"")
    with pytest.raises(DataError, match="expected a folder"):
        write_demo_cohort(tmp_path / "data")


@pytest.mark.parametrize("counts", [{"subjects": 0}, {"subjects": 1000}, {"tumour_subjects": -1}])
def test_counts_out_of_range_are_refused(tmp_path, counts):
    with pytest.raises(DataError, match="expected 1 to 999"):
        write_demo_cohort(tmp_path / "data", **counts)


def test_a_missing_nilearn_is_told_with_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(anatomy, "find_spec", lambda _: None)
    with pytest.raises(DataError, match=r'pip install "mrigen\[demo\]"'):
        write_demo_cohort(tmp_path / "data")
    assert list(tmp_path.iterdir()) == []


@given(age=st.floats(20, 90), years=st.floats(0.5, 10))
def test_ventricle_walls_only_move_outwards_with_age(age, years):
    assert ventricle_growth_mm(age) < ventricle_growth_mm(age + years)


@settings(deadline=None, max_examples=20)
@given(shape=st.tuples(*[st.integers(1, 40)] * 3), knots=st.floats(1.5, 30), key=st.integers(0, 99))
def test_smooth_fields_have_their_shape_and_bounded_values(shape, knots, key):
    field = smooth_field(rng("field", key), shape, knots)
    assert field.shape == shape
    assert field.dtype == np.float32
    assert np.abs(field).max() < 8
