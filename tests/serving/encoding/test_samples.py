import io
import zipfile
from hashlib import sha256

import nibabel as nib
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mrigen.images import contact_sheet
from mrigen.serving.encoding import MEDIA_TYPES, sample_encoder
from mrigen.serving.work import Drawing
from small_bundles import network

SIDE = 8


def images(count, seed=0):
    return torch.rand(count, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))


def file_of(file_format, original, seeds, *, pieces=4, conditions=None):
    """Encode images a few at a time."""
    work = Drawing(network(), seeds, conditions or {})
    encoder = sample_encoder(file_format, work, name="vae", version=3, image_size=SIDE)
    content = b"".join(map(encoder.add, original.split(pieces))) + encoder.finish()
    assert encoder.size in {None, len(content)}
    return content


@settings(deadline=None, max_examples=20)
@given(count=st.integers(1, 20), seed=st.integers(0, 2**62), pieces=st.integers(1, 20))
def test_an_archive_gives_back_images_and_seeds(count, seed, pieces):
    original, seeds = images(count), range(seed, seed + count)
    content = file_of("npz", original, seeds, pieces=pieces, conditions={"age": 30.5})
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        assert sorted(arrays) == ["condition_age", "images", "seeds"]
        assert arrays["images"].dtype == np.float32
        assert np.array_equal(arrays["images"], original[:, 0].numpy())
        assert arrays["seeds"].dtype == np.int64
        assert arrays["seeds"].tolist() == list(seeds)
        assert arrays["condition_age"].tolist() == [30.5] * count


@pytest.mark.parametrize("file_format", MEDIA_TYPES)
def test_the_bytes_do_not_depend_on_the_pieces(file_format):
    original = images(9)
    whole = file_of(file_format, original, range(9), pieces=9)
    assert file_of(file_format, original, range(9), pieces=2) == whole


def test_a_picture_is_the_contact_sheet():
    original = images(5)
    content = file_of("png", original, range(5))
    assert np.array_equal(np.array(Image.open(io.BytesIO(content))), contact_sheet(original))


def test_a_stack_gives_back_images_and_says_what_they_are():
    original = images(6)
    loaded = nib.Nifti1Image.from_bytes(file_of("nifti", original, range(5, 11)))
    # Columns come first in NIfTI.
    assert np.array_equal(loaded.get_fdata(dtype=np.float32).T, original[:, 0].numpy())
    assert bytes(loaded.header["descrip"]).startswith(b"independent synthetic slices: vae/3 seed 5")


# What these images are in each format: other pixels, or another order of them, need a reason.
GOLDEN = {
    "png": "389a2852",
    "zip": "48299046",
    "npz": "e3de671b",
    "nifti": "e3de671b",
}


def decoded(file_format, content):
    if file_format == "png":
        return np.array(Image.open(io.BytesIO(content)))
    if file_format == "zip":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return np.array([np.array(Image.open(archive.open(one))) for one in archive.namelist()])
    if file_format == "npz":
        return np.load(io.BytesIO(content))["images"]
    return nib.Nifti1Image.from_bytes(content).get_fdata(dtype=np.float32).T.copy()


@pytest.mark.parametrize("file_format", MEDIA_TYPES)
def test_the_pixels_stay_what_they_are(file_format):
    ramp = (torch.arange(5 * SIDE * SIDE) / 319).reshape(5, 1, SIDE, SIDE)
    pixels = decoded(file_format, file_of(file_format, ramp, range(5)))
    assert sha256(pixels.tobytes()).hexdigest()[:8] == GOLDEN[file_format]


def test_an_encoder_holds_no_more_than_a_piece():
    for file_format in ("npz", "nifti", "zip"):
        encoder = sample_encoder(
            file_format, Drawing(network(), range(8), {}), name="vae", version=3, image_size=SIDE
        )
        for part in images(8).split(2):
            assert encoder.add(part)
