import pandas as pd
import pytest

from mrigen.data.store.manifest import choose_sheet, describe_manifest, describe_orientation


def manifest_of(scans):
    rows = [
        {"subject": subject, "path": f"{subject}.nii", "modality": modality, "split": "train",
         "pixel_height_mm": 2.0, "pixel_width_mm": 2.0, "spacing_mm": 1.0,
         "position_mm": float(index), "foreground_fraction": 0.3, "age": float("nan"),
         "plane": "axial", "brain_fraction": float("nan"), "label_fraction": 0.25}
        for subject, modality, count in scans
        for index in range(count)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_the_sheet_shows_whole_subjects_spread_over_the_cohort():
    manifest = manifest_of((f"s{n:02d}", "T1w", 20) for n in range(30))
    rows, columns = choose_sheet(manifest)
    assert columns == 8
    assert len(rows) == 64
    shown = manifest.loc[rows, "subject"].unique()
    assert len(shown) == 8
    assert shown[0] == "s00"
    assert shown[-1] == "s29"
    assert manifest.loc[rows[:8], "position_mm"].is_monotonic_increasing


def test_every_modality_of_a_subject_is_a_row():
    scans = [(f"s{n}", modality, 3) for n in range(5) for modality in ("FLAIR", "T1w", "T2w")]
    manifest = manifest_of(scans)
    rows, columns = choose_sheet(manifest)
    assert columns == 3
    assert manifest.loc[rows[::3], "modality"].tolist() == ["FLAIR", "T1w", "T2w"] * 2


def test_short_scans_repeat_their_last_slice():
    rows, columns = choose_sheet(manifest_of([("a", "T1w", 1), ("b", "T1w", 3)]))
    assert columns == 3
    assert rows.tolist() == [0, 0, 0, 1, 2, 3]


def test_unknown_ages_are_null():
    description = describe_manifest(manifest_of([("a", "T1w", 2)]))
    assert description["age"] is None
    assert description["brain_fraction"] is None
    assert description["label_fraction"] == {"min": 0.25, "max": 0.25}
    assert description["planes"] == {"axial": 2}
    assert description["position_mm"] == {"min": 0.0, "max": 1.0}
    assert description["splits"]["test"] == {"slices": 0, "subjects": 0}


@pytest.mark.parametrize(
    ("plane", "display", "top", "left"),
    [
        ("axial", "radiological", "anterior", "the patient's right side"),
        ("axial", "neurological", "anterior", "the patient's left side"),
        ("coronal", "radiological", "superior", "the patient's right side"),
        ("coronal", "neurological", "superior", "the patient's left side"),
        ("sagittal", "radiological", "superior", "anterior"),
        ("sagittal", "neurological", "superior", "anterior"),
    ],
)
def test_the_orientation_names_top_and_left(plane, display, top, left):
    text = f"{plane}, {display}: row 0 is {top}, column 0 is {left}"
    assert describe_orientation(plane, display) == text
