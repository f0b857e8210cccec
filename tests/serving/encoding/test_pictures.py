from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from mrigen.serving.encoding.pictures import quick_png


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (5, 1), (64, 66), (33, 20, 3)])
def test_a_picture_comes_back_as_it_was(shape):
    picture = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    content = quick_png(picture)
    with Image.open(BytesIO(content)) as opened:
        opened.verify()
    with Image.open(BytesIO(content)) as opened:
        assert opened.mode == ("L" if len(shape) == 2 else "RGB")
        assert np.array_equal(np.asarray(opened), picture)
    assert quick_png(picture) == content


def test_a_part_of_a_picture_can_be_encoded():
    picture = np.arange(100, dtype=np.uint8).reshape(10, 10)[::2, 1:8]
    with Image.open(BytesIO(quick_png(picture))) as opened:
        assert np.array_equal(np.asarray(opened), picture)


def test_smooth_pictures_are_small():
    row = np.arange(256, dtype=np.uint8)
    assert len(quick_png(np.tile(row, (256, 1)))) < 2000
