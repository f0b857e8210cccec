import json
from dataclasses import replace

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mrigen.data.export.pictures import export_pictures
from mrigen.data.export.volumes import export_volumes
from mrigen.data.records import ScanGrid
from mrigen.data.scans import Scan
from mrigen.data.slicing.dataset import DatasetConfig
from mrigen.data.slicing.extraction import extract_file
from mrigen.data.store.writing import write_store
from mrigen.errors import DataError
from phantoms import disc_scans, slice_store, write_volume

LEAKING = {"leaking": "tablado"}


def files_in(folder):
    return sorted(
        entry.relative_to(folder).as_posix() for entry in folder.rglob("*") if entry.is_file()
    )


def manifest_of(folder):
    return pd.read_csv(folder / "manifest.csv")


def assert_pixels(folder, store):
    manifest = manifest_of(folder)
    assert len(manifest) == len(store)
    rows = {
        (row.subject, row.index_, row.modality): place
        for place, row in enumerate(store.manifest.rename(columns={"index": "index_"}).itertuples())
    }
    for row in manifest.rename(columns={"index": "index_"}).itertuples():
        with Image.open(folder / row.file) as image:
            picture = np.asarray(image)
        place = rows[row.subject, row.index_, row.modality]
        np.testing.assert_array_equal(picture, store.read([place])[0])


@pytest.mark.parametrize("bits", [8, 16])
def test_pictures_keep_every_pixel(tmp_path, bits):
    store = slice_store(tmp_path / "heads", bits=bits)
    told = []
    count = export_pictures(store, tmp_path / "out", report=lambda *done: told.append(done))
    assert count == len(store)
    assert told[-1] == (count, count)
    assert_pixels(tmp_path / "out", store)
    with Image.open(next((tmp_path / "out").rglob("*.png"))) as image:
        assert image.mode == ("L" if bits == 8 else "I;16")


def test_pictures_lie_by_split_and_subject(tmp_path):
    store = slice_store(tmp_path / "heads", subjects=4, slices=2)
    export_pictures(store, tmp_path / "out")
    expected = sorted(
        f"{row.split}/{row.subject.partition('/')[2]}/{row.subject.partition('/')[2]}_{number}.png"
        for row, number in zip(store.manifest.itertuples(), store.manifest["index"], strict=True)
    )
    assert files_in(tmp_path / "out") == sorted([*expected, "export.json", "manifest.csv"])
    mark = json.loads((tmp_path / "out/export.json").read_text())
    assert (mark["dataset"], mark["fingerprint"]) == ("heads", store.fingerprint)


def leaking_store(tmp_path, slices=30):
    config = DatasetConfig.model_validate({"source": "phantoms", "size": 32, "split": LEAKING})
    scans = disc_scans(subjects=2, slices=slices)
    return write_store(tmp_path / "heads", scans, config=config)


def test_tablados_layout_numbers_the_test_slices_last(tmp_path):
    store = leaking_store(tmp_path)
    export_pictures(store, tmp_path / "out", study="tablado")
    train = [f"training/t1/IXI00{s}_{number}.png" for s in range(2) for number in range(28)]
    test = [f"test/t1/IXI00{s}_{number}.png" for s in range(2) for number in (28, 29)]
    assert files_in(tmp_path / "out") == sorted([*train, *test, "export.json", "manifest.csv"])
    assert not (tmp_path / "out/validation").exists()
    assert_pixels(tmp_path / "out", store)
    mark = json.loads((tmp_path / "out/export.json").read_text())
    assert (mark["split"], tuple(mark["warnings"])) == ("leaking: tablado", store.warnings)
    assert mark["warnings"]
    manifest = manifest_of(tmp_path / "out")
    part = manifest[manifest["file"].str.startswith("training/t1/IXI000")]
    assert part["index"].is_monotonic_increasing


def test_arnaizs_layout_has_training_and_validation_in_one_folder(tmp_path):
    store = slice_store(tmp_path / "heads", subjects=8, slices=3)
    export_pictures(store, tmp_path / "out", study="arnaiz")
    manifest = manifest_of(tmp_path / "out")
    folders = {"test": "test_folder/test"}
    for row in manifest.rename(columns={"index": "number"}).itertuples():
        name = f"{row.subject.partition('/')[2]}_{row.number}.png"
        place = folders.get(row.split, "train_val_folder/train_and_val")
        assert row.file == f"{place}/{name}"
    assert set(manifest["split"]) == {"train", "validation", "test"}
    assert_pixels(tmp_path / "out", store)


