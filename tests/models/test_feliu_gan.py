"""What the adversarial pair promises beyond its published sizes."""

import copy
from typing import Any

import pytest
import torch
from pydantic import TypeAdapter
from torch.nn.modules.batchnorm import _BatchNorm

from mrigen.bundle import BundleConfig, load_bundle, save_bundle
from mrigen.data.loader import Batch
from mrigen.errors import ModelError
from mrigen.models.build import NetworkConfig, build_network
from mrigen.models.feliu_gan import FeliuGAN
from mrigen.models.sampling import draw_samples
from mrigen.objectives.adversarial import Adversarial, AdversarialConfig
from mrigen.training.config import TrainingConfig
from mrigen.training.loop import fit, start_state
from mrigen.training.runtime import choose_runtime

SIZE = 32
SMALL = {"name": "feliu_gan", "latent_size": 4, "base_channels": 4, "discriminator_channels": 4}


def pair(**changes: Any) -> FeliuGAN:
    torch.manual_seed(0)
    return build_network(TypeAdapter(NetworkConfig).validate_python(SMALL | changes), SIZE)


def norms(network: FeliuGAN) -> list[float]:
    """Return the largest singular value of each layer of the discriminator."""
    layers = [m for m in network.discriminator.modules() if hasattr(m, "parametrizations")]
    return [torch.linalg.matrix_norm(m.weight.flatten(1), 2).item() for m in layers]


def train(network: FeliuGAN, steps: int, **config: Any):
    objective = Adversarial(network, AdversarialConfig(name="adversarial", **config))
    training = TrainingConfig(batch_size=8, learning_rate=1e-2, ema_decay=0.8)
    runtime = choose_runtime(device="cpu")
    state = start_state(objective, training, runtime)
    images = torch.rand(8, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(1))
    batch = Batch(images, images, images > 2, torch.arange(8))
    loop = fit(state, iter([batch] * steps), training, steps_per_epoch=steps, runtime=runtime)
    for _ in range(steps):
        next(loop)
    return state


def test_only_batch_normalisation_normalises_batches():
    for kind, expected in (("batch", 2), ("spectral", 0), ("none", 0)):
        layers = pair(normalisation=kind).discriminator.modules()
        assert sum(isinstance(layer, _BatchNorm) for layer in layers) == expected
    assert norms(pair(normalisation="none")) == []


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_spectral_layers_stretch_nothing(precision):
    network = pair(normalisation="spectral", label_size=3)
    for original in network.discriminator.parameters():
        original.data = torch.randn_like(original)
    images, label = torch.rand(4, 1, SIZE, SIZE), torch.rand(4, 3)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16"):
        for _ in range(60):
            network.discriminator(images, label)
    network.eval()
    assert norms(network) == pytest.approx([1] * 5, abs=0.03)


def test_spectral_layers_train_and_average_and_come_back(tmp_path):
    state = train(pair(normalisation="spectral"), 12, loss="hinge", r1_weight=0.1)
    assert norms(state.network.eval()) == pytest.approx([1] * 4, abs=0.15)
    network = copy.deepcopy(state.network)
    images = torch.rand(2, 1, SIZE, SIZE)
    torch.testing.assert_close(network.discriminator(images), state.network.discriminator(images))
    parsed = BundleConfig(
        model="gan", image_size=SIZE, network=SMALL | {"normalisation": "spectral"}
    )
    save_bundle(tmp_path / "bundle", network, config=parsed, card={})
    again = load_bundle(tmp_path / "bundle").model
    assert torch.equal(again.discriminator(images), network.discriminator(images))


@pytest.mark.parametrize("depth", [4, 7, 15])
def test_a_bundle_holds_the_averaged_generator(depth, tmp_path):
    state = train(pair(depth=depth), 6)
    config = BundleConfig(model="gan", image_size=SIZE, network=SMALL | {"depth": depth})
    save_bundle(tmp_path / "bundle", state.final_network, config=config, card={})
    drawn = draw_samples(load_bundle(tmp_path / "bundle").model, range(18))
    assert torch.equal(drawn, draw_samples(state.final_network, range(18)))
    assert not torch.allclose(drawn, draw_samples(state.network.eval(), range(18)))
    # A pure function of the noise, whatever is drawn beside it.
    assert torch.equal(drawn[17:], draw_samples(state.final_network, [17]))
    noise = torch.randn(5, 4)
    with torch.no_grad():
        together = state.final_network.sample(noise)
        alone = torch.cat([state.final_network.sample(one[None]) for one in noise])
    torch.testing.assert_close(together, alone)


def test_images_are_float32_under_autocast():
    with torch.autocast("cpu", dtype=torch.bfloat16):
        images = pair().sample(torch.randn(2, 4))
        logits = pair().discriminator(images)
    assert images.dtype == logits.dtype == torch.float32


def test_a_sample_without_label_is_that_of_an_image_as_it_is():
    network, noise = pair(label_size=3).eval(), torch.randn(2, 4)
    plain = network.sample(noise)
    assert network.noise_shape == (4,)
    assert torch.equal(plain, network.sample(noise, {"augmentation": torch.zeros(2, 3)}))
    assert not torch.allclose(plain, network.sample(noise, {"augmentation": torch.ones(2, 3)}))


@pytest.mark.parametrize("normalisation", ["batch", "spectral", "none"])
def test_a_label_is_judged_by_projection(normalisation):
    judge = pair(label_size=3, normalisation=normalisation).discriminator.eval()
    images, label = torch.rand(2, 1, SIZE, SIZE), torch.rand(2, 3)
    plain, told, twice = (judge(images, share * label) for share in (0, 1, 2))
    assert not torch.allclose(plain, told)
    torch.testing.assert_close(twice - plain, 2 * (told - plain), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(plain, judge(images))
    # Each image is judged by its own label.
    mixed = judge(images, torch.stack([label[0], 0 * label[1]]))
    torch.testing.assert_close(mixed, torch.stack([told[0], plain[1]]))


@pytest.mark.parametrize("size", [0, 2])
def test_refuses_a_label_of_another_length(size):
    network, label = pair(label_size=size), torch.ones(2, 3)
    with pytest.raises(ModelError, match=rf"shape \(2, 3\): expected \(2, {size}\)"):
        network.sample(torch.randn(2, 4), {"augmentation": label})
    with pytest.raises(ModelError, match="'label_size'"):
        network.discriminator(torch.rand(2, 1, SIZE, SIZE), label)
