"""Restoration: TensorFlow's SSIM as a loss, mixtures, the patch's weight, Keras' penalty."""

import numpy as np
import pytest
import torch
from torch import nn

import small_models
from mrigen.config import parse_config
from mrigen.data.loader import Batch
from mrigen.errors import ConfigError, DataError, ModelError
from mrigen.metrics.similarity import ssim, structural_similarity
from mrigen.objectives.build import build_objective
from mrigen.objectives.reconstruction import ReconstructionConfig

# From TensorFlow 2.21 on a CPU, for `pair(seed, height, width)` below: `tf.image.ssim(x, y,
# max_val=1.0)`, and of the gradient of (1 - it) / 2 with respect to x the norm and the value at
# the middle pixel (height // 2, width // 2).
TENSORFLOW = {
    (1, 16, 16): (0.9705682396888733, 0.04253470152616501, -0.003254430368542671),
    (2, 11, 11): (0.9725854396820068, 0.05868873372673988, 0.003043780103325844),
    (3, 32, 24): (0.9651100039482117, 0.021102624014019966, 0.0007708006305620074),
    (4, 128, 128): (0.964590311050415, 0.0032868727575987577, -3.114972059847787e-05),
}
# The same of flat images of 16 x 16 pixels, where TensorFlow's float32 loses digits (the first is
# 0.60006 by hand), and of independent noise of 20 x 33 (seed 5).
FLAT = {
    (0.25, 0.75): 0.6000044941902161,
    (0.0, 0.0): 1.0,
    (0.0, 1.0): 0.00010000321344705299,
    (0.5, 0.5): 1.0,
}
NOISE = 0.010451098904013634


class Brighten(nn.Module):
    """Multiplies by one weight, so that every value can be told by hand."""

    def __init__(self, factor: float = 1.0) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))
        self.kernel = nn.Parameter(torch.tensor([[3.0, -4.0]]))

    def forward(self, images):
        return images * self.factor

    def reconstruct(self, images):
        return self(images)


class Shrunk(Brighten):
    def penalised_kernels(self):
        return [self.kernel]


def pair(seed, height, width):
    noise = np.random.default_rng(seed)
    first = noise.random((height, width), dtype=np.float32)
    second = first + np.float32(0.2) * noise.random((height, width), dtype=np.float32)
    return first, np.clip(second, 0, 1)


def tensors(*arrays):
    return [torch.from_numpy(array)[None, None] for array in arrays]


def batch(size=16):
    generator = torch.Generator().manual_seed(1)
    target = torch.rand(4, 1, size, size, generator=generator)
    damaged = (target + 0.2 * torch.rand(target.shape, generator=generator)).clamp(0, 1)
    patch = torch.zeros_like(target, dtype=torch.bool)
    patch[:, :, 4:8, 4:8] = True
    return Batch(damaged, target, patch, torch.arange(4))


def losses(network=None, size=16, **config):
    values = {"name": "reconstruction", **config}
    bound = build_objective(ReconstructionConfig.model_validate(values), network or Brighten())
    return bound.loss("network", batch(size))


