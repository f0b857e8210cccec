import nibabel as nib
import numpy as np
import pytest

from mrigen.data.export.stacks import stack_header, stack_pixels


def loaded(slices, words="words"):
    count, height, width = slices.shape
    content = stack_header(count, height, width, words=words) + stack_pixels(slices)
    kind = nib.Nifti1Image if count < 2**15 else nib.Nifti2Image
    return kind.from_bytes(content)


def ramp(count, height, width):
    values = np.arange(count * height * width, dtype=np.float32)
    return values.reshape(count, height, width)


def test_a_stack_is_columns_by_rows_by_slices():
    slices = ramp(3, 4, 5)
    image = loaded(slices)
    assert image.shape == (5, 4, 3)
    assert np.array_equal(image.get_fdata(dtype=np.float32).transpose(2, 1, 0), slices)


def test_viewers_show_the_first_row_on_top_and_the_right_side_on_the_left():
    image = loaded(ramp(3, 4, 5))
    assert nib.aff2axcodes(image.affine) == ("L", "P", "S")
    assert np.allclose(image.get_qform(), image.affine)
    assert np.allclose(image.affine @ [4, 3, 0, 1], [0, 0, 0, 1])


@pytest.mark.parametrize(("count", "kind"), [(32_767, nib.Nifti1Image), (32_768, nib.Nifti2Image)])
def test_a_large_stack_is_nifti_2(count, kind, tmp_path):
    slices = ramp(count, 1, 2)
    path = tmp_path / "stack.nii"
    path.write_bytes(stack_header(*slices.shape, words="") + stack_pixels(slices))
    image = nib.load(path)
    assert type(image) is kind
    assert np.array_equal(image.get_fdata(dtype=np.float32).transpose(2, 1, 0), slices)


def test_the_description_is_cut_and_holds_no_letters_that_nifti_lacks():
    header = loaded(ramp(1, 2, 2), words="zoë " + "x" * 99).header
    assert bytes(header["descrip"])[:4] == b"zo? "
    assert len(bytes(header["descrip"]).rstrip(b"\0")) == 79
