import io

import numpy as np
import torch
from matplotlib import colormaps
from PIL import Image

from mrigen.serving.encoding.answers import MAP_SCALES, encode_anomaly
from mrigen.serving.uploads.upload import Upload


def shown(values, method="residual"):
    """Return the picture of a map, (H, W, 3)."""
    found = torch.as_tensor(values, dtype=torch.float32)[None, None]
    upload = Upload("png", torch.zeros_like(found), tuple(found.shape[2:]))
    content = encode_anomaly(found, upload, "png", method)
    return np.asarray(Image.open(io.BytesIO(content))).astype(int)


def test_colours_are_those_of_inferno_up_to_a_fixed_value():
    for method, scale in MAP_SCALES.items():
        shares = np.arange(256).reshape(16, 16) / 255
        expected = colormaps["inferno"](np.arange(256))[:, :3].reshape(16, 16, 3) * 255
        assert np.abs(shown(shares * scale, method) - expected).max() < 6


def test_no_map_is_stretched_to_its_own_values():
    small, large = np.full((4, 4), 0.1), np.full((4, 4), 0.1)
    large[0, 0] = 0.9
    np.testing.assert_array_equal(shown(small)[1:], shown(large)[1:])


def test_what_lies_beyond_the_scale_has_the_last_colour():
    np.testing.assert_array_equal(shown(np.full((2, 2), 0.5)), shown(np.full((2, 2), 0.9)))
