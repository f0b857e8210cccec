import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from mrigen.evaluation.anomaly.scores import score_maps, slice_scores
from mrigen.evaluation.anomaly.slices import KnownSlices


def known():
    """Six slices of three subjects, lesions in the first three."""
    heads = torch.zeros(6, 1, 20, 20, dtype=torch.bool)
    heads[..., 4:16, 4:16] = True
    lesions = torch.zeros_like(heads)
    lesions[:3, :, 6:9, 6:9] = True
    return KnownSlices(torch.zeros(6, 1, 20, 20), lesions, heads, np.array([*"abcabc"], object))


def noisy(contrast=1.0):
    noise = torch.rand(6, 1, 20, 20, generator=torch.Generator().manual_seed(0))
    return noise + contrast * known().lesions


def test_pixels_are_those_of_heads_with_lesions():
    case, maps = known(), noisy()
    found = score_maps(maps, case, seed=0)
    heads = case.heads[:3]
    expected = roc_auc_score(case.lesions[:3][heads], maps[:3][heads])
    assert found.pixels.auroc.value == pytest.approx(expected)
    assert found.pixels.share == pytest.approx(9 / 144)


def test_neither_air_nor_slices_without_lesions_change_the_numbers_of_pixels():
    case, maps = known(), noisy()
    other = torch.where(case.heads, maps, 100.0)
    other[3:] = 7.0
    assert score_maps(other, case, seed=0).pixels == score_maps(maps, case, seed=0).pixels


def test_slices_are_told_apart_by_their_most_unusual_pixels():
    assert score_maps(noisy(), known(), seed=0).slices.value == 1
    assert score_maps(noisy(0.0), known(), seed=0).slices.value < 1


def test_the_score_of_a_slice_is_the_mean_of_its_highest_pixels_in_the_head():
    maps, heads = noisy(), known().heads
    # 1 % of 400 pixels.
    highest = [np.sort(m[h].numpy())[-4:].mean() for m, h in zip(maps, heads, strict=True)]
    assert slice_scores(maps, heads).tolist() == pytest.approx(highest)


def test_a_head_of_fewer_pixels_counts_as_a_whole():
    heads = torch.zeros(1, 1, 20, 20, dtype=torch.bool)
    heads[0, 0, 3, 3:5] = True
    assert slice_scores(torch.full((1, 1, 20, 20), 0.3), heads).item() == pytest.approx(0.3)


def test_slices_without_any_lesion_have_no_scores():
    case = known()
    assert (
        score_maps(noisy(), case._replace(lesions=torch.zeros_like(case.lesions)), seed=0) is None
    )