def test_felius_layout_is_one_folder_of_jpeg(tmp_path):
    store = slice_store(tmp_path / "heads", subjects=4, slices=2)
    export_pictures(store, tmp_path / "out", study="feliu")
    pictures = sorted((tmp_path / "out").glob("*.jpg"))
    assert len(pictures) == len(store)
    with Image.open(pictures[0]) as image:
        assert (image.format, image.mode) == ("JPEG", "L")
        error = np.asarray(image).astype(float) - store.read([0])[0]
    assert 0 < np.sqrt((error**2).mean()) < 10


def test_jpeg_does_not_take_sixteen_bits(tmp_path):
    store = slice_store(tmp_path / "heads", bits=16)
    with pytest.raises(DataError, match=r"'heads' has 16 bits: expected 8.* Set bits: 8"):
        export_pictures(store, tmp_path / "out", study="feliu")
    assert not (tmp_path / "out").exists()


def test_channels_and_equal_file_names_are_told_apart(tmp_path):
    first, second, third = disc_scans(subjects=3, slices=2)
    channels = [
        scan._replace(
            records=[
                replace(record, subject="phantoms/P", path="a/x.nii.gz", channel=n, modality=m)
                for record in scan.records
            ]
        )
        for n, (scan, m) in enumerate([(first, "FLAIR"), (second, "T2w")])
    ]
    other = third._replace(
        records=[
            replace(record, subject="phantoms/../é q", path="b/x.nii.gz")
            for record in third.records
        ]
    )
    again = third._replace(
        pixels=255 - third.pixels,
        records=[
            replace(record, subject="phantoms/../é q", path="c/X.nii") for record in third.records
        ],
    )
    split = {"train": 0.5, "validation": 0.0, "test": 0.5}
    config = DatasetConfig.model_validate({"source": "phantoms", "size": 32, "split": split})
    store = write_store(tmp_path / "heads", [*channels, other, again], config=config)
    export_pictures(store, tmp_path / "out", study="feliu")
    names = {path.name for path in (tmp_path / "out").glob("*.jpg")}
    assert names == {
        f"{name}_{index}.jpg" for name in ("x_FLAIR", "x_T2w", "x", "X-2") for index in (0, 1)
    }
    export_pictures(store, tmp_path / "plain")
    subjects = {name.split("/")[1] for name in files_in(tmp_path / "plain") if "/" in name}
    assert subjects == {"P", "__é_q"}


def test_an_export_takes_the_place_of_an_earlier_one_alone(tmp_path):
    store = slice_store(tmp_path / "heads")
    out = tmp_path / "out"
    out.mkdir()
    export_pictures(store, out)
    export_pictures(store, out, study="arnaiz")
    assert not (out / "train").exists()
    before = files_in(out)
    (out / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match="is not empty and holds more or less than an earlier"):
        export_pictures(store, out)
    assert files_in(out) == sorted([*before, "notes.txt"])
    (out / "notes.txt").unlink()
    export_pictures(store, out)
    with pytest.raises(DataError, match="expected an empty folder"):
        export_pictures(store, store.path)
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="is not a folder"):
        export_pictures(store, tmp_path / "file")


def with_grid(scan, affine=None, *, levels=(None, None)):
    affine = np.diag([4.0, 4, 4, 1]) if affine is None else affine
    return scan._replace(grid=ScanGrid(tuple(map(tuple, affine.tolist())), *levels))


