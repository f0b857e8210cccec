from io import BytesIO

import numpy as np
import torch
from PIL import Image

from mrigen.evaluation.copying.pictures import Pair, distances_figure, pairs_figure


def pair(*, mirrored=False, copied=False):
    ramp = torch.linspace(0, 1, 16).expand(1, 16, 16)
    return Pair(ramp, ramp, ramp, copied, "pixels", mirrored, 0.4, 3, 90, 0.1, 0.2)


def pixels(png):
    return np.asarray(Image.open(BytesIO(png)).convert("RGB")).astype(int)


def test_a_mirrored_training_slice_is_shown_mirrored():
    def brighter_right(image, row):
        third = len(image) // 3
        tile = image[row * third + 20 : (row + 1) * third - 45, 50:-20]
        half = tile.shape[1] // 2
        return tile[:, half:].mean() > tile[:, :half].mean()

    for mirrored in (False, True):
        image = pixels(pairs_figure([pair(mirrored=mirrored)]))
        assert [brighter_right(image, row) for row in range(3)] == [True, not mirrored, True]


def test_a_copy_is_marked_in_colour():
    def coloured(image):
        return (np.ptp(image, axis=2) > 60).any()

    assert coloured(pixels(pairs_figure([pair(copied=True)])))
    assert not coloured(pixels(pairs_figure([pair()])))


def test_distances_are_drawn_for_each_space():
    values = np.random.default_rng(0).uniform(size=(2, 30))
    limits = np.array([0.1, 0.2])
    first = distances_figure(["Features", "Pixels"], values, values[:, :9], limits)
    assert first == distances_figure(["Features", "Pixels"], values, values[:, :9], limits)
    one = distances_figure(["Pixels"], values[1:], values[1:, :9], limits[1:])
    assert pixels(first).shape[1] > 1.8 * pixels(one).shape[1]