@pytest.mark.parametrize("drawn", TENSORFLOW, ids=str)
def test_similarity_and_its_gradient_are_tensorflows(drawn):
    value, norm, middle = TENSORFLOW[drawn]
    x, y = tensors(*pair(*drawn))
    x.requires_grad_()
    similarity = structural_similarity(x, y).mean()
    assert similarity.dtype == torch.float32
    assert similarity.item() == pytest.approx(value, abs=2e-6)
    ((1 - similarity) / 2).backward()
    assert float(x.grad.norm()) == pytest.approx(norm, rel=1e-4)
    _, height, width = drawn
    assert float(x.grad[0, 0, height // 2, width // 2]) == pytest.approx(middle, abs=1e-3 * norm)


def test_similarity_of_flat_and_of_unrelated_images_is_tensorflows():
    for (first, second), value in FLAT.items():
        x, y = torch.full((1, 1, 16, 16), first), torch.full((1, 1, 16, 16), second)
        similarity = float(structural_similarity(x, y).mean())
        assert similarity == pytest.approx(value, abs=1e-4)
        assert similarity == pytest.approx(float(ssim(x, y)), abs=1e-6)
    noise = np.random.default_rng(5)
    x, y = tensors(*(noise.random((20, 33), dtype=np.float32) for _ in range(2)))
    assert float(structural_similarity(x, y).mean()) == pytest.approx(NOISE, abs=1e-6)


def test_float32_keeps_the_digits_of_bright_images_that_differ_little():
    halves = (torch.arange(64) > 31).float().expand(4, 1, 64, 64) * 0.9
    noise = 0.003 * torch.rand(halves.shape, generator=torch.Generator().manual_seed(1))
    found = structural_similarity(halves, halves + noise).mean(dim=(1, 2, 3))
    torch.testing.assert_close(found.double(), ssim(halves, halves + noise), atol=2e-5, rtol=0)


def test_similarity_has_the_gradient_of_finite_differences():
    x, y = (image.double().requires_grad_() for image in tensors(*pair(6, 13, 12)))
    assert torch.autograd.gradcheck(structural_similarity, (x, y))


def test_flat_and_equal_images_have_a_finite_gradient():
    x = torch.full((2, 1, 16, 16), 0.5, requires_grad=True)
    structural_similarity(x, torch.full_like(x, 0.5)).mean().backward()
    assert bool(torch.isfinite(x.grad).all())


def test_plain_error_is_the_default():
    terms = losses()
    expected = nn.functional.mse_loss(batch().input, batch().target)
    assert terms.keys() == {"loss", "mse"}
    assert terms["loss"].item() == float(expected) == float(terms["mse"])


@pytest.mark.parametrize("size", [11, 16, 32])
def test_dssim_agrees_with_the_metric(size):
    terms = losses(size=size, terms={"dssim": 1})
    expected = (1 - ssim(batch(size).input, batch(size).target).mean()) / 2
    assert float(terms["dssim"]) == pytest.approx(float(expected), abs=1e-6)
    assert terms["loss"].item() == float(terms["dssim"])


def test_dssim_is_computed_in_float32_under_autocast():
    bound = build_objective(
        ReconstructionConfig(name="reconstruction", terms={"dssim": 1}), Brighten(0.9)
    )
    plain = bound.loss("network", batch())["loss"]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = bound.loss("network", batch())["loss"]
    assert mixed.dtype == torch.float32
    torch.testing.assert_close(mixed, plain, rtol=1e-6, atol=0)


def test_a_mixture_is_the_weighted_sum_of_its_parts():
    terms = losses(terms={"mse": 2, "l1": 0.5, "dssim": 3})
    assert terms.keys() == {"loss", "mse", "l1", "dssim"}
    difference = batch().input - batch().target
    assert float(terms["l1"]) == pytest.approx(float(difference.abs().mean()))
    parts = 2 * terms["mse"] + 0.5 * terms["l1"] + 3 * terms["dssim"]
    assert terms["loss"].item() == pytest.approx(float(parts))


def test_mse_is_told_where_it_is_not_learnt():
    terms = losses(terms={"l1": 1})
    assert terms["loss"].item() == float(terms["l1"])
    assert float(terms["mse"]) == pytest.approx(
        float((batch().input - batch().target).square().mean())
    )


def test_patch_weight_counts_the_rectangle_more_often_and_leaves_dssim():
    difference = batch().input - batch().target
    inside = difference[batch().patch]
    repeated = torch.cat([difference.flatten(), inside, inside])
    terms = losses(terms={"mse": 1}, patch_weight=3)
    torch.testing.assert_close(terms["loss"], repeated.square().mean())
    torch.testing.assert_close(terms["mse"], difference.square().mean())
    absolute = losses(terms={"l1": 1}, patch_weight=3)
    torch.testing.assert_close(absolute["loss"], repeated.abs().mean())
    both = losses(terms={"l1": 1, "dssim": 1}, patch_weight=3)
    plain = losses(terms={"dssim": 1})
    torch.testing.assert_close(both["loss"] - absolute["loss"], plain["loss"])


def test_l2_is_keras_sum_of_squares_of_the_named_kernels():
    network = Shrunk()
    terms = losses(network, l2_weight=0.01)
    assert float(terms["l2"]) == pytest.approx(0.01 * (9 + 16))
    torch.testing.assert_close(terms["loss"], terms["mse"] + terms["l2"])
    with torch.no_grad():  # as in validation
        torch.testing.assert_close(losses(network, l2_weight=0.01)["loss"], terms["loss"].detach())
    terms["loss"].backward()
    torch.testing.assert_close(network.kernel.grad, torch.tensor([[0.06, -0.08]]))


def test_without_a_weight_no_kernel_is_named():
    network = Shrunk()
    assert "l2" not in losses(network)
    losses(network)["loss"].backward()
    assert network.kernel.grad is None


def test_a_network_that_names_no_kernels_cannot_be_penalised():
    with pytest.raises(ModelError, match="'Brighten' names no kernels to penalise"):
        losses(l2_weight=1e-5)


def test_dssim_needs_images_of_a_window():
    with pytest.raises(DataError, match="10 x 10 pixels have no SSIM"):
        losses(size=10, terms={"dssim": 1})


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"terms": {}}, "'terms' has too few entries"),
        ({"terms": {"ssim": 1}}, "expected weights, above 0, of some of 'mse', 'l1', 'dssim'"),
        ({"terms": {"mse": True}}, "expected weights, above 0"),
        ({"terms": {"mse": 0}}, "'terms.mse' is 0: expected greater than 0"),
        ({"terms": ["mse"]}, "expected a block of keys"),
        ({"terms": {"dssim": 1}, "patch_weight": 2}, "no single pixels to count"),
        ({"l2_weight": -1}, "'l2_weight' is -1"),
    ],
)
def test_refuses_what_is_no_mixture(config, words):
    with pytest.raises(ConfigError, match=words):
        parse_config(ReconstructionConfig, {"name": "reconstruction", **config}, source="params")


@pytest.mark.parametrize("model", ["vae", "vqvae", "vqvae_prior", "gan7"])
def test_networks_with_losses_of_their_own_are_refused(model):
    config = ReconstructionConfig(name="reconstruction")
    with pytest.raises(ModelError, match="'reconstruction' needs a network that maps image to"):
        build_objective(config, small_models.build(model))


@pytest.mark.parametrize("model", ["unet", "shallow", "skip_cae", "residual_unet", "myronenko_cae"])
def test_every_restorer_learns_from_any_mixture(model):
    config = ReconstructionConfig(name="reconstruction", terms={"l1": 1, "dssim": 1})
    network = small_models.build(model)
    build_objective(config, network).loss("network", batch())["loss"].backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
