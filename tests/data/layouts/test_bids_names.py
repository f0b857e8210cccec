"""Files that are named in the manner of BIDS, in folders that are not."""

import small_cohorts
from mrigen.data.sources import SourceConfig, find_scans

NOTE = "each file is taken for a person of its own"


def find(root, *names):
    for number, name in enumerate(names):
        small_cohorts.small_head(root / "data" / name, seed=number)
    return find_scans(root, "s", SourceConfig(layout="folder", path="data"))


def test_sessions_of_one_person_stay_together(tmp_path):
    found = find(tmp_path, "sub-01_ses-1_T1w.nii.gz", "x/sub-01_ses-2_T1w.nii", "sub-02_T1w.nii")
    subjects = [scan.subject for scan in found.scans]
    assert subjects == ["s/sub-01", "s/sub-01", "s/sub-02"]
    assert not any(NOTE in note for note in found.notes)


def test_other_names_are_persons_and_said_to_be(tmp_path):
    found = find(
        tmp_path, "sub-01_ses-1_T1w.nii.gz", "sub-01.nii", "mysub-01_T1w.nii", "sub-_x.nii"
    )
    subjects = {scan.subject for scan in found.scans}
    assert subjects == {"s/sub-01", "s/mysub-01_T1w", "s/sub-_x"}
    assert any(NOTE in note for note in found.notes)