def grid_store(tmp_path, indices, *, levels=(None, None), labels=False, bits=8, affine=None):
    config = DatasetConfig.model_validate(
        {
            "source": "phantoms",
            "size": 32,
            "bits": bits,
            "labels": labels,
            "split": {"train": 0.5, "validation": 0.0, "test": 0.5},
        }
    )
    scans = []
    for scan in disc_scans(subjects=2, slices=len(indices), bits=bits):
        records = [
            replace(record, index=index)
            for record, index in zip(scan.records, indices, strict=True)
        ]
        marks = (scan.pixels > scan.pixels.max() // 2).astype(np.uint8) if labels else None
        changed = scan._replace(records=records, labels=marks)
        scans.append(with_grid(changed, affine, levels=levels))
    return write_store(tmp_path / "heads", scans, config=config)


@pytest.mark.parametrize("bits", [8, 16])
def test_volumes_hold_the_stores_pixels_at_their_places(tmp_path, bits):
    affine = np.array([[0, 0, 2.0, 5], [-3, 0, 0, 6], [0, -3, 0, 7], [0, 0, 0, 1]])
    store = grid_store(tmp_path, [4, 6, 8], affine=affine, bits=bits)
    assert export_volumes(store, tmp_path / "out") == []
    image = nib.load(tmp_path / "out/IXI001/IXI001.nii.gz")
    rows = np.flatnonzero(store.manifest["subject"] == "phantoms/IXI001")
    assert image.get_data_dtype() == f"uint{bits}"
    np.testing.assert_array_equal(np.asarray(image.dataobj), store.read(rows).transpose(2, 1, 0))
    # Column, row and place in the stack: slice 6 of the source is the second of the file.
    np.testing.assert_allclose(image.affine @ [1, 2, 1, 1], affine @ [1, 2, 6, 1])
    header = image.header
    assert (header["qform_code"], header["sform_code"]) == (1, 1)
    assert header.get_xyzt_units()[0] == "mm"
    np.testing.assert_allclose(image.get_qform(), image.get_sform(), atol=1e-4)
    manifest = manifest_of(tmp_path / "out")
    assert manifest["file"].tolist() == ["IXI000/IXI000.nii.gz", "IXI001/IXI001.nii.gz"]
    assert manifest[["first", "last", "step", "absent"]].iloc[0].tolist() == [4, 8, 2, 0]


def test_slices_left_out_between_others_are_zeros_and_told(tmp_path):
    store = grid_store(tmp_path, [3, 4, 7])
    (note,) = export_volumes(store, tmp_path / "out")
    assert note.startswith("2 of 2 volumes have slices of zeros")
    array = np.asarray(nib.load(tmp_path / "out/IXI000/IXI000.nii.gz").dataobj)
    assert array.shape == (32, 32, 5)
    assert array.any(axis=(0, 1)).tolist() == [True, True, False, False, True]
    assert manifest_of(tmp_path / "out")["absent"].tolist() == [2, 2]


def test_slope_and_intercept_give_the_scanners_intensities_back(tmp_path):
    store = grid_store(tmp_path, [0, 1], levels=(-100.0, 923.0))
    export_volumes(store, tmp_path / "out")
    image = nib.load(tmp_path / "out/IXI000/IXI000.nii.gz")
    np.testing.assert_array_equal(
        image.dataobj.get_unscaled(), store.read([0, 1]).transpose(2, 1, 0)
    )
    expected = -100 + store.read([0, 1]).transpose(2, 1, 0) / 255 * 1023
    np.testing.assert_allclose(image.get_fdata(), expected, atol=1e-3)


def test_label_maps_lie_beside_the_volumes(tmp_path):
    store = grid_store(tmp_path, [0, 1, 2], labels=True, levels=(0.0, 10.0))
    export_volumes(store, tmp_path / "out")
    image = nib.load(tmp_path / "out/IXI000/IXI000.nii.gz")
    labels = nib.load(tmp_path / "out/IXI000/IXI000_label.nii.gz")
    np.testing.assert_array_equal(labels.affine, image.affine)
    np.testing.assert_array_equal(
        np.asarray(labels.dataobj), store.read_labels([0, 1, 2]).transpose(2, 1, 0)
    )
    assert labels.get_data_dtype() == "uint8"


def test_names_as_long_as_a_disk_takes_are_cut(tmp_path):
    long = "\u00e4" * 124
    scans = [
        scan._replace(
            records=[
                replace(record, subject=f"phantoms/{long}{n}", path=f"{long}{n}.nii", channel=n)
                for record in scan.records
            ]
        )
        for n, scan in enumerate(disc_scans(subjects=2, slices=1))
    ]
    split = {"train": 0.5, "validation": 0.0, "test": 0.5}
    config = DatasetConfig.model_validate({"source": "phantoms", "size": 32, "split": split})
    store = write_store(tmp_path / "heads", [with_grid(scan) for scan in scans], config=config)
    export_pictures(store, tmp_path / "pictures")
    export_volumes(store, tmp_path / "volumes")
    assert len(list((tmp_path / "pictures").rglob("*.png"))) == 2
    assert len(list((tmp_path / "volumes").rglob("*.nii.gz"))) == 2


@pytest.mark.parametrize("names", [("x", "x_label"), ("X_Label", "x")])
def test_a_label_map_does_not_take_the_place_of_a_scan(tmp_path, names):
    config = DatasetConfig.model_validate(
        {
            "source": "phantoms",
            "size": 32,
            "labels": True,
            "split": {"train": 0.5, "validation": 0.0, "test": 0.5},
        }
    )
    first, second, third = disc_scans(subjects=3, slices=2)
    scans = [
        scan._replace(
            labels=(scan.pixels > 0).astype(np.uint8),
            records=[
                replace(record, subject="phantoms/P", path=f"{name}.nii.gz")
                for record in scan.records
            ],
        )
        for scan, name in zip((first, second), names, strict=True)
    ]
    other = third._replace(labels=(third.pixels > 0).astype(np.uint8))
    store = write_store(
        tmp_path / "heads", [with_grid(scan, None) for scan in [*scans, other]], config=config
    )
    export_volumes(store, tmp_path / "out")
    files = manifest_of(tmp_path / "out")[["file", "label_file"]].to_numpy().ravel()
    assert len({name.casefold() for name in files}) == 6


def test_a_sheared_grid_has_no_quaternion(tmp_path):
    affine = np.diag([4.0, 4, 4, 1])
    affine[0, 2] = 2.0
    store = grid_store(tmp_path, [0, 1], affine=affine)
    export_volumes(store, tmp_path / "out")
    image = nib.load(tmp_path / "out/IXI000/IXI000.nii.gz")
    assert image.header["qform_code"] == 0
    np.testing.assert_allclose(image.affine, affine)


def test_the_same_store_gives_the_same_bytes(tmp_path):
    store = grid_store(tmp_path, [0, 1])
    export_volumes(store, tmp_path / "one")
    export_volumes(store, tmp_path / "two")
    for name in files_in(tmp_path / "one"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_pictures_lie_nowhere_in_a_scanner(tmp_path):
    config = DatasetConfig.model_validate({"source": "phantoms", "size": 32})
    scans = [scan._replace(grid=None) for scan in disc_scans(subjects=4)]
    store = write_store(tmp_path / "heads", scans, config=config)
    with pytest.raises(DataError, match="was a picture, which lies nowhere"):
        export_volumes(store, tmp_path / "out")
    assert not (tmp_path / "out").exists()


MARKER_MM = np.array([22.0, 33.0, -14.0])


def marked_volume(path, axes, tilt):
    """A box with one bright ball off its centre; returns the ball's place in the scanner."""
    shape, spacing = (30, 36, 32), (5.0, 4.0, 4.5)
    grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
    centred = (grid - (np.array(shape) - 1) / 2) * spacing
    ball = np.linalg.norm(centred - MARKER_MM, axis=-1) < 11
    inside = (abs(centred) < 60).all(-1)
    array = (100 * inside + 900 * ball).astype(np.int16)
    write_volume(path, array, spacing_mm=spacing, axes=axes, tilt_degrees=tilt)
    return centre_of(nib.load(path))


def centre_of(image):
    """Centre of mass, in the scanner, of what is brighter than half the maximum."""
    array = np.asarray(image.dataobj, float)
    voxels = np.argwhere(array > array.max() / 2)
    return nib.affines.apply_affine(image.affine, voxels.mean(0))


@pytest.mark.parametrize("display", ["radiological", "neurological"])
@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
@pytest.mark.parametrize(("axes", "tilt"), [("RAS", 0), ("PSR", 0), ("LPS", 20), ("IRP", -15)])
def test_a_marker_lies_where_it_lay_in_the_scanner(tmp_path, axes, tilt, plane, display):
    source = marked_volume(tmp_path / "data/marked.nii.gz", axes, tilt)
    config = DatasetConfig.model_validate(
        {
            "source": "marked",
            "plane": plane,
            "size": 48,
            "selection": {"by": "all", "step": 2},
            "geometry": {"display": display},
            "intensity": {"lower": 0, "upper": 100},
            "split": {"train": 1.0, "validation": 0.0, "test": 0.0},
        }
    )
    scan = Scan("data/marked.nii.gz", "marked", "marked/one", "T1w")
    cut = extract_file([scan], config=config, root=tmp_path, max_voxels=2**20)
    store = write_store(tmp_path / "heads", cut, config=config)
    assert export_volumes(store, tmp_path / "out") == []
    image = nib.load(tmp_path / "out/one/marked.nii.gz")
    voxel = max(nib.affines.voxel_sizes(image.affine))
    assert np.linalg.norm(centre_of(image) - source) < 0.5 * voxel
    assert MARKER_MM.min() < -voxel
