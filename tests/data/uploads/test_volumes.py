import gzip

import nibabel as nib
import numpy as np
import pytest

from mrigen.data.uploads.limits import TooLargeError
from mrigen.data.uploads.volumes import read_volume
from mrigen.errors import DataError
from upload_files import AFFINE, head, nifti, opened

LIMIT = 2**20


def read(content, size=16, **options):
    return read_volume(content, LIMIT, size=size, **options)


def same_again(upload):
    return upload.encode(upload.pictures[:, None], words="as it was", intensities=True)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
def test_an_answer_is_a_file_of_the_kind_that_came(kind, order, packed):
    content = nifti(kind=kind, order=order, packed=packed)
    answer = same_again(read(content))
    assert (answer[:2] == b"\x1f\x8b") == packed
    came, went = opened(content), opened(answer)
    assert type(went) is kind
    assert went.shape == came.shape
    np.testing.assert_array_equal(went.affine, came.affine)
    assert went.header["sform_code"] == came.header["sform_code"]


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_intensities_come_back_in_the_units_of_the_file(dtype):
    array = (head() / 4).astype(dtype)
    upload = read(nifti(array), size=64)
    went = opened(same_again(upload)).get_fdata()
    low, high = upload.whole.black, upload.whole.white
    # The field of view has 14 voxels, so that 64 pixels hold all there is of it.
    assert np.abs(went - np.clip(array, low, high)).mean() < 0.02 * (high - low)


def test_slopes_are_followed():
    array = head()
    scaled = nifti(array, scl_slope=0.5, scl_inter=100)
    plain, upload = read(nifti(array)), read(scaled)
    np.testing.assert_array_equal(upload.pictures, plain.pictures)
    assert upload.whole.white == pytest.approx(plain.whole.white / 2 + 100)


def test_slices_follow_the_patient_and_not_the_file():
    upright = read(nifti())
    turned = nib.as_closest_canonical(opened(nifti()))
    assert nib.aff2axcodes(AFFINE) == ("L", "A", "S")
    np.testing.assert_array_equal(
        read(nifti(np.asarray(turned.dataobj), affine=turned.affine)).pictures, upright.pictures
    )


@pytest.mark.parametrize(
    ("plane", "count", "sent"),
    [("axial", 13, (14, 12)), ("coronal", 14, (13, 12)), ("sagittal", 12, (13, 14))],
)
def test_a_volume_is_cut_in_the_plane_that_is_asked_for(plane, count, sent):
    upload = read(nifti(), plane=plane)
    assert (len(upload.pictures), upload.sent) == (count, sent)
    assert opened(same_again(upload)).shape == (12, 14, 13)


def test_nothing_of_the_text_in_a_header_is_sent_back():
    content = nifti(descrip=b"Jane Doe", db_name=b"Doe", aux_file=b"Doe.txt", intent_name=b"Doe")
    answer = same_again(read(content))
    assert b"Doe" not in answer
    assert opened(answer).header["descrip"].item() == b"as it was"


def test_a_file_of_two_dimensions_is_one_slice():
    content = nifti(head()[:, :, 6])
    upload = read(content, plane="coronal")
    assert (len(upload.pictures), upload.whole.plane, upload.sent) == (1, "axial", (14, 12))
    assert opened(same_again(upload)).shape == (12, 14)


def test_a_volume_of_one_slice_is_taken_as_it_lies():
    upload = read(nifti(head()[5:6]))
    assert (len(upload.pictures), upload.whole.plane, upload.sent) == (1, "sagittal", (13, 14))
    assert opened(same_again(upload)).shape == (1, 14, 13)


def test_one_channel_is_no_channel():
    assert len(read(nifti(head()[..., None])).pictures) == 13
    with pytest.raises(DataError, match=r"four dimensions, shape \(12, 14, 13, 2\): expected one"):
        read(nifti(np.stack([head(), head()], -1)))


@pytest.mark.parametrize(
    "fields",
    [
        {"dim": [3, 0, 5, 6, 1, 1, 1, 1]},
        {"dim": [3, -4, 5, 6, 1, 1, 1, 1]},
        {"dim": [2, 4, 1, 1, 1, 1, 1, 1]},
        {"dim": [1, 4, 1, 1, 1, 1, 1, 1]},
        {"dim": [9, 4, 4, 4, 1, 1, 1, 1]},
        {"datatype": 128, "bitpix": 24},
        {"datatype": 32, "bitpix": 64},
        {"datatype": 2304, "bitpix": 32},
        {"scl_slope": 1, "scl_inter": np.inf},
        {"vox_offset": np.nan},
        {"vox_offset": 1e20},
        {"sform_code": 0, "qform_code": 0},
        {"srow_x": [np.nan] * 4},
        {"magic": b"ni1"},
    ],
)
def test_impossible_headers_are_refused(fields):
    with pytest.raises(DataError, match=r"scan 'upload\.nii'"):
        read(nifti(**fields))


def test_what_declares_too_much_is_not_unpacked():
    for shape, words in (
        ([3, 20000, 2, 2], "at most 4096 along each side"),
        ([3, 2000, 2000, 2000], "at most 1048576 in all"),
    ):
        content = nifti(packed=False, dim=[*shape, 1, 1, 1, 1])
        for sent in (content, gzip.compress(content)):
            with pytest.raises(TooLargeError, match=words):
                read(sent)


def test_too_many_slices_are_refused():
    long = np.tile(head((4, 4, 4)), (1, 1, 300))
    with pytest.raises(TooLargeError, match="has 1200 slices: expected at most 1024"):
        read(nifti(long))
    with pytest.raises(TooLargeError, match="has 13 slices: expected at most 4"):
        read(nifti(), size=512)


def test_a_gzip_file_is_read_no_further_than_it_declares():
    # 64 MiB of zeros follow the volume; the end of them is damaged, and nobody looks.
    content = gzip.compress(nifti() + bytes(2**26), 9)[:-20]
    assert len(read(content).pictures) == 13


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_file_that_ends_early_is_refused(share):
    for content in (nifti(), nifti(packed=True)):
        with pytest.raises(DataError, match=r"scan 'upload\.nii"):
            read(content[: int(len(content) * share)])


@pytest.mark.parametrize(
    "content", [b"\x1f\x8b", gzip.compress(b"", mtime=0), gzip.compress(b"x" * 999, mtime=0)]
)
def test_what_is_no_volume_is_refused(content):
    with pytest.raises(DataError, match=r"scan 'upload\.nii\.gz'"):
        read(content)


def test_a_volume_without_contrast_is_refused():
    with pytest.raises(DataError, match="is 7 everywhere"):
        read(nifti(np.full((6, 6, 6), 7, np.int16)))
    empty = head().astype(np.float32)
    empty[:6] = np.nan
    with pytest.raises(DataError, match="NaN or infinite voxels"):
        read(nifti(empty))


def test_codes_that_the_standard_does_not_know_keep_their_orientation():
    content = nifti(sform_code=300, qform_code=-2)
    answer = opened(same_again(read(content)))
    np.testing.assert_array_equal(answer.affine, AFFINE)
    assert (answer.header["sform_code"], answer.header["qform_code"]) == (2, 0)


def test_intensities_at_the_ends_of_their_type_give_pictures():
    array = head().astype(np.float32)
    array *= np.float32(3e38) / array.max()
    array[::2] *= -1
    upload = read(nifti(array))
    assert np.isfinite(upload.pictures).all()
    same_again(upload)
