import pytest
import torch

from mrigen.evaluation.generation.figures import (
    appearance_figure,
    ladder_figure,
    position_figure,
)
from mrigen.evaluation.generation.sets import Three
from mrigen.metrics.intervals import Interval

PNG = b"\x89PNG"


def test_black_slices_without_detail_are_drawn():
    powers, shares = torch.ones(2, 8).double(), torch.eye(16).double()[:1]
    three = [Three(*(values.clone() for _ in range(3))) for values in (powers, shares)]
    first = appearance_figure(*three)
    assert first.startswith(PNG)
    assert first == appearance_figure(*three)


@pytest.mark.parametrize("bins", [1, 3])
def test_bins_without_a_distance_are_left_out(bins):
    png = position_figure(
        [(float(place), place + 1.0) for place in range(bins)],
        shares={"generated": [1 / bins] * bins, "real, test": [0.5] * bins},
        distances={"generated": [None] * bins, "real, training": [Interval(0.1, 0.0, 0.2)] * bins},
    )
    assert png.startswith(PNG)


def test_ladders_of_one_and_of_several_kinds_are_drawn():
    blur, noise = ("px", [(0.0, 1.0), (1.0, 4.0)]), ("std", [(0.0, 1.0), (0.1, 9.0)])
    one = ladder_figure({"blur": blur}, 30.0)
    assert one.startswith(PNG)
    assert one != ladder_figure({"blur": blur}, 3.0)
    assert ladder_figure({"blur": blur, "noise": noise}, 3.0).startswith(PNG)
