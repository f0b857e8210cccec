import numpy as np
import pytest
import torch

from mrigen.evaluation.latent.maps import map_codes


def groups(count=40, latents=6, seed=0):
    """Two groups far apart, the slices of which alternate."""
    stream = np.random.default_rng(seed)
    codes = stream.normal(size=(count, latents))
    codes[::2, 0] += 20
    return codes


def test_principal_components_are_those_of_the_training_slices():
    codes = groups()
    codes[30:, 1] *= 1000  # test slices decide nothing
    plane, _ = map_codes(codes, 30, seed=0)
    centred = codes[:30] - codes[:30].mean(0)
    values, vectors = np.linalg.eigh(centred.T @ centred)
    expected = (codes - codes[:30].mean(0)) @ vectors[:, ::-1][:, :2]
    assert np.allclose(np.abs(plane.places), np.abs(expected), atol=1e-8)
    share = values[-1] / values.sum()
    assert plane.axes[0] == f"component 1, {100 * share:.0f} % of variance"


def test_neighbours_stay_neighbours():
    for plane in map_codes(groups(), 30, seed=0):
        first, second = plane.places[::2], plane.places[1::2]
        within = np.linalg.norm(first - first.mean(0), axis=1).max()
        assert np.linalg.norm(first.mean(0) - second.mean(0)) > within


def test_the_same_bytes_whatever_the_threads():
    codes = groups(90, 120)
    threads = torch.get_num_threads()
    places = [plane.places.tobytes() for plane in map_codes(codes, 60, seed=0)]
    torch.set_num_threads(2)
    try:
        again = [plane.places.tobytes() for plane in map_codes(codes, 60, seed=0)]
    finally:
        torch.set_num_threads(threads)
    assert again == places


@pytest.mark.parametrize(("count", "latents"), [(20, 2), (20, 300), (120, 3)])
def test_few_slices_or_latents_are_mapped(count, latents):
    for plane in map_codes(groups(count, latents), count // 2, seed=0):
        assert plane.places.shape == (count, 2)
        assert np.isfinite(plane.places).all()
