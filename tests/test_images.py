from io import BytesIO

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mrigen.images import contact_sheet, encode_png, from_integers, to_uint8, write_png


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_integers_span_the_unit_range(dtype):
    limit = np.iinfo(dtype).max
    scaled = from_integers(np.array([0, limit], dtype))
    assert scaled.tolist() == [0.0, 1.0]
    assert scaled.dtype == torch.float32


def test_eight_bits_survive_the_round_trip():
    pixels = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16)
    assert np.array_equal(to_uint8(from_integers(pixels)), pixels)


def test_out_of_range_is_clipped():
    assert to_uint8(torch.tensor([-1.0, 0.5, 2.0])).tolist() == [0, 128, 255]


@given(count=st.integers(1, 12), columns=st.integers(1, 5), gap=st.integers(0, 3))
def test_sheet_holds_every_image_where_it_belongs(count, columns, gap):
    images = torch.arange(1, count + 1).view(-1, 1, 1, 1).expand(-1, 1, 4, 6) / 255
    sheet = contact_sheet(images, columns=columns, gap=gap)
    used = min(columns, count)
    assert sheet.shape == (-(-count // used) * (4 + gap) - gap, used * (6 + gap) - gap)
    for index in range(count):
        top, left = index // used * (4 + gap), index % used * (6 + gap)
        assert (sheet[top : top + 4, left : left + 6] == index + 1).all()
    assert sorted(set(sheet.flatten().tolist()) - {0}) == list(range(1, count + 1))


def test_png_keeps_every_pixel(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (9, 7), np.uint8)
    write_png(tmp_path / "p.png", picture)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "p.png")), picture)
    assert encode_png(picture) == encode_png(picture)
    colour = np.stack([picture] * 3, axis=-1)
    assert np.array_equal(np.asarray(Image.open(BytesIO(encode_png(colour)))), colour)
