import nibabel as nib
import numpy as np
import pytest

from mrigen.data.export.pseudo_volume import WHITE, encode_pseudo_volume

AFFINE = np.diag([-2.0, -2.0, 3.0, 1.0])
WORDS = {"words": "synthetic", "comment": '{"seed": 3}'}


def slices(count=3, height=4, width=5):
    return np.random.default_rng(0).random((count, height, width), np.float32)


def written(path, pictures, **changes):
    words = WORDS | {"packed": path.suffix == ".gz"} | changes
    path.write_bytes(encode_pseudo_volume(pictures, AFFINE, **words))
    return nib.load(path)


@pytest.mark.parametrize("name", ["head.nii", "head.nii.gz"])
def test_the_array_is_columns_by_rows_by_slices_in_whole_numbers(name, tmp_path):
    image = written(tmp_path / name, slices())
    assert image.get_data_dtype() == np.int16
    assert image.shape == (5, 4, 3)
    stored = np.asanyarray(image.dataobj).transpose(2, 1, 0)
    assert np.array_equal(stored, np.rint(slices() * WHITE))
    assert image.header["cal_max"] == WHITE


def test_both_ways_of_saying_where_it_lies_agree(tmp_path):
    image = written(tmp_path / "head.nii", slices())
    assert np.array_equal(image.affine, AFFINE)
    assert np.allclose(image.get_qform(), AFFINE)
    assert image.header.get_xyzt_units()[0] == "mm"
    assert (image.header["sform_code"], image.header["qform_code"]) == (2, 2)


def test_the_header_says_what_it_is(tmp_path):
    image = written(tmp_path / "head.nii.gz", slices(), words="synthétic " + "x" * 99)
    assert bytes(image.header["descrip"]).startswith(b"synth?tic xx")
    (comment,) = image.header.extensions
    assert comment.get_code() == 6
    assert comment.text.strip() == WORDS["comment"]


def test_the_same_slices_are_the_same_bytes():
    one, two = (encode_pseudo_volume(slices(), AFFINE, **WORDS, packed=True) for _ in range(2))
    assert one == two
