import gzip

import nibabel as nib
import numpy as np
import pytest

import phantoms
from mrigen.data.slicing.whole_map import write_map
from mrigen.errors import DataError
from one_scan import MAX_VOXELS, read_volume


def written(source, target, array=None):
    if array is None:
        array = read_volume(source).array
    write_map(target, array, like=source, max_voxels=MAX_VOXELS, words="a map")
    return nib.load(target)


@pytest.mark.parametrize("axes", ["RAS", "PSR", "LAS", "ILP"])
def test_a_map_lies_on_the_grid_of_its_file(tmp_path, axes):
    source = phantoms.write_volume(
        tmp_path / "a.nii.gz", phantoms.head(), axes=axes, spacing_mm=(8, 7, 9), tilt_degrees=12
    )
    original, answer = nib.load(source), written(source, tmp_path / "map.nii.gz")
    assert answer.shape == original.shape
    assert answer.get_data_dtype() == np.float32
    np.testing.assert_array_equal(answer.affine, original.affine)
    np.testing.assert_array_equal(answer.get_qform(), original.get_qform())
    assert answer.header["sform_code"] == original.header["sform_code"]
    np.testing.assert_array_equal(answer.get_fdata(), original.get_fdata())


def test_units_are_kept_and_words_are_not(tmp_path):
    source = phantoms.write_volume(tmp_path / "a.nii", phantoms.head())
    image = nib.load(source)
    image.header.set_xyzt_units("mm", "sec")
    image.header["descrip"] = b"Jane Doe"
    image.header["db_name"] = b"Doe"
    nib.Nifti1Image(np.asarray(image.dataobj), None, image.header).to_filename(tmp_path / "b.nii")
    answer = written(tmp_path / "b.nii", tmp_path / "map.nii")
    assert answer.header.get_xyzt_units() == ("mm", "unknown")
    assert answer.header["descrip"].item() == b"a map"
    assert b"Doe" not in (tmp_path / "map.nii").read_bytes()


def test_the_same_map_is_the_same_file(tmp_path):
    source = phantoms.write_volume(tmp_path / "a.nii.gz", phantoms.head())
    for name in ("one.nii.gz", "two.nii.gz", "plain.nii"):
        written(source, tmp_path / name)
    packed = (tmp_path / "one.nii.gz").read_bytes()
    assert packed == (tmp_path / "two.nii.gz").read_bytes()
    assert gzip.decompress(packed) == (tmp_path / "plain.nii").read_bytes()


@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("order", ["<", ">"])
def test_both_kinds_and_both_byte_orders_are_followed(tmp_path, kind, order):
    header = kind.header_class(endianness=order)
    header.set_data_dtype(np.int16)
    affine = np.diag([-3.0, 2.0, 2.0, 1.0])
    image = kind(np.arange(24, dtype=np.int16).reshape(2, 3, 4), affine, header)
    image.set_sform(affine, code=4)
    image.to_filename(tmp_path / "a.nii")
    answer = written(tmp_path / "a.nii", tmp_path / "map.nii")
    assert type(answer) is kind
    np.testing.assert_array_equal(answer.affine, affine)
    assert answer.header["sform_code"] == 4
    np.testing.assert_array_equal(answer.get_fdata().ravel(), np.arange(24))


def test_a_map_of_a_damaged_file_is_not_written(tmp_path):
    (tmp_path / "a.nii").write_bytes(b"no header")
    with pytest.raises(DataError, match="no NIfTI header"):
        written(tmp_path / "a.nii", tmp_path / "map.nii", np.zeros((2, 2, 2), np.float32))
    assert not (tmp_path / "map.nii").exists()
