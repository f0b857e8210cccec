import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import phantoms
from mrigen.config import parse_config
from mrigen.data.scans import LeftOut, Scan
from mrigen.data.slicing.cohort import gather_facts
from mrigen.data.slicing.dataset import DatasetConfig
from mrigen.data.slicing.extraction import describe_file, extract_file
from mrigen.data.slicing.intensity import IntensityConfig
from mrigen.errors import ConfigError, DataError
from one_scan import extract_slices

MIDDLE = {"by": "mm", "start": -8, "stop": 8}


def scan_of(path, root, **values):
    return Scan(path.relative_to(root).as_posix(), "ixi", "ixi/IXI001", "T1w", **values)


def cut(tmp_path, array, *, write=None, **values):
    path = phantoms.write_volume(tmp_path / "a.nii.gz", array, **(write or {}))
    config = DatasetConfig.model_validate({"source": "ixi", "selection": MIDDLE, **values})
    return extract_slices(scan_of(path, tmp_path), config, root=tmp_path)


def brightest(picture, low, high):
    rows, columns = np.nonzero((picture >= low) & (picture <= high))
    return rows.mean() / len(picture), columns.mean() / len(picture)


@pytest.mark.parametrize("axes", ["RAS", "LPS", "PSR", "SAL", "IRP"])
def test_the_front_is_up_and_the_patients_left_is_on_the_right(tmp_path, axes):
    spacing = (6.0, 6.0, 6.0)
    array = phantoms.head((30, 36, 30), spacing)
    write = {"axes": axes, "spacing_mm": spacing}
    pixels = cut(tmp_path, array, write=write, intensity={"upper": 100}).pixels
    picture = pixels[len(pixels) // 2] / 255
    front = brightest(picture, 0.97, 1)
    left = brightest(picture[24:40], 0.65, 0.8)
    assert front[0] < 0.3
    assert front[1] == pytest.approx(0.5, abs=0.03)
    assert left[1] > 0.65


def test_every_orientation_gives_the_same_pixels(tmp_path):
    array = phantoms.head()
    first, *others = (
        cut(tmp_path, array, write={"axes": axes}).pixels for axes in ("RAS", "PSR", "LIA")
    )
    for other in others:
        np.testing.assert_array_equal(first, other)


def test_anisotropic_voxels_are_not_squashed(tmp_path):
    spacing = (2.0, 6.0, 8.0)
    array = phantoms.head((90, 36, 26), spacing)
    pixels, records, *_ = cut(tmp_path, array, write={"spacing_mm": spacing}, size=128)
    inside = pixels[len(pixels) // 2] > 30
    pixel_mm = records[0].pixel_width_mm
    assert pixel_mm == pytest.approx(36 * 6 / 128)
    assert inside.any(axis=0).sum() * pixel_mm == pytest.approx(150, rel=0.08)
    assert inside.any(axis=1).sum() * pixel_mm == pytest.approx(190, rel=0.08)


def test_records_say_where_a_slice_lies(tmp_path):
    path = phantoms.write_volume(tmp_path / "a.nii.gz", phantoms.head(), axes="LPI")
    config = DatasetConfig.model_validate({"source": "ixi", "selection": {"start": 0.5}})
    scan = scan_of(path, tmp_path, age=30.0, sex="f", site="HH")
    pixels, records, notes, *_ = extract_slices(scan, config, root=tmp_path)
    assert pixels.shape == (5, 64, 64)
    assert notes == ()
    assert [record.index for record in records] == [13, 14, 15, 16, 17]
    assert [record.position_mm for record in records] == [4, 12, 20, 28, 36]
    assert records[0].spacing_mm == 8
    assert records[0].pixel_width_mm == 28 * 8 / 64
    assert (records[0].age, records[0].sex, records[0].site) == (30.0, "f", "HH")
    assert all(0.2 < record.foreground_fraction < 0.6 for record in records)


@pytest.mark.parametrize(("bits", "dtype"), [(8, np.uint8), (16, np.uint16)])
def test_the_whole_range_of_the_pixels_is_used(tmp_path, bits, dtype):
    pixels = cut(tmp_path, phantoms.head(), bits=bits).pixels
    assert pixels.dtype == dtype
    assert pixels.min() == 0
    assert pixels.max() == np.iinfo(dtype).max


def test_scaling_does_not_depend_on_the_scanners_units(tmp_path):
    array = phantoms.head()
    pixels = cut(tmp_path, array, write={"dtype": np.float32}).pixels.astype(int)
    again = cut(tmp_path, array * 37, write={"dtype": np.float32}).pixels.astype(int)
    assert abs(pixels - again).max() <= 1


def test_zeros_around_a_brain_stay_black_and_do_not_change_its_brightness(tmp_path):
    brain = np.where(phantoms.head() > 100, phantoms.head(), 0)
    wide = np.pad(brain, ((4, 4), (0, 0), (4, 4)))
    narrow, padded = cut(tmp_path, brain).pixels, cut(tmp_path, wide).pixels
    shift = (len(padded) - len(narrow)) // 2
    assert narrow[:, 0].max() == 0
    assert narrow[:, 32, 32].min() > 50
    middle = padded[shift : shift + len(narrow)].max(axis=0)[32, 32].astype(int)
    assert abs(middle - narrow.max(axis=0)[32, 32]) <= 3


def test_an_empty_selection_is_a_data_error(tmp_path):
    selection = {"by": "index", "start": 160, "stop": 190}
    with pytest.raises(DataError, match="has 26 axial slices, of which the selection 160 to 190 k"):
        cut(tmp_path, phantoms.head(), selection=selection)


def test_a_nearly_empty_volume_is_a_data_error(tmp_path):
    array = np.zeros((20, 20, 20))
    array[10, 10, 10] = -5
    with pytest.raises(DataError, match=r"same intensity|expected an image"):
        cut(tmp_path, array)


def test_mended_voxels_are_noted(tmp_path):
    array = phantoms.head()
    array[0, 0, 0] = np.nan
    notes = cut(tmp_path, array, write={"dtype": np.float32}).notes
    assert notes == ("a.nii.gz (T1w): 1 NaN or infinite voxels became 0",)


def test_a_file_with_channels_is_cut_channel_by_channel(tmp_path):
    (path,) = phantoms.write_decathlon(tmp_path, subjects=1)
    scans = [scan_of(path, tmp_path, channel=channel) for channel in range(4)]
    config = DatasetConfig(source="ixi")
    together = extract_file(scans, config=config, root=tmp_path, max_voxels=2**28)
    for scan, answer in zip(scans, together, strict=True):
        alone = extract_slices(scan, config, root=tmp_path)
        np.testing.assert_array_equal(answer.pixels, alone.pixels)
        assert answer.records == alone.records


def test_a_damaged_file_is_left_out_with_its_reason(tmp_path):
    path = phantoms.write_volume(tmp_path / "a.nii.gz", phantoms.head())
    phantoms.truncate(path)
    config = DatasetConfig(source="ixi")
    (entry,) = extract_file(
        [scan_of(path, tmp_path)], config=config, root=tmp_path, max_voxels=10**6
    )
    assert isinstance(entry, LeftOut)
    assert entry.path == "a.nii.gz"
    assert "Copy it again" in entry.reason


def write_scan(folder, name="a", **values):
    array = values.pop("array", phantoms.head())
    return phantoms.write_volume(folder / f"{name}.nii.gz", array, **values)


def damaged(kind, folder):
    """A file that cannot be used, and part of what is said of it."""
    path = folder / "a.nii.gz"
    if kind == "huge":
        return phantoms.write_huge(path), "declares 27000000000000 voxels"
    if kind == "no nifti":
        path.write_bytes(b"<html>")
        return path, "cannot be read"
    array, words, values = {
        "flat": (np.ones((8, 8, 1)), "shape (8, 8, 1): expected three dimensions", {}),
        "five": (np.ones((8, 8, 8, 2, 2)), "shape (8, 8, 8, 2, 2): expected three", {}),
        "nan": (np.full((8, 8, 8), np.nan), "100.0% NaN", {"dtype": np.float32}),
        "inf": (np.full((8, 8, 8), np.inf), "100.0% NaN or infinite", {"dtype": np.float32}),
        "constant": (np.full((8, 8, 8), 3), "is 3 everywhere", {}),
        "truncated": (phantoms.head(), "Copy it again", {}),
        "checksum": (phantoms.head(), "CRC check failed", {}),
        "garbage": (phantoms.head(), "Copy it again", {}),
    }[kind]
    phantoms.write_volume(path, array, **values)
    if kind == "truncated":
        phantoms.truncate(path)
    if kind == "checksum":
        phantoms.break_checksum(path)
    if kind == "garbage":
        path.write_bytes(path.read_bytes() + b"garbage")
    return path, words


@pytest.mark.parametrize(
    "kind",
    ["huge", "no nifti", "flat", "five", "nan", "inf", "constant", "truncated", "checksum",
     "garbage"],
)  # fmt: skip
def test_what_cannot_be_used_is_one_sentence_with_name_finding_and_remedy(tmp_path, kind):
    path, words = damaged(kind, tmp_path)
    config = DatasetConfig(source="ixi")
    scans = [scan_of(path, tmp_path)]
    (entry,) = extract_file(scans, config=config, root=tmp_path, max_voxels=2**28)
    assert isinstance(entry, LeftOut)
    assert entry.reason.startswith("scan 'a.nii.gz' ")
    assert words in entry.reason
    assert entry.reason.endswith(".")
    assert "\n" not in entry.reason
    assert any(word in entry.reason for word in ("emove", "Re-export", "Copy"))
    # The pass over the cohort leaves it to cutting to say so.
    pooled = config.model_copy(update={"intensity": IntensityConfig(scope="cohort")})
    assert describe_file(scans, config=pooled, root=tmp_path, max_voxels=2**28) == []


def extract(path, root, config, **values):
    scan = scan_of(path, root, **values)
    config = DatasetConfig.model_validate({"source": "ixi", "selection": MIDDLE, **config})
    (outcome,) = extract_file([scan], config=config, root=root, max_voxels=2**28)
    return outcome


def test_labels_are_read_beside_their_scan(tmp_path):
    array = phantoms.head()
    scan = write_scan(tmp_path, axes="PSR")
    labels = (array > 900).astype(np.uint8)
    write_scan(tmp_path, "labels", array=labels, dtype=np.uint8, axes="LAS")
    cut = extract(scan, tmp_path, {"labels": True}, label_path="labels.nii.gz")
    assert set(np.unique(cut.labels)) == {0, 1}
    assert extract(scan, tmp_path, {}, label_path="labels.nii.gz").labels is None


@pytest.mark.parametrize(
    ("shape", "value", "words"),
    [
        ((24, 28, 25), 1, r"label map 'labels.nii.gz' has shape (24, 28, 25) in RAS+: expected"),
        ((24, 28, 26), 300, "label map 'labels.nii.gz' has labels from 0 to 300: expected 0 to"),
        ((24, 28, 26), -1, "has labels from -1 to 0"),
    ],
)
def test_labels_that_do_not_fit_leave_their_scan_out(tmp_path, shape, value, words):
    labels = np.zeros(shape, np.int16)
    labels[0] = value
    scan = write_scan(tmp_path)
    write_scan(tmp_path, "labels", array=labels)
    entry = extract(scan, tmp_path, {"labels": True}, label_path="labels.nii.gz")
    assert isinstance(entry, LeftOut)
    assert words in entry.reason


def test_a_scan_without_labels_is_left_out_where_labels_are_kept(tmp_path):
    entry = extract(write_scan(tmp_path), tmp_path, {"labels": True})
    assert "scan 'a.nii.gz' has no label map: expected one" in entry.reason


def test_a_mask_file_gives_fractions_and_strips_skulls(tmp_path):
    mask = (phantoms.head() > 200).astype(np.uint8)
    scan = write_scan(tmp_path)
    write_scan(tmp_path, "mask", array=mask, dtype=np.uint8, axes="LPS")
    config = {"brain_mask": {"by": "file"}, "skull_strip": True, "geometry": {"fit": "stretch"}}
    cut = extract(scan, tmp_path, config, mask_path="mask.nii.gz")
    shares = [record.brain_fraction for record in cut.records]
    np.testing.assert_allclose(shares, mask[:, :, 12:14].mean(axis=(0, 1)))
    assert cut.pixels[:, 0].max() == 0


def test_a_mask_of_another_shape_leaves_its_scan_out(tmp_path):
    scan = write_scan(tmp_path)
    write_scan(tmp_path, "mask", array=np.ones((24, 28, 25)), dtype=np.uint8)
    entry = extract(scan, tmp_path, {"brain_mask": {"by": "file"}}, mask_path="mask.nii.gz")
    assert isinstance(entry, LeftOut)
    assert "'mask.nii.gz' has shape (24, 28, 25)" in entry.reason


def test_the_cohort_is_measured_as_it_is_cut(tmp_path):
    path = write_scan(tmp_path)
    whole = {"lower": 0, "upper": 100}
    values = {"source": "ixi", "selection": MIDDLE, "intensity": {"scope": "cohort", **whole}}
    config = DatasetConfig.model_validate(values)
    limits = {"root": tmp_path, "max_voxels": 2**28}
    scans = [scan_of(path, tmp_path)]
    cohort = gather_facts(describe_file(scans, config=config, **limits), config)
    (pooled,) = extract_file(scans, config=config, cohort=cohort, **limits)
    alone = extract(path, tmp_path, {"intensity": whole})
    np.testing.assert_array_equal(pooled.pixels, alone.pixels)


def test_a_table_of_slices_is_read_from_the_project(tmp_path):
    path = write_scan(tmp_path)
    (tmp_path / "slices.csv").write_text("vol,first,last\na,3,5\n")
    cut = extract(path, tmp_path, {"selection": {"by": "table", "table": "slices.csv"}})
    assert [record.index for record in cut.records] == [3, 4, 5]


def test_pictures_go_the_same_way(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    config = {"selection": {"by": "index", "start": 2, "stop": 9}, "size": 32,
              "intensity": {"scope": "stored"}}  # fmt: skip
    cut = extract(tmp_path / "a.png", tmp_path, config, plane="axial", index=4)
    np.testing.assert_array_equal(cut.pixels[0], pixels)
    parsed = DatasetConfig.model_validate({"source": "ixi", **config})
    other = scan_of(tmp_path / "a.png", tmp_path, plane="axial", index=9)
    assert extract_file([other], config=parsed, root=tmp_path, max_voxels=2**28) == []
    (tmp_path / "b.png").write_bytes(b"no picture")
    entry = extract(tmp_path / "b.png", tmp_path, config, plane="axial", index=4)
    assert entry.reason.startswith("picture 'b.png' is not a PNG or JPEG file")


def test_workers_load_little_before_they_can_cut(quiet_environment):
    heavy = "torch", "pandas", "scipy.ndimage", "skimage", "matplotlib", "deepbet"
    loaded = f"print([m for m in {heavy} if m in sys.modules])"
    code = f"import sys, mrigen.data.slicing.extraction; {loaded}"
    run = [sys.executable, "-c", code]
    shown = subprocess.run(run, capture_output=True, text=True, check=True, env=quiet_environment)
    assert shown.stdout == "[]\n"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"modalities": ["T3"]}, "'modalities.0' is 'T3': expected 'T1w', 'FLAIR'"),
        ({"modalities": []}, "'modalities' has too few entries"),
        ({"plane": "oblique"}, "'plane' is 'oblique': expected 'axial'"),
        ({"size": 4}, "'size' is 4: expected greater than or equal to 16"),
        ({"bits": 12}, "'bits' is 12: expected 8 or 16"),
        ({"intensity": {"lower": 99, "upper": 1}}, "expected lower below upper"),
        ({"selektion": {}}, "'selektion' is not a known key: did you mean 'selection'?"),
    ],
)
def test_mistakes_say_what_was_expected(values, words):
    with pytest.raises(ConfigError, match=words):
        parse_config(DatasetConfig, {"source": "ixi", **values}, source="params.yaml")
