import numpy as np

import small_cohorts
from mrigen.data.sources import SourceConfig, find_scans

# The names of the studies; the guide gives the same patterns.
TABLADO = r"(?P<split>training|test)/t1/(?P<subject>IXI\d+)-(?P<site>\w+)-\d+-T1_(?P<index>\d+)"
ARNAIZ = r"(?P<subject>IXI\d+)-(?P<site>\w+)-\d+-T1_(?P<index>\d+)\.png"
FELIU = r"(?P<subject>BRATS_\d+).*?slice(?P<index>\d+)\.jpg"


def find(root, subject, **options):
    config = SourceConfig(
        layout="pictures", path="data", **{"subject": subject, "plane": "axial", **options}
    )
    return find_scans(root, "s", config)


def write(root, *names, **options):
    for name in names:
        small_cohorts.write_picture(root / "data" / name, **options)


def test_tablados_folders_whose_splits_share_subjects(tmp_path):
    write(
        tmp_path,
        "training/t1/IXI002-Guys-0828-T1_0.png",
        "training/t1/IXI012-HH-1211-T1_27.png",
        "test/t1/IXI002-Guys-0828-T1_28.png",
    )
    found = find(tmp_path, TABLADO)
    assert [(scan.subject, scan.index, scan.split, scan.site) for scan in found.scans] == [
        ("s/IXI002", 0, "train", "Guys"),
        ("s/IXI002", 28, "test", "Guys"),
        ("s/IXI012", 27, "train", "HH"),
    ]
    assert (found.scans[1].plane, found.scans[1].channel) == ("axial", None)
    assert (
        "1 subjects have files in more than one of the cohort's own splits: IXI002" in found.notes
    )


def test_arnaizs_folders(tmp_path):
    write(
        tmp_path,
        "PNG/train_val_folder/train_and_val/IXI002-Guys-0828-T1_22.png",
        "PNG/test_folder/test/IXI019-Guys-0702-T1_101.png",
    )
    found = find(tmp_path, ARNAIZ, plane="sagittal")
    assert {(scan.subject, scan.index, scan.split) for scan in found.scans} == {
        ("s/IXI002", 22, None),
        ("s/IXI019", 101, None),
    }
    # The second test subject is declared by its folder with one group more.
    split = r"(?:(?P<split>test)_folder/test/)?" + ARNAIZ
    found = find(tmp_path, split, plane="sagittal")
    assert [scan.split for scan in found.scans] == [None, "test"]


def test_felius_jpegs_in_colour(tmp_path):
    write(tmp_path, "BRATS_001-frame000-slice060.jpg", pixels=np.zeros((8, 8, 3), np.uint8))
    (scan,) = find(tmp_path, FELIU, modality="FLAIR").scans
    assert (scan.subject, scan.index, scan.modality) == ("s/BRATS_001", 60, "FLAIR")


def test_pictures_without_numbers_are_counted_in_the_order_of_their_names(tmp_path):
    names = ["a/10.png", "a/9.PNG", "a/009b.png", "A/1.jpeg", "b/x.png"]
    write(tmp_path, *names)
    found = find(tmp_path, r"(?P<subject>\w)/")
    numbers = {scan.path.removeprefix("data/"): scan.index for scan in found.scans}
    assert numbers == {"A/1.jpeg": 0, "a/9.PNG": 1, "a/009b.png": 2, "a/10.png": 3, "b/x.png": 0}
    assert {scan.subject for scan in found.scans} == {"s/A", "s/b"}


def test_a_table_and_folders_tell_of_the_persons(tmp_path):
    write(tmp_path, "p1_1.png", "p2_1.png")
    (tmp_path / "data/t.tsv").write_text("subject\tage\tsplit\np1\t30\ttest\n")
    found = find(tmp_path, r"(?P<subject>\w+)_\d", table="t.tsv")
    assert [(scan.age, scan.split) for scan in found.scans] == [(30.0, "test"), (None, None)]
    assert found.notes[0] == "1 of 2 subjects have no row in t.tsv and are unknown: p2"


def test_bad_pictures_are_one_sentence_each_and_the_others_go_on(tmp_path):
    write(tmp_path, "good_1.png")
    folder = tmp_path / "data"
    bad = {
        "bomb_1.png": (small_cohorts.png(60_000, 60_000), "declares"),
        "large_1.png": (small_cohorts.png(6_000, 6_000), "declares 6000 x 6000 pixels"),
        "thin_1.png": (small_cohorts.png(1, 9), "has 1 x 9 pixels"),
        "text_1.png": (b"hello", "is not a PNG or JPEG file"),
        "empty_1.png": (b"", "is not a PNG or JPEG file"),
        "cut_1.png": (small_cohorts.png(9, 9)[:30], "is not a PNG or JPEG file"),
        "odd_one.png": (small_cohorts.png(9, 9), "is not found"),
        "far_12345678.png": (small_cohorts.png(9, 9), "the slice number '12345678'"),
    }
    for name, (data, _) in bad.items():
        (folder / name).write_bytes(data)
    found = find(tmp_path, r"(?P<subject>\w+)_(?P<index>\d+)")
    assert [scan.path for scan in found.scans] == ["data/good_1.png"]
    reasons = {entry.path.removeprefix("data/"): entry.reason for entry in found.left_out}
    assert set(reasons) == set(bad)
    for name, (_, words) in bad.items():
        assert words in reasons[name]
        assert name in reasons[name]
        assert reasons[name].endswith(".")


def test_the_sources_own_limit_counts_pixels(tmp_path):
    write(tmp_path, "a_1.png")
    found = find(tmp_path, r"(?P<subject>\w)_", max_voxels=29)
    assert "declares 6 x 5 pixels: expected at most 29" in found.left_out[0].reason


def test_loops_of_links_end(tmp_path):
    write(tmp_path, "a/b/c_1.png")
    (tmp_path / "data/a/b/up").symlink_to("../..")
    assert len(find(tmp_path, r"(?P<subject>\w)_").scans) == 1
