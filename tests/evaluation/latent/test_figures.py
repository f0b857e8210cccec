from io import BytesIO

import numpy as np
from matplotlib.image import imread

from mrigen.evaluation.latent.figures import Colouring, map_figure
from mrigen.evaluation.latent.maps import Plane

PLANE = Plane("a method", np.random.default_rng(0).normal(size=(30, 2)), ("x", "y"))
TESTED = np.arange(30) >= 20


def pixels(png):
    return (imread(BytesIO(png))[..., :3] * 255).round().astype(int)


def greys(numbers, names=()):
    picture = pixels(map_figure([PLANE], [Colouring("age", numbers, names)], TESTED))
    return (picture == 0xB0).all(-1).sum()


def test_what_is_not_known_is_grey():
    ages = np.linspace(20, 80, 30)
    assert greys(np.where(np.arange(30) % 2, ages, np.nan)) > greys(ages) + 50
    sexes = np.arange(30.0) % 2
    names = ("female", "male")
    assert greys(np.where(ages > 50, sexes, np.nan), names) > greys(sexes, names) + 50


def test_a_map_has_a_panel_for_each_method_and_colouring():
    ages, kinds = np.linspace(20, 80, 30), np.arange(30.0) % 6
    named = Colouring("kind", kinds, tuple("abcdef"))
    one = pixels(map_figure([PLANE], [named], TESTED)).shape
    four = pixels(map_figure([PLANE, PLANE], [named, Colouring("age", ages)], TESTED)).shape
    assert four == (2 * one[0], 2 * one[1], 3)
