import io
import time
import zipfile

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mrigen.images import contact_sheet
from mrigen.serving.encoding import encode_samples


def images(count, seed=0):
    return torch.rand(count, 1, 8, 6, generator=torch.Generator().manual_seed(seed))


@settings(deadline=None, max_examples=20)
@given(count=st.integers(1, 20), seed=st.integers(0, 2**62))
def test_an_archive_gives_back_images_and_seeds(count, seed):
    original, seeds = images(count), range(seed, seed + count)
    content = encode_samples(original, seeds, file_format="npz")
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        assert sorted(arrays) == ["images", "seeds"]
        assert arrays["images"].dtype == np.float32
        assert np.array_equal(arrays["images"], original[:, 0].numpy())
        assert arrays["seeds"].dtype == np.int64
        assert arrays["seeds"].tolist() == list(seeds)


def test_a_picture_is_the_contact_sheet():
    original = images(5)
    content = encode_samples(original, range(5), file_format="png")
    assert np.array_equal(np.array(Image.open(io.BytesIO(content))), contact_sheet(original))


@pytest.mark.parametrize("file_format", ["png", "npz"])
def test_the_bytes_do_not_know_the_time(monkeypatch, file_format):
    first = encode_samples(images(3), range(3), file_format=file_format)
    monkeypatch.setattr(time, "time", lambda: 2e9)
    assert encode_samples(images(3), range(3), file_format=file_format) == first


def test_an_archive_is_dated_at_the_beginning_of_zip():
    content = encode_samples(images(1), [0], file_format="npz")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
