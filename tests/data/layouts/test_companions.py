import pytest

import phantoms
import small_cohorts
from mrigen.data.sources import SourceConfig, find_scans


def write(root, *names):
    for number, name in enumerate(names):
        small_cohorts.small_head(root / "data" / name, seed=number)


def find(root, **options):
    return find_scans(root, "s", SourceConfig(path="data", **{"layout": "folder", **options}))


def test_masks_and_labels_of_the_release_of_ixi(tmp_path):
    write(
        tmp_path,
        "IXI-T1/IXI013-HH-1212-T1.nii.gz",
        "segmentations/IXI013-HH-1212_T1_DLMUSE.nii.gz",
        "lesions/IXI013-HH-1212-T1.nii",
    )
    found = find(
        tmp_path,
        layout="ixi",
        masks="segmentations/{subject}-*_DLMUSE.nii.gz",
        labels="lesions/{stem}.nii",
    )
    (scan,) = found.scans
    assert scan.mask_path == "data/segmentations/IXI013-HH-1212_T1_DLMUSE.nii.gz"
    assert scan.label_path == "data/lesions/IXI013-HH-1212-T1.nii"
    assert found.left_out == []


def test_masks_and_labels_in_the_same_folder_are_no_scans(tmp_path):
    write(tmp_path, "a.nii.gz", "a_mask.nii.gz", "a_label.nii.gz")
    found = find(tmp_path, masks="{stem}_mask.nii.gz", labels="{stem}_label.nii.gz")
    assert [scan.path for scan in found.scans] == ["data/a.nii.gz"]
    assert found.scans[0].mask_path == "data/a_mask.nii.gz"
    assert found.scans[0].label_path == "data/a_label.nii.gz"


def test_masks_beside_the_heads_of_ixi_are_no_scans(tmp_path):
    write(tmp_path, "IXI-T1/IXI013-HH-1212-T1.nii.gz", "IXI-T1/IXI013-HH-1212-T1_mask.nii.gz")
    found = find(tmp_path, layout="ixi", masks="IXI-T1/{stem}_mask.nii.gz")
    assert (len(found.scans), found.left_out) == (1, [])


def test_masks_may_lie_deeper_and_be_named_by_the_subject(tmp_path):
    small_cohorts.write_bids(tmp_path / "data", labels=["01", "02"])
    for label in ("01", "02"):
        write(tmp_path, f"derivatives/brain-{label}/sub-{label}/anat/x_mask.nii.gz")
    found = find(tmp_path, layout="bids", masks="derivatives/*/sub-{subject}/anat/*_mask.nii.gz")
    assert [scan.mask_path for scan in found.scans] == [
        f"data/derivatives/brain-{label}/sub-{label}/anat/x_mask.nii.gz" for label in ("01", "02")
    ]


def test_a_mask_of_a_decathlon_case_serves_all_its_channels(tmp_path):
    phantoms.write_decathlon(tmp_path / "data", subjects=1, shape=(6, 7, 8))
    write(tmp_path, "masks/BRATS_001.nii.gz")
    found = find(tmp_path, layout="decathlon", masks="masks/{stem}.nii.gz")
    assert {scan.mask_path for scan in found.scans} == {"data/masks/BRATS_001.nii.gz"}
    assert {scan.label_path for scan in found.scans} == {"data/labelsTr/BRATS_001.nii.gz"}


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ((), "needs one file 'm/{stem}*', and nothing is there"),
        (("m/a1.nii.gz", "m/a2.nii.gz"), "and 'a1.nii.gz' and 'a2.nii.gz' is there"),
    ],
)
def test_none_or_two_masks_are_one_sentence(tmp_path, names, words):
    write(tmp_path, "a.nii.gz", "b.nii.gz", "m/b.nii.gz", *names)
    found = find(tmp_path, masks="m/{stem}*", files="?.nii.gz")
    assert [scan.path for scan in found.scans] == ["data/b.nii.gz"]
    (entry,) = found.left_out
    assert entry.path == "data/a.nii.gz"
    assert words in entry.reason
    assert "or correct sources.s.masks" in entry.reason


def test_scans_without_labels_are_taken_where_that_is_asked_for(tmp_path):
    write(tmp_path, "a.nii.gz", "b.nii.gz", "labels/b.nii.gz")
    strict = find(tmp_path, labels="labels/{stem}.nii.gz")
    assert len(strict.scans) == len(strict.left_out) == 1
    found = find(tmp_path, labels="labels/{stem}.nii.gz", unlabelled=True)
    assert [scan.label_path for scan in found.scans] == [None, "data/labels/b.nii.gz"]
    assert "1 of 2 files have no label map" in found.notes


def test_brackets_in_names_are_letters(tmp_path):
    write(tmp_path, "a[1].nii.gz", "m/a[1].nii.gz", "m/a1.nii.gz")
    found = find(tmp_path, masks="m/{stem}.nii.gz", files="a*")
    assert [scan.mask_path for scan in found.scans] == ["data/m/a[1].nii.gz"]


def test_a_mask_out_of_the_project_leaves_its_scan_out(tmp_path):
    root = tmp_path / "project"
    write(root, "a.nii.gz")
    outside = small_cohorts.small_head(tmp_path / "a.nii.gz")
    (root / "data/m").mkdir()
    (root / "data/m/a.nii.gz").symlink_to(outside)
    found = find(root, masks="m/{stem}.nii.gz")
    assert found.scans == []
    assert "'a.nii.gz' is a symbolic link out of the cohort" in found.left_out[0].reason


def test_a_mask_whose_name_would_be_too_long_is_not_there(tmp_path):
    name = "a" * 245
    write(tmp_path, f"{name}.nii.gz", "b.nii.gz", "b_brain_mask.nii.gz")
    found = find(tmp_path, masks="{stem}_brain_mask.nii.gz", files="*")
    assert [scan.path for scan in found.scans] == ["data/b.nii.gz"]
    assert "and nothing is there" in found.left_out[0].reason
