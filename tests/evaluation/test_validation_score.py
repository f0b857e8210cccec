"""Scores on validation subjects: what they measure, and what they leave alone."""

import random

import numpy as np
import pytest
import torch
from torch import nn

import small_models
from damage import recipe
from judged_cases import Replay, open_store, pixels, write_slices
from mrigen.data.loader import VALIDATION
from mrigen.data.store.slice_store import SliceStore
from mrigen.errors import ConfigError, DataError, ModelError
from mrigen.evaluation.validation_score import ValidationScorer
from mrigen.images import from_integers
from told_people import Told, people_store


class Pixels:
    """In place of an extractor's configuration; counts what its network was shown."""

    def __init__(self):
        self.extractor = pixels()

    def build(self, device, *, root):
        return self.extractor


def scorer(folder, *, store=None, corruption=None, slices=100, seed=0, extractor=None):
    return ValidationScorer(
        store or open_store(folder),
        corruption=corruption,
        samples=24,
        slices=slices,
        extractor=extractor or Pixels(),
        device=torch.device("cpu"),
        cache=folder / "cache",
        root=folder,
        seed=seed,
    )


def validation_slices(made):
    return from_integers(made.store.read(made.store.positions(VALIDATION)))[:, None]


class Answer(nn.Module):
    """Answers images with a function of them."""

    def __init__(self, function):
        super().__init__()
        self.reconstruct = function


def test_a_generator_of_the_validation_slices_themselves_has_no_distance(tmp_path):
    made = scorer(tmp_path, store=open_store(tmp_path, slices=24))
    images = validation_slices(made)
    assert len(images) == 24
    same, darker = made(Replay(images)), made(Replay(images * 0.5))
    assert same["frechet_distance"] == pytest.approx(0, abs=1e-6 * darker["frechet_distance"])
    assert same["kernel_distance"] < 0 < darker["kernel_distance"]


def test_a_restorer_is_scored_by_its_answers_to_the_damage_it_learns(tmp_path):
    clean = scorer(tmp_path)(Answer(lambda images: images))
    assert clean == {"dssim": 0.0, "mse": 0.0}
    damage = recipe({"name": "gaussian_noise", "std": 0.1})
    damaged = scorer(tmp_path, corruption=damage)
    nothing = damaged(Answer(lambda images: images))
    assert nothing["mse"] == pytest.approx(0.1**2, rel=0.5)
    grey = damaged(Answer(lambda images: torch.full_like(images, 0.5)))
    assert grey["dssim"] > nothing["dssim"]


def test_the_first_score_that_can_be_measured_is_the_default(tmp_path):
    made = scorer(tmp_path)
    both = ("frechet_distance", "kernel_distance", "dssim", "mse")
    assert made.possible(small_models.build("vae")) == both
    assert tuple(made(small_models.build("vae").eval())) == both
    assert made.checked(small_models.build("gan4"), None) == "frechet_distance"
    assert made.checked(small_models.build("unet"), None) == "dssim"
    assert made.checked(small_models.build("unet"), "mse") == "mse"


def test_a_score_that_cannot_be_measured_is_refused(tmp_path):
    made = scorer(tmp_path)
    with pytest.raises(ConfigError, match=r"'kernel_distance' .* UNet: expected one of 'dssim'"):
        made.checked(small_models.build("unet"), "kernel_distance")
    with pytest.raises(ConfigError, match="a Linear neither makes nor answers images"):
        made.checked(nn.Linear(1, 1), None)


@pytest.mark.parametrize("model", ["vae_mixture", "vqvae_prior", "gan_labelled", "myronenko_cae"])
def test_scores_are_repeated_and_leave_network_and_randomness_alone(tmp_path, model):
    damage = recipe({"name": "gaussian_noise", "std": 0.1})
    network = small_models.build(model).eval()
    weights = {name: value.clone() for name, value in network.state_dict().items()}
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    first = scorer(tmp_path, corruption=damage)(network)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002
    assert random.getstate() == before[2]
    assert all(torch.equal(value, weights[name]) for name, value in network.state_dict().items())
    again = scorer(tmp_path, corruption=damage)
    assert again(network) == again(network) == first
    other = scorer(tmp_path, corruption=damage, seed=1)(network)
    assert all(other[name] != value for name, value in first.items())


def test_no_slice_but_those_of_validation_subjects_is_read(tmp_path, monkeypatch):
    made = scorer(tmp_path, corruption=recipe({"name": "rescale"}), slices=4)
    rows = []
    read = SliceStore.read
    monkeypatch.setattr(
        SliceStore, "read", lambda store, wanted: rows.extend(wanted) or read(store, wanted)
    )
    made(small_models.build("vae").eval())
    assert len(set(rows)) == 4
    assert set(rows) <= set(made.store.positions(VALIDATION))


def test_a_network_is_told_of_training_people_alone(tmp_path, monkeypatch):
    store = people_store(tmp_path / "people")
    asked = []
    draw = Told.sample
    monkeypatch.setattr(
        Told, "sample", lambda self, noise, told: asked.append(told) or draw(self, noise, told)
    )
    made = scorer(tmp_path, store=store)
    first = made(Told())
    ages = torch.cat([told["age"] for told in asked])
    known = set(ages[ages.isfinite()].tolist())
    splits = {split: part["age"] for split, part in store.manifest.groupby("split")}
    assert len(known) > 2
    assert known <= set(splits["train"])
    assert not known & (set(splits["validation"]) | set(splits["test"]))
    assert scorer(tmp_path, store=store)(Told()) == first


def test_features_of_real_slices_are_computed_once(tmp_path):
    first = Pixels()
    made = scorer(tmp_path, extractor=first)
    made.prepare()
    shown = first.extractor.network.seen
    assert shown
    made(small_models.build("gan4").eval())
    assert first.extractor.network.seen == shown + 24
    second = Pixels()
    scorer(tmp_path, extractor=second)(small_models.build("gan4").eval())
    assert second.extractor.network.seen == 24


def test_images_that_are_not_finite_have_no_score(tmp_path):
    made = scorer(tmp_path)
    with pytest.raises(ModelError, match="images that are not finite"):
        made(Answer(lambda images: images / 0))
    with pytest.raises(ModelError, match="images that are not finite"):
        made(Replay(torch.full((24, 1, 16, 16), torch.nan)))


def test_a_store_needs_two_validation_slices(tmp_path):
    write_slices(tmp_path / "heads", slices=1)
    with pytest.raises(DataError, match="'heads' has 1 slice in its validation split"):
        scorer(tmp_path, store=SliceStore(tmp_path / "heads"))
