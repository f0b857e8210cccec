"""What is written of every model comes back as it was."""

import pytest
import torch

from mrigen.bundle import BundleConfig, load_bundle, save_bundle
from mrigen.training.checkpoint import load_state, save_state
from small_models import MODELS, SIZE, answers, noise, phantoms, settings, start, trained


@pytest.mark.parametrize("model", MODELS)
def test_a_bundle_answers_as_the_network_it_was_made_of(model, tmp_path):
    network = trained(model)[0].final_network
    values = {"model": model, "image_size": SIZE, "network": MODELS[model][0]}
    digest = save_bundle(
        tmp_path / "bundle", network, config=BundleConfig.model_validate(values), card={}
    )
    bundle = load_bundle(tmp_path / "bundle")
    assert bundle.digest == digest
    with torch.inference_mode():
        before = answers(network, phantoms(4), noise(network, 4))
        after = answers(bundle.model, phantoms(4), noise(network, 4))
    for name, value in network.state_dict().items():
        assert torch.equal(value, bundle.model.state_dict()[name]), name
    # Memory lies in another order in training, and sums of it round otherwise.
    torch.testing.assert_close(after, before)


@pytest.mark.parametrize("model", MODELS)
def test_a_checkpoint_brings_everything_back(model, tmp_path):
    state = trained(model)[0]
    save_state(state, tmp_path / "state.safetensors", {})
    other = start(model, settings(model, seed=5))
    load_state(other, tmp_path / "state.safetensors")
    assert other.step == state.step
    for before, after in (
        (state.network, other.network),
        (state.final_network, other.final_network),
    ):
        for name, value in before.state_dict().items():
            assert torch.equal(value, after.state_dict()[name]), name
    for phase, restored in zip(state.objective.phases, other.objective.phases, strict=True):
        if phase.extra is not None:
            for name, value in phase.extra.state_dict().items():
                assert torch.equal(value, restored.extra.state_dict()[name]), name
