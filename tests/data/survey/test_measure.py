from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import phantoms
from mrigen.data.masks.brain_mask import BrainMaskConfig
from mrigen.data.scans import LeftOut, Scan
from mrigen.data.survey.measure import Depth, FileMeasures, measure_file
from one_scan import read_volume

SCAN = Scan(path="a.nii.gz", source="s", subject="s/a", modality="T1w", site="HH")
SIZES = (3.0, 2.0, 5.0)


def measured(root, *scans, **depth):
    answer = measure_file(scans or (SCAN,), root=root, max_voxels=2**24, depth=Depth(**depth))
    assert isinstance(answer, FileMeasures), answer
    return answer


def refused(root, scan=SCAN, **depth):
    answer = measure_file([scan], root=root, max_voxels=2**24, depth=Depth(**depth))
    assert isinstance(answer, LeftOut)
    return answer.reason


@pytest.mark.parametrize("axes", ["RAS", "PSR", "LPI", "ASL"])
def test_facts_are_those_of_the_stored_axes(tmp_path, axes):
    shape = (6, 7, 9)
    volume = phantoms.head(shape, SIZES)
    phantoms.write_volume(tmp_path / "a.nii.gz", volume, spacing_mm=SIZES, axes=axes)
    facts = measured(tmp_path, pixels=False).facts
    order = [{"L": 0, "R": 0, "A": 1, "P": 1, "S": 2, "I": 2}[axis] for axis in axes]
    assert facts.orientation == axes
    assert facts.shape == tuple(shape[axis] for axis in order)
    assert facts.spacing_mm == pytest.approx([SIZES[axis] for axis in order])
    assert facts.tilt_degrees == pytest.approx(0, abs=1e-4)
    assert (facts.kind, facts.dtype, facts.channels) == ("volume", "int16", None)


def test_a_tilted_head_is_told_by_its_angle(tmp_path):
    phantoms.write_volume(tmp_path / "a.nii.gz", phantoms.head((6, 7, 9)), tilt_degrees=12)
    assert measured(tmp_path).facts.tilt_degrees == pytest.approx(12, abs=0.01)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.float32, np.float64])
def test_intensities_are_those_of_the_voxels(tmp_path, dtype):
    noise = np.random.default_rng(0)
    volume = np.where(noise.uniform(size=(9, 8, 7)) < 0.4, 0, noise.integers(1, 200, (9, 8, 7)))
    phantoms.write_volume(tmp_path / "a.nii.gz", volume.astype(np.float32), dtype=dtype)
    found = measured(tmp_path).scans[0].intensities
    lit = volume[volume != 0]
    assert (found.minimum, found.maximum) == (volume.min(), volume.max())
    assert found.percentiles == pytest.approx(np.percentile(volume, [1, 50, 99]))
    assert found.zero_fraction == pytest.approx((volume == 0).mean())
    assert found.different == len(np.unique(volume))
    assert found.white == pytest.approx(np.percentile(lit, 99.5))
    assert (found.low, found.high) == (lit.min(), found.white)


def test_the_histogram_counts_voxels_that_are_not_zero_up_to_white(tmp_path):
    volume = np.zeros((10, 10, 10), np.float32)
    volume[:5], volume[5:8] = 10, 30
    volume[9, 9, 9] = 31
    phantoms.write_volume(tmp_path / "a.nii.gz", volume)
    found = measured(tmp_path).scans[0].intensities
    # Each value stands for what lies half-way to its neighbours, so white lies within the last.
    assert found.shares.sum() == pytest.approx((500 + 300 * 10 / 10.5) / 801)
    below = found.shares[found.edges[1:] <= 20.2].sum()
    assert below == pytest.approx(500 / 801, abs=0.01)


def test_few_grey_levels_leave_no_gaps_in_the_histogram(tmp_path):
    volume = np.arange(1000, dtype=np.float32).reshape(10, 10, 10) // 50
    phantoms.write_volume(tmp_path / "a.nii.gz", volume)
    assert (measured(tmp_path).scans[0].intensities.shares > 0).all()


@pytest.mark.parametrize(("plane", "axis"), [("sagittal", 0), ("coronal", 1), ("axial", 2)])
def test_slices_are_measured_along_the_plane_in_ras(tmp_path, plane, axis):
    noise = np.random.default_rng(1)
    volume = noise.integers(0, 4, (5, 6, 7)).astype(np.float32)
    phantoms.write_volume(tmp_path / "a.nii.gz", volume, axes="PSR")
    content = measured(tmp_path, plane=plane).scans[0].content
    slices = np.moveaxis(volume, axis, 0)
    assert content.plane == plane
    assert content.nonzero_count.tolist() == [(part != 0).sum() for part in slices]
    means = [part[part != 0].mean() for part in slices]
    assert content.nonzero_mean == pytest.approx(means)
    assert content.brain_fraction is None


