import numpy as np
import pytest
import torch
from torch import nn

from damage import NAMES
from judged_cases import case, open_store
from mrigen.evaluation.restoration.suite import KINDS, SUITE, damaged_in_every_way, score_suite
from mrigen.metrics.similarity import MAX_PSNR_DB, psnr


class Copy(nn.Module):
    """Answers with what it is shown."""

    def reconstruct(self, images):
        return images


class Half(nn.Module):
    """Takes away half of the light."""

    def reconstruct(self, images):
        return images / 2


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return open_store(tmp_path_factory.mktemp("suite"))


@pytest.fixture
def judged(tmp_path, store):
    return lambda network, **settings: case(tmp_path, network, store=store, **settings)


def test_every_kind_of_damage_but_rescaling_is_in_the_suite():
    assert list(KINDS) == [name for name in NAMES if name != "rescale"]
    assert all(step.probability == 1 for step in SUITE)


def test_every_kind_harms_every_slice_and_more_with_strength(judged):
    made = judged(Copy())
    scores = score_suite(made, made.rows("test"), [0.25, 0.5, 1.0])
    assert set(scores) == {(kind, strength) for kind in KINDS for strength in (0.25, 0.5, 1.0)}
    for kind in KINDS:
        mild, medium, full = (scores[kind, s]["slice_psnr_db"].mean() for s in (0.25, 0.5, 1.0))
        assert MAX_PSNR_DB > mild > medium > full, kind
        assert scores[kind, 1.0]["slice_psnr_db"].max() < 60, kind


def test_only_painted_damage_has_a_patch(judged):
    made = judged(Copy())
    scores = score_suite(made, made.rows("test", 3), [1.0])
    patched = {kind for kind in KINDS if not np.isnan(scores[kind, 1.0]["patch_mse"]).any()}
    assert patched == {"line_patch", "blank_squares"}
    for kind in set(KINDS) - patched:
        assert np.isnan(scores[kind, 1.0]["patch_mse"]).all()


def test_all_models_meet_the_same_damage_whatever_the_other_slices(judged):
    first, second = judged(Copy()), judged(Half())
    rows = first.rows("test")
    one, other = score_suite(first, rows, [1.0]), score_suite(second, rows[3:5], [0.5, 1.0])
    for kind in KINDS:
        met = one[kind, 1.0]["input_slice_mse"]
        np.testing.assert_array_equal(met[3:5], other[kind, 1.0]["input_slice_mse"])
        np.testing.assert_array_equal(met, one[kind, 1.0]["slice_mse"])
        assert (other[kind, 1.0]["slice_mse"] != other[kind, 1.0]["input_slice_mse"]).all()


def test_another_seed_draws_other_damage(judged):
    rows = judged(Copy()).rows("test", 4)
    first, second = (score_suite(judged(Copy(), seed=seed), rows, [1.0]) for seed in (0, 1))
    for kind in ("line_patch", "motion", "gaussian_noise", "bias_field"):
        assert (first[kind, 1.0]["slice_mse"] != second[kind, 1.0]["slice_mse"]).all()


def test_the_slice_of_the_picture_has_the_damage_of_the_table(judged):
    made = judged(Copy())
    row = int(made.rows("test")[2])
    scores = score_suite(made, np.array([row]), [1.0])
    clean = made.images(np.array([row]))
    for kind, damaged in zip(KINDS, damaged_in_every_way(made, row), strict=True):
        assert float(psnr(damaged.images, clean)) == scores[kind, 1.0]["slice_psnr_db"][0]
        assert not torch.equal(damaged.images, clean)
