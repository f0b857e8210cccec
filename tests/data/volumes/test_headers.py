import gzip
import os

import nibabel as nib
import numpy as np
import pytest

import phantoms
from mrigen.data.volumes.headers import check_header
from mrigen.errors import DataError

LIMIT = 2**28


def header_of(path, **changes):
    image = nib.Nifti1Image(np.zeros((4, 5, 6), np.int16), np.eye(4))
    image.header["vox_offset"] = 352
    image.header["sform_code"] = 1
    for key, value in changes.items():
        image.header[key] = value
    path.write_bytes(image.header.binaryblock + bytes(4 + 4 * 5 * 6 * 2))
    return path


def test_a_header_tells_shape_spacing_and_orientation(tmp_path):
    array = phantoms.head((10, 12, 14), (3.0, 2.0, 4.0))
    path = tmp_path / "a.nii.gz"
    phantoms.write_volume(path, array, spacing_mm=(3.0, 2.0, 4.0), axes="PSR")
    header = check_header(path, LIMIT)
    assert header.shape == (12, 14, 10)
    assert header.channels is None
    assert nib.aff2axcodes(header.affine) == ("P", "S", "R")


def test_big_endian_and_second_version_are_read(tmp_path):
    array = phantoms.head().astype(np.int16)
    big = nib.Nifti1Image(array, np.eye(4)).header.as_byteswapped(">")
    first = nib.Nifti1Image(array, np.diag([8, 8, 8, 1]), big)
    first.to_filename(tmp_path / "big.nii.gz")
    nib.Nifti2Image(array, np.diag([8, 8, 8, 1])).to_filename(tmp_path / "two.nii.gz")
    for name in ("big.nii.gz", "two.nii.gz"):
        assert check_header(tmp_path / name, LIMIT).shape == array.shape


def test_declared_voxels_are_refused_before_anything_is_decompressed(tmp_path):
    path = phantoms.write_huge(tmp_path / "huge.nii.gz")
    with pytest.raises(DataError, match=r"declares 27000000000000 voxels.*at most 268435456"):
        check_header(path, LIMIT)


def test_a_bomb_is_read_no_further_than_its_header(tmp_path):
    block = phantoms.write_huge(tmp_path / "a.nii.gz").read_bytes()
    path = tmp_path / "bomb.nii.gz"
    # What follows the header and one buffer is damaged, and nobody looks.
    path.write_bytes(gzip.compress(gzip.decompress(block)[:540] + bytes(2**14)) + b"not gzip")
    with pytest.raises(DataError, match="declares"):
        check_header(path, LIMIT)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"dim": [2, 256, 256, 1, 1, 1, 1, 1]}, r"shape \(256, 256\): expected three dimensions"),
        ({"dim": [3, 256, 256, 1, 1, 1, 1, 1]}, r"shape \(256, 256, 1\): expected three"),
        ({"dim": [5, 4, 5, 6, 1, 3, 1, 1]}, r"shape \(4, 5, 6, 1, 3\): expected three"),
        ({"dim": [3, 4, -5, 6, 1, 1, 1, 1]}, "expected three dimensions"),
        ({"dim": [99, 4, 5, 6, 1, 1, 1, 1]}, "expected three dimensions"),
        ({"datatype": 128, "bitpix": 24}, "type code 128"),
        ({"datatype": 77}, "type code 77"),
        ({"datatype": 32, "bitpix": 64}, "type code 32"),
        ({"vox_offset": 1e9}, "first voxel at byte 1e"),
        ({"vox_offset": np.nan}, "first voxel at byte nan"),
        ({"sform_code": 0}, "states no orientation"),
        ({"srow_x": [np.nan, 0, 0, 0]}, "impossible geometry"),
        ({"srow_x": [0, 0, 0, 0]}, "impossible geometry"),
        ({"srow_x": [500, 0, 0, 0]}, "impossible geometry"),
        ({"srow_x": [0, 1, 0, 0]}, "impossible geometry"),
        ({"magic": b"ni1"}, "no NIfTI header"),
    ],
)
def test_impossible_headers_say_what_is_wrong(tmp_path, changes, words):
    with pytest.raises(DataError, match=words):
        check_header(header_of(tmp_path / "a.nii", **changes), LIMIT)


@pytest.mark.parametrize(
    ("dimensions", "shape"),
    [([2, 7, 8, 1], (7, 8, 1)), ([3, 7, 8, 1], (7, 8, 1)), ([3, 1, 8, 7], (1, 8, 7))],
)
def test_a_single_slice_is_a_volume_where_it_is_asked_for(tmp_path, dimensions, shape):
    path = header_of(tmp_path / "a.nii", dim=[*dimensions, *[1] * 4])
    assert check_header(path, LIMIT, flat=True).shape == shape
    with pytest.raises(DataError, match="expected three dimensions"):
        check_header(path, LIMIT)


@pytest.mark.parametrize("dimensions", [[1, 7, 1, 1], [2, 7, 1, 1], [3, 7, 1, 1], [2, 7, 0, 1]])
def test_a_line_is_no_slice(tmp_path, dimensions):
    path = header_of(tmp_path / "a.nii", dim=[*dimensions, *[1] * 4])
    with pytest.raises(DataError, match="expected three dimensions"):
        check_header(path, LIMIT, flat=True)


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 1000, b"\x1f\x8b\x08broken"])
def test_what_is_no_nifti_file_is_a_data_error(tmp_path, content):
    for name in ("a.nii", "a.nii.gz"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=r"scan 'a\.nii"):
            check_header(tmp_path / name, LIMIT)


def test_a_missing_file_is_a_data_error(tmp_path):
    with pytest.raises(DataError, match="No such file"):
        check_header(tmp_path / "gone.nii.gz", LIMIT)


@pytest.mark.parametrize("form", ["sform_code", "qform_code"])
def test_a_negative_spacing_is_a_data_error(tmp_path, form):
    codes = {"sform_code": 0, "qform_code": 0} | {form: 1}
    path = header_of(tmp_path / "a.nii", **codes, pixdim=[1, -2, 3, -4] + [1] * 4)
    with pytest.raises(DataError, match=r"'a\.nii' has an impossible geometry \(voxels of -2 x 3"):
        check_header(path, LIMIT)


def test_a_zero_spacing_is_a_data_error(tmp_path):
    path = header_of(tmp_path / "a.nii", sform_code=0, qform_code=1, pixdim=[1, 1, 0, 1] + [1] * 4)
    with pytest.raises(
        DataError, match=r"'a\.nii' has an impossible geometry \(voxels of 1 x 0 x 1"
    ):
        check_header(path, LIMIT)


@pytest.mark.parametrize(
    "changes",
    [
        {"srow_x": (3e38, 3e38, 3e38, 0)},
        {"srow_x": (float("nan"), 0, 0, 0)},
        {"sform_code": 0, "qform_code": 1, "quatern_b": float("nan")},
        {"sform_code": 0, "qform_code": 1, "qoffset_x": float("inf")},
        {"sform_code": 0, "qform_code": 1, "pixdim": (float("nan"), 3e38, 1, 1, 1, 1, 1, 1)},
    ],
)
def test_a_geometry_beyond_numbers_is_one_sentence_without_a_warning(tmp_path, changes):
    with pytest.raises(DataError, match=r"has an impossible geometry \(voxels of"):
        check_header(header_of(tmp_path / "far.nii", **changes), LIMIT)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.nii")
    with pytest.raises(DataError, match=r"'a.nii' cannot be read \(a pipe"):
        check_header(tmp_path / "a.nii", LIMIT)
