import numpy as np
import pytest

from mrigen.data.scans import Scan
from mrigen.data.survey.intensities import describe_intensities
from mrigen.data.survey.measure import FileFacts, FileMeasures, ScanMeasures
from mrigen.data.survey.remarks import find_remarks, group_files
from mrigen.data.volumes.distribution import Distribution

RAMP = np.arange(100, dtype=np.float32)


def scan(digest=None, values=RAMP, **changes):
    found = describe_intensities(Distribution.of_array(np.asarray(values, np.float32)))
    return ScanMeasures("T1w", None, None, found, digest=digest, **changes)


def file(name, *scans, axes="PSR", spacing=(2.0, 2.0, 1.0), **changes):
    values = {"kind": "volume", "shape": (8, 8, 8), "dtype": "int16", "tilt_degrees": 0.0}
    values |= {"orientation": axes, "spacing_mm": spacing} | changes
    return FileMeasures(FileFacts(path=f"d/{name}", **values), scans or (scan(digest=name),))


def remarks(*files):
    scans = [Scan(f.facts.path, "s", f"s/{f.facts.path[2:4]}", "T1w") for f in files]
    return find_remarks(files, scans)


def test_nothing_odd_is_nothing_to_say():
    assert remarks(*(file(f"{name}.nii") for name in "abcd")) == []


def test_what_is_mixed_is_counted():
    said = remarks(file("a"), file("b"), file("c", axes="LPS", spacing=(1.0, 2.0, 2.0)))
    assert said == [
        "there are 2 orientations (PSR in 2 files, LPS in 1 file): all are turned to RAS+ when "
        "they are read"
    ]
    assert remarks(file("a"), file("b", dtype="float32")) == [
        "there are 2 types of numbers (int16 in 1 file, float32 in 1 file)"
    ]


def test_odd_voxel_sizes_are_named():
    files = [file(f"{name}.nii") for name in "abcde"]
    said = remarks(*files, file("odd.nii", spacing=(2.1, 2.0, 1.0)))
    assert said == [
        "1 file has voxels that differ from the usual 1 x 2 x 2 mm (right, front, top) by more "
        "than 2% (odd.nii)"
    ]
    assert remarks(*files, file("even.nii", spacing=(2.01, 2.0, 1.0))) == []


def test_oblique_files_are_named_with_the_steepest():
    said = remarks(file("a", tilt_degrees=4.0), file("b", tilt_degrees=9.0), file("c"))
    assert said == [
        "1 file is oblique, by up to 9 degrees (b): slices are kept as they were scanned"
    ]


def test_many_names_are_cut():
    (said,) = remarks(*(file(f"{n}.nii", tilt_degrees=9.0) for n in range(5)))
    assert "5 files are oblique" in said
    assert "(0.nii, 1.nii, 2.nii and 2 more)" in said


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ((file("a1", scan("x")), file("b1", scan("x"))), "files of different subjects hold"),
        ((file("a1", scan("x")), file("a1.nii", scan("x"))), "files of one subject hold"),
        ((file("a1", scan("x"), scan("x")),), "channels of one file hold the same image (a1)"),
    ],
)
def test_equal_images_are_told_with_whose_they_are(files, words):
    (said,) = remarks(*files)
    assert said.startswith(words)


def test_pictures_have_no_digest_and_are_not_compared():
    facts = {"kind": "picture", "axes": None, "spacing": None, "tilt_degrees": None}
    pictures = [file(name, scan(None), **facts) for name in "abc"]
    assert remarks(*pictures) == []


def test_strange_intensities_are_named():
    (said,) = remarks(file("a", scan("a", RAMP - 7)))
    assert said.startswith("1 file has intensities below 0, down to -7 (a)")
    (said,) = remarks(file("a", scan("a", RAMP // 10)))
    assert said == "1 file holds fewer than 20 different intensities (a): label maps?"
    (said,) = remarks(file("a", scan("a", nonfinite=4)))
    assert said == "1 file has NaN or infinite voxels, 4 in all, which count as 0 (a)"


def test_files_are_grouped_by_how_they_are_stored():
    alike = [file("a"), file("b", scan("b", RAMP + 50), tilt_degrees=3.0)]
    groups = group_files([file("x", axes="LPS"), *alike, file("y", channels=4)])
    assert [len(group.files) for group in groups] == [2, 1, 1]
    assert groups[0].intensity_range == (0, 149)
    assert group_files([FileMeasures(file("a").facts)])[0].intensity_range is None
