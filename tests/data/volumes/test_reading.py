import gzip

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import phantoms
from mrigen.data.volumes.reading import read_channels, read_labels
from mrigen.errors import DataError
from one_scan import read_volume

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


def test_a_wrong_checksum_some_way_after_the_image_is_a_data_error(tmp_path):
    plain = phantoms.write_volume(tmp_path / "a.nii", phantoms.head()).read_bytes()
    path = tmp_path / "a.nii.gz"
    path.write_bytes(gzip.compress(plain + bytes(10**5)))
    assert read_volume(path).stored.shape == (24, 28, 26)
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


def test_chosen_slices_are_those_of_the_whole(tmp_path):
    array = np.rint(phantoms.head(SHAPE, SPACING))
    for axes in ("RAS", "PSR", "ILP"):
        path = phantoms.write_volume(tmp_path / "a.nii", array, spacing_mm=SPACING, axes=axes)
        volume = read_volume(path)
        for axis in range(3):
            moved = np.moveaxis(array, axis, 0)
            np.testing.assert_array_equal(volume.intensities([5, 2], axis), moved[[5, 2]])
            np.testing.assert_array_equal(volume.intensities(axis=axis), moved)


def test_scaling_and_mending_reach_chosen_slices(tmp_path):
    array = phantoms.head(SHAPE).astype(np.float32)
    array[4, 5, 6] = np.nan
    image = nib.Nifti1Image(array, np.eye(4))
    image.header.set_slope_inter(2, -3)
    image.to_filename(tmp_path / "a.nii")
    volume = read_volume(tmp_path / "a.nii")
    expected = np.nan_to_num(array * np.float32(2) - np.float32(3), nan=0)
    np.testing.assert_array_equal(volume.intensities([6]), np.moveaxis(expected, 2, 0)[[6]])
    np.testing.assert_array_equal(volume.array, expected)


def test_a_scaling_that_overflows_is_a_data_error(tmp_path):
    image = nib.Nifti1Image(phantoms.head(SHAPE).astype(np.int16), np.eye(4))
    image.header["scl_slope"] = 3e38
    image.header["scl_inter"] = 0
    path = tmp_path / "a.nii"
    path.write_bytes(image.to_bytes())
    data = bytearray(path.read_bytes())
    data[112:116] = np.float32(3e38).tobytes()
    path.write_bytes(bytes(data))
    with pytest.raises(DataError, match="NaN or infinite voxels"):
        read_volume(path)


def test_in_memory_order_copies_nothing(tmp_path):
    for axes in ("RAS", "PSR", "ILP"):
        path = phantoms.write_volume(tmp_path / "a.nii", phantoms.head(SHAPE), axes=axes)
        volume = read_volume(path)
        flat = volume.in_memory_order()
        assert np.shares_memory(flat, volume.stored)
        assert flat.tobytes() == path.read_bytes()[352:]


def test_the_digest_knows_numbers_grid_and_scaling(tmp_path):
    array = np.rint(phantoms.head(SHAPE))

    def digest(name="a.nii", changed=array, **values):
        return read_volume(phantoms.write_volume(tmp_path / name, changed, **values)).digest

    first = digest()
    assert first == digest("b.nii.gz")
    other = array.copy()
    other[0, 0, 0] += 1
    assert first != digest(changed=other)
    assert first != digest(spacing_mm=(8, 8, 7))
    assert first != digest(dtype=np.int32)
    assert first != digest(axes="LAS")


def test_garbage_after_the_end_is_a_data_error(tmp_path):
    path = phantoms.write_volume(tmp_path / "a.nii.gz", phantoms.head())
    path.write_bytes(path.read_bytes() + b"garbage")
    with pytest.raises(DataError, match=r"scan 'a\.nii\.gz' cannot be read .*Copy it again"):
        read_volume(path)


def write_labels(path, array, **values):
    return phantoms.write_volume(path, array, **{"dtype": np.uint8, **values})


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
@pytest.mark.parametrize("axes", ["RAS", "PSR"])
def test_labels_lie_on_the_grid_of_their_scan(tmp_path, axes, dtype):
    array = np.rint(phantoms.head(SHAPE, SPACING))
    scan = phantoms.write_volume(tmp_path / "a.nii", array, spacing_mm=SPACING, axes="LPS")
    expected = (array > 200).astype(np.uint8) * 3
    path = tmp_path / "b.nii"
    write_labels(path, expected, spacing_mm=SPACING, axes=axes, dtype=dtype)
    labels = read_labels(path, read_volume(scan), 10**6)
    assert labels.dtype.kind in "iu"
    np.testing.assert_array_equal(labels, expected)


def test_an_empty_label_map_is_one(tmp_path):
    volume = read_volume(phantoms.write_volume(tmp_path / "a.nii", phantoms.head(SHAPE)))
    labels = read_labels(write_labels(tmp_path / "b.nii", np.zeros(SHAPE)), volume, 10**6)
    assert not labels.any()


@pytest.mark.parametrize(
    ("shape", "values", "words"),
    [
        ((10, 12, 13), {}, r"label map 'b\.nii' has shape \(10, 12, 13\) in RAS\+: expected \(10,"),
        (SHAPE, {"spacing_mm": (8, 8, 9)}, r"label map 'b\.nii' lies up to .* mm beside its scan"),
        (SHAPE, {"axes": "LPS", "tilt_degrees": 5}, "beside its scan: expected the same grid"),
    ],
)
def test_labels_of_another_grid_are_a_data_error(tmp_path, shape, values, words):
    volume = read_volume(phantoms.write_volume(tmp_path / "a.nii", phantoms.head(SHAPE)))
    path = write_labels(tmp_path / "b.nii", np.ones(shape), **values)
    with pytest.raises(DataError, match=words):
        read_labels(path, volume, 10**6)


@pytest.mark.parametrize("value", [0.5, np.nan, np.inf, 1e30])
def test_labels_that_are_not_whole_are_a_data_error(tmp_path, value):
    volume = read_volume(phantoms.write_volume(tmp_path / "a.nii", phantoms.head(SHAPE)))
    labels = np.ones(SHAPE)
    labels[0, 0, 0] = value
    path = write_labels(tmp_path / "b.nii", labels, dtype=np.float32)
    with pytest.raises(DataError, match=r"label map 'b\.nii' holds numbers that are not whole"):
        read_labels(path, volume, 10**6)


def test_damaged_labels_are_a_data_error(tmp_path):
    volume = read_volume(phantoms.write_volume(tmp_path / "a.nii", phantoms.head(SHAPE)))
    path = write_labels(tmp_path / "b.nii.gz", np.ones(SHAPE))
    phantoms.truncate(path)
    with pytest.raises(DataError, match=r"'b\.nii\.gz'"):
        read_labels(path, volume, 10**6)
    with pytest.raises(DataError, match="declares 1680 voxels"):
        read_labels(write_labels(tmp_path / "c.nii", np.ones(SHAPE)), volume, 100)
