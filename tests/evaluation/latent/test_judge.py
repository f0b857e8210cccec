import math

import numpy as np
import pytest
import torch

from mrigen.evaluation.catalogue.listing import find_metric
from mrigen.evaluation.latent.covariates import colourings
from mrigen.evaluation.latent.judge import _between_seeds, judge_latent
from planted_people import case_of, planted_store
from small_models import build

SMALL = {"images": 3, "paths": 2, "traversals": 2, "map_slices": 20}
READ = {"position/latent_r2", "age/latent_r2", "sex/latent_balanced_accuracy"}
VAE_PICTURES = {"latent_interpolation", "latent_interpolation_real", "latent_traversals"}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return planted_store(tmp_path_factory.mktemp("slices") / "heads")


def judge(store, model, folder, **settings):
    latent = SMALL | settings
    return judge_latent(case_of(store, build(model).eval(), folder, latent=latent, slices=60))


def test_a_vae_is_read_mapped_and_drawn(store, tmp_path):
    judged = judge(store, "vae", tmp_path)
    assert set(judged.metrics) > READ | {"rate_bits", "active_units", "calibrated_elbo_nats"}
    assert set(judged.pictures) == VAE_PICTURES | {"latent_maps"}
    assert all(math.isfinite(value) for value in judged.metrics.values())
    assert all(find_metric(key) for key in judged.metrics)
    lines = {row["covariate"]: row for row in judged.tables["latent_readout"].rows}
    assert lines["sex"]["value"] == judged.metrics["sex/latent_balanced_accuracy"]
    assert lines["age"]["low"] <= lines["age"]["value"] <= lines["age"]["high"]
    assert (lines["age"]["training_subjects"], lines["age"]["test_subjects"]) == (12, 12)
    # Even an untrained encoder carries stripes on to its latents.
    assert judged.metrics["sex/latent_balanced_accuracy"] > 0.7


@pytest.mark.parametrize(
    ("model", "pictures"),
    [
        ("vqvae", {"latent_maps"}),
        ("vqvae_prior", {"latent_maps", "latent_interpolation"}),
        ("gan4", {"latent_interpolation"}),
        ("unet", set()),
    ],
)
def test_other_networks_have_what_they_can(store, tmp_path, model, pictures):
    judged = judge(store, model, tmp_path)
    assert set(judged.pictures) == pictures
    assert set(judged.metrics) == (READ if "latent_maps" in pictures else set())


@pytest.mark.parametrize("model", ["gan4", "vae", "vae_mixture", "vqvae_prior"])
def test_an_interpolation_begins_with_the_image_of_its_seed(store, tmp_path, monkeypatch, model):
    drawn = []
    monkeypatch.setattr(
        "mrigen.evaluation.latent.judge.rows_figure",
        lambda lines, *_: drawn.append(lines) or b"",
    )
    case = case_of(store, build(model).eval(), tmp_path, latent=SMALL)
    _between_seeds(case, case.sampler, case.config.latent)
    (lines,) = drawn
    seeds = case.generated(4)
    for line, (first, last) in zip(lines, ((0, 1), (2, 3)), strict=True):
        assert torch.allclose(line[0], seeds[first], atol=0.51 / 255)
        assert torch.allclose(line[-1], seeds[last], atol=0.51 / 255)


def test_the_same_twice(store, tmp_path):
    assert judge(store, "vae", tmp_path) == judge(store, "vae", tmp_path)


def test_what_is_not_known_is_left_out_with_a_sentence(tmp_path):
    unknown = planted_store(tmp_path / "heads", sex=None, age=None)
    judged = judge(unknown, "vqvae", tmp_path)
    assert set(judged.metrics) == {"position/latent_r2"}
    assert any("'age' can be read" in remark for remark in judged.remarks)
    assert any("'sex' can be read" in remark for remark in judged.remarks)


def test_too_few_slices_make_no_map(tmp_path):
    few = planted_store(tmp_path / "heads", subjects=4, slices=2)
    judged = judge(few, "vqvae", tmp_path)
    assert not judged.pictures
    assert any("were not mapped" in remark for remark in judged.remarks)


def test_maps_are_coloured_by_what_differs(store):
    rows = np.arange(len(store))
    manifest = store.manifest.copy()
    titles = [each.title for each in colourings(manifest, rows)]
    assert titles == ["position, mm", "age, years", "sex"]
    manifest["modality"] = np.where(rows % 2, "T1w", "T2w")
    manifest.loc[0, "age"] = np.nan
    manifest["sex"] = "f"
    found = colourings(manifest, rows)
    assert [each.title for each in found] == ["position, mm", "age, years", "modality"]
    assert found[2].names == ("T1w", "T2w")
    assert np.isnan(found[1].numbers).sum() == 1


def test_collapsed_latents_make_no_map(store, tmp_path):
    network = build("vae").eval()
    with torch.no_grad():
        network.encoder.mean.weight.zero_()
    judged = judge_latent(case_of(store, network, tmp_path, latent=SMALL, slices=60))
    assert set(judged.pictures) == VAE_PICTURES
    assert any("0 of them differ" in remark for remark in judged.remarks)
    assert all(math.isfinite(value) for value in judged.metrics.values())


def test_nothing_is_judged_where_it_is_not_asked_for(store, tmp_path):
    judged = judge_latent(case_of(store, build("vae"), tmp_path, latent=None))
    assert not judged.metrics
    assert not judged.pictures


def test_a_single_test_slice_has_no_way_to_another(store, tmp_path):
    network = build("vae").eval()
    judged = judge_latent(case_of(store, network, tmp_path, latent=SMALL, slices=1))
    assert "latent_interpolation_real" not in judged.pictures
    assert "There is no way between test slices: there is only one." in judged.remarks
    assert all(math.isfinite(value) for value in judged.metrics.values())
