import numpy as np
import pytest
import torch

from mrigen.evaluation.anomaly.methods import score_methods
from mrigen.evaluation.anomaly.slices import KnownSlices


@pytest.mark.parametrize("sign", [1, -1])
def test_brightness_alone_is_given_the_direction_that_finds_more(sign):
    lesions = torch.zeros(3, 1, 16, 16, dtype=torch.bool)
    lesions[..., 6:9, 6:9] = True
    images = 0.5 + 0.3 * sign * lesions
    known = KnownSlices(images, lesions, torch.ones_like(lesions), np.array([*"abc"], object))
    maps = {"brightness": images, "residual": images}
    found = score_methods(maps, known, seed=0)
    assert found["brightness"].pixels.auroc.value == 1
    assert found["residual"].pixels.auroc.value == (1 if sign > 0 else 0)