def test_a_slice_of_zeros_has_the_mean_zero(tmp_path):
    volume = np.zeros((4, 4, 4), np.float32)
    volume[:, :, 2] = 5
    phantoms.write_volume(tmp_path / "a.nii.gz", volume)
    content = measured(tmp_path, plane="axial").scans[0].content
    assert content.nonzero_mean.tolist() == [0, 0, 5, 0]


def masked(tmp_path):
    volume = np.ones((4, 4, 4), np.float32)
    volume[0] = 2
    mask = np.zeros((4, 4, 4), np.uint8)
    mask[:, :2, 1] = 1
    phantoms.write_volume(tmp_path / "a.nii.gz", volume, axes="PSR")
    phantoms.write_volume(tmp_path / "mask.nii.gz", mask, axes="PSR", dtype=np.uint8)
    return replace(SCAN, mask_path="mask.nii.gz")


def test_the_share_of_brain_comes_from_the_mask_file(tmp_path):
    scan = masked(tmp_path)
    content = measured(tmp_path, scan, plane="axial", masks=tmp_path / "masks").scans[0].content
    assert content.brain_fraction.tolist() == [0, 0.5, 0, 0]
    assert content.nonzero_count.tolist() == [16] * 4


def test_stripped_skulls_are_measured_stripped(tmp_path):
    depth = {"mask": BrainMaskConfig(by="file"), "skull_strip": True, "masks": tmp_path / "masks"}
    content = measured(tmp_path, masked(tmp_path), plane="axial", **depth).scans[0].content
    assert content.nonzero_count.tolist() == [0, 8, 0, 0]


def test_channels_are_measured_one_by_one(tmp_path):
    volume = np.stack([phantoms.head((6, 7, 9), seed=seed) * (1 + seed) for seed in (0, 1)], -1)
    phantoms.write_volume(tmp_path / "a.nii.gz", volume)
    scans = [replace(SCAN, modality=name, channel=k) for k, name in enumerate(("T1w", "FLAIR"))]
    answer = measured(tmp_path, *scans)
    assert answer.facts.channels == 2
    assert [scan.modality for scan in answer.scans] == ["T1w", "FLAIR"]
    assert answer.scans[1].intensities.maximum > 1.5 * answer.scans[0].intensities.maximum
    assert answer.scans[0].digest != answer.scans[1].digest


def test_equal_images_have_equal_digests(tmp_path):
    for name in ("a", "b"):
        phantoms.write_volume(tmp_path / f"{name}.nii.gz", phantoms.head((6, 7, 9)))
    first, second = (measured(tmp_path, replace(SCAN, path=f"{n}.nii.gz")) for n in "ab")
    assert first.scans[0].digest == second.scans[0].digest
    assert first.scans[0].digest == read_volume(tmp_path / "a.nii.gz").digest


def test_a_cut_off_file_is_found_by_reading_it_alone(tmp_path):
    path = phantoms.write_volume(tmp_path / "a.nii.gz", phantoms.head())
    phantoms.truncate(path, 0.8)
    assert measured(tmp_path, pixels=False).scans == ()
    assert "'a.nii.gz'" in refused(tmp_path)


def test_pictures_are_measured_as_one_slice(tmp_path):
    pixels = np.zeros((5, 4), np.uint8)
    pixels[1] = 51
    Image.fromarray(pixels).save(tmp_path / "a.png")
    scan = replace(SCAN, path="a.png", plane="sagittal", index=7)
    answer = measured(tmp_path, scan, plane="sagittal")
    assert (answer.facts.kind, answer.facts.shape) == ("picture", (5, 4))
    assert (answer.facts.dtype, answer.facts.orientation) == ("uint8", None)
    content = answer.scans[0].content
    assert (content.plane, content.nonzero_count.tolist()) == ("sagittal", [4])
    assert content.nonzero_mean == pytest.approx([0.2])
    assert measured(tmp_path, scan, pixels=False).scans == ()


def test_nonfinite_voxels_are_counted(tmp_path):
    volume = phantoms.head((10, 10, 10))
    volume[0, 0, :3] = (np.nan, np.inf, -np.inf)
    phantoms.write_volume(tmp_path / "a.nii.gz", volume, dtype=np.float32)
    scan = measured(tmp_path).scans[0]
    assert scan.nonfinite == 3
    assert np.isfinite([scan.intensities.minimum, scan.intensities.maximum]).all()
