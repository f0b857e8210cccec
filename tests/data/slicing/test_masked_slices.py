"""What a brain mask does on the way from a volume to slices."""

import numpy as np
import pytest

from brain_phantom import SPACING_MM, head_with_brain
from mrigen.data.scans import LeftOut, Scan
from mrigen.data.slicing.dataset import DatasetConfig
from mrigen.data.slicing.extraction import extract_file
from mrigen.data.slicing.geometry import SLICE_AXIS
from one_scan import extract_slices
from phantoms import write_volume

ARRAY, BRAIN = head_with_brain()
SCAN = Scan(
    path="a.nii.gz", source="heads", subject="heads/a", modality="T1w", mask_path="mask.nii.gz"
)


@pytest.fixture
def project(tmp_path):
    spacing = (SPACING_MM,) * 3
    write_volume(tmp_path / "a.nii.gz", ARRAY, spacing_mm=spacing, axes="PSR")
    write_volume(tmp_path / "mask.nii.gz", BRAIN, spacing_mm=spacing, axes="LPS", dtype=np.uint8)
    return tmp_path


def cut(project, **values):
    values = {"source": "heads", "brain_mask": {"by": "file"}, "selection": {"by": "all"}} | values
    config = DatasetConfig.model_validate(values)
    return extract_slices(SCAN, config, root=project)


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
def test_the_brain_rule_keeps_the_slices_with_enough_brain_and_records_how_much(project, plane):
    others = tuple({0, 1, 2} - {SLICE_AXIS[plane]})
    shares = BRAIN.mean(axis=others)
    everything = cut(project, plane=plane)
    np.testing.assert_allclose([row.brain_fraction for row in everything.records], shares)
    rule = {"by": "all", "content": {"rule": "brain", "above": 0.2}}
    kept = cut(project, plane=plane, selection=rule)
    assert [row.index for row in kept.records] == np.flatnonzero(shares > 0.2).tolist()
    assert not kept.notes


def test_a_gap_in_what_the_brain_rule_keeps_is_noted(project):
    broken = BRAIN.copy()
    broken[:, :, 30] = False
    path = project / "mask.nii.gz"
    write_volume(path, broken, spacing_mm=(SPACING_MM,) * 3, dtype=np.uint8)
    slices = cut(project, selection={"by": "all", "content": {"rule": "brain", "above": 0}})
    assert 30 not in [row.index for row in slices.records]
    assert "gaps between the slices" in slices.notes[0]


def test_outside_the_mask_all_is_black_and_does_not_count_for_the_brightness(project):
    geometry = {"resample": "nearest", "fit": "stretch"}
    middle = {"by": "index", "start": 27, "stop": 28}
    values = {"selection": middle, "geometry": geometry, "size": 60}
    whole = cut(project, **values).pixels[0]
    stripped = cut(project, skull_strip=True, **values).pixels[0]
    inside = BRAIN[::-1, ::-1, 27].T[:, np.floor((np.arange(60) + 0.5) * 48 / 60).astype(int)]
    assert not stripped[~inside].any()
    assert whole[~inside].any()
    # White was fat under the scalp, and is white matter.
    assert stripped[inside].astype(int).max() > whole[inside].astype(int).max()


def test_the_brain_lies_in_the_middle_of_the_picture(project):
    geometry = {"centre": "brain", "field_mm": 200.0}
    for plane in ("axial", "coronal", "sagittal"):
        slices = cut(project, plane=plane, skull_strip=True, geometry=geometry, size=100)
        marginal = BRAIN.sum(axis=tuple({0, 1, 2} - {SLICE_AXIS[plane]}))
        middle = (marginal * np.arange(len(marginal))).sum() / marginal.sum()
        positions = [(index - middle) * SPACING_MM for index in range(len(marginal))]
        assert [row.position_mm for row in slices.records] == pytest.approx(positions)
        shadow = (slices.pixels > 0).sum(axis=0)
        for places in np.indices(shadow.shape):
            assert (places * shadow).sum() / shadow.sum() == pytest.approx(49.5, abs=0.5)


def test_a_mask_of_another_shape_leaves_out_the_scan_alone(project):
    write_volume(project / "mask.nii.gz", np.ones((4, 5, 6)), dtype=np.uint8)
    config = DatasetConfig.model_validate(
        {"source": "heads", "brain_mask": {"by": "file"}, "selection": {"by": "all"}}
    )
    (outcome,) = extract_file([SCAN], config=config, root=project, max_voxels=2**28)
    assert isinstance(outcome, LeftOut)
    assert outcome.path == "a.nii.gz"
    assert "'mask.nii.gz' has shape (4, 5, 6)" in outcome.reason
    assert "expected (48, 60, 54)" in outcome.reason
