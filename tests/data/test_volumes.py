import gzip

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import phantoms
from mrigen.data.volumes import read_channels, read_volume
from mrigen.errors import DataError

SHAPE, SPACING = (10, 12, 14), (3.0, 2.0, 4.0)
ORDERS = st.permutations(["RL", "AP", "SI"]).flatmap(
    lambda pairs: st.tuples(*(st.sampled_from(pair) for pair in pairs)).map("".join)
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("volumes")


@settings(deadline=None, max_examples=25)
@given(axes=ORDERS)
def test_every_stored_orientation_gives_the_same_volume(folder, axes):
    array = np.rint(phantoms.head(SHAPE, SPACING))
    path = phantoms.write_volume(folder / "a.nii", array, spacing_mm=SPACING, axes=axes)
    volume = read_volume(path)
    np.testing.assert_array_equal(volume.array, array)
    np.testing.assert_allclose(volume.spacing_mm, SPACING, rtol=1e-6)
    assert nib.aff2axcodes(volume.affine) == ("R", "A", "S")


def test_a_tilted_head_keeps_its_slices(tmp_path):
    array = np.rint(phantoms.head(SHAPE, SPACING))
    path = tmp_path / "a.nii.gz"
    phantoms.write_volume(path, array, spacing_mm=SPACING, axes="PSR", tilt_degrees=20)
    volume = read_volume(path)
    np.testing.assert_array_equal(volume.array, array)
    np.testing.assert_allclose(volume.spacing_mm, SPACING, rtol=1e-6)


def test_intensities_are_scaled_as_the_header_says(tmp_path):
    image = nib.Nifti1Image(phantoms.head(SHAPE), np.eye(4))
    image.header.set_data_dtype(np.uint8)
    image.to_filename(tmp_path / "a.nii.gz")
    expected = nib.load(tmp_path / "a.nii.gz").get_fdata(dtype=np.float32)
    np.testing.assert_allclose(read_volume(tmp_path / "a.nii.gz").array, expected, rtol=1e-5)


def test_channels_come_in_the_order_asked_for(tmp_path):
    (path,) = phantoms.write_decathlon(tmp_path, subjects=1)
    expected = nib.as_closest_canonical(nib.load(path)).get_fdata(dtype=np.float32)
    volumes = read_channels(path, [2, 0], max_voxels=2**28)
    np.testing.assert_array_equal(volumes[0].array, expected[..., 2])
    np.testing.assert_array_equal(volumes[1].array, expected[..., 0])


def test_a_missing_channel_is_a_data_error(tmp_path):
    (path,) = phantoms.write_decathlon(tmp_path, subjects=1)
    with pytest.raises(DataError, match="has 4 channels: channel 4 was asked for"):
        read_volume(path, channel=4)
    with pytest.raises(DataError, match="has four dimensions"):
        read_volume(path)


@pytest.mark.parametrize("keep", [0.3, 0.999])
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_a_truncated_file_is_a_data_error(tmp_path, name, keep):
    path = phantoms.write_volume(tmp_path / name, phantoms.head())
    phantoms.truncate(path, keep)
    with pytest.raises(DataError, match=f"scan '{name}'.*Copy it again"):
        read_volume(path)


def test_a_wrong_checksum_is_a_data_error(tmp_path):
    path = phantoms.write_volume(tmp_path / "a.nii.gz", phantoms.head())
    phantoms.break_checksum(path)
    with pytest.raises(DataError, match="CRC check failed"):
        read_volume(path)


def test_no_more_is_decompressed_than_was_declared(tmp_path):
    plain = phantoms.write_volume(tmp_path / "a.nii", phantoms.head()).read_bytes()
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(plain + bytes(2**24)))
    assert read_volume(tmp_path / "a.nii.gz").array.shape == (24, 28, 26)


@pytest.mark.parametrize("value", [0, 7, -3])
def test_a_constant_volume_is_a_data_error(tmp_path, value):
    path = phantoms.write_volume(tmp_path / "a.nii.gz", np.full(SHAPE, value))
    with pytest.raises(DataError, match=f"is {value} everywhere"):
        read_volume(path)


@pytest.mark.parametrize("hole", [np.nan, np.inf, -np.inf])
def test_many_nonfinite_voxels_are_a_data_error(tmp_path, hole):
    array = phantoms.head(SHAPE)
    array[:5] = hole
    path = phantoms.write_volume(tmp_path / "a.nii.gz", array, dtype=np.float32)
    with pytest.raises(DataError, match=r"50\.0% NaN or infinite voxels"):
        read_volume(path)


def test_a_few_nonfinite_voxels_become_zero_and_are_counted(tmp_path):
    array = phantoms.head(SHAPE)
    array[0, 0, :3] = np.nan, np.inf, -np.inf
    path = phantoms.write_volume(tmp_path / "a.nii.gz", array, dtype=np.float32)
    volume = read_volume(path)
    assert volume.nonfinite == 3
    np.testing.assert_array_equal(volume.array[0, 0, :3], 0)
    assert np.isfinite(volume.array).all()
