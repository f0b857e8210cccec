"""What is particular to the four networks of Arnaiz."""

import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from mrigen.errors import ModelError
from mrigen.models.blocks import SameConv2d, SameConvTranspose2d
from mrigen.models.build import NetworkConfig, build_network
from mrigen.models.interfaces import Regularised

PARSE = TypeAdapter(NetworkConfig).validate_python
NAMES = ["shallow_residual_ae", "skip_cae", "residual_unet", "myronenko_cae"]


def network(name, image_size=32, **words):
    torch.manual_seed(0)
    return build_network(PARSE({"name": name, "base_channels": 4, **words}), image_size)


# The study's L2: names of the convolutions that it leaves out.
@pytest.mark.parametrize(
    ("name", "left_out"),
    [
        ("shallow_residual_ae", set()),
        ("residual_unet", set()),
        ("skip_cae", {"output.0"}),
        ("myronenko_cae", {"start", "output.0"}),
    ],
)
def test_penalises_the_kernels_that_the_study_names(name, left_out):
    model = network(name)
    assert isinstance(model, Regularised)
    expected = {
        id(layer.weight)
        for key, layer in model.named_modules()
        if isinstance(layer, SameConv2d) and key not in left_out
    }
    assert {id(kernel) for kernel in model.penalised_kernels()} == expected
    assert len(model.penalised_kernels()) == len(expected)
    never = [m.weight for m in model.modules() if isinstance(m, SameConvTranspose2d)]
    assert not expected & {id(kernel) for kernel in never}


@pytest.mark.parametrize(
    ("name", "count"),
    [("shallow_residual_ae", 10), ("residual_unet", 10), ("skip_cae", 3), ("myronenko_cae", 18)],
)
def test_penalises_as_many_kernels_as_the_study(name, count):
    assert len(network(name).penalised_kernels()) == count


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_halves_as_often_as_it_is_deep(name, depth):
    model = network(name, depth=depth).eval()
    sizes = []
    for layer in model.modules():
        if isinstance(layer, SameConv2d):
            layer.register_forward_hook(lambda _, __, answer: sizes.append(answer.shape[-1]))
    answer = model.reconstruct(torch.rand(1, 1, 32, 32))
    assert answer.shape == (1, 1, 32, 32)
    assert min(sizes) == 32 // 2**depth


@pytest.mark.parametrize("name", NAMES)
def test_takes_images_of_other_sizes_that_can_be_halved(name):
    assert network(name).eval().reconstruct(torch.rand(2, 1, 24, 40)).shape == (2, 1, 24, 40)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(1, 1, 20, 32), (1, 1, 32, 20)])
def test_refuses_images_that_cannot_be_halved(name, shape):
    with pytest.raises(ModelError, match=rf"a '{name}' with depth 3 .* a multiple of 8\."):
        network(name).reconstruct(torch.rand(shape))


@pytest.mark.parametrize("name", NAMES)
def test_refuses_to_be_built_for_images_that_cannot_be_halved(name):
    with pytest.raises(ModelError, match="cannot take images of 36 x 36 pixels"):
        network(name, image_size=36)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("base", [0, 3, 258])
def test_refuses_widths_that_cannot_be_halved(name, base):
    with pytest.raises(ValidationError, match="base_channels"):
        network(name, base_channels=base)


@pytest.mark.parametrize("name", ["residual_unet", "skip_cae"])
def test_hands_every_level_across(name):
    model = network(name).eval()
    images = torch.rand(1, 1, 32, 32)
    whole = model(images)
    for level in list(model.encoder)[:-1]:
        # Silenced on its way down only, a level is still seen on the other side.
        following = list(model.encoder)[list(model.encoder).index(level) + 1]
        hook = following.register_forward_pre_hook(lambda _, given: (given[0] * 0,))
        silenced = model(images)
        assert not torch.allclose(silenced, whole)
        assert not torch.allclose(silenced, model(images * 0), atol=1e-6)
        hook.remove()


def test_myronenkos_dropout_takes_whole_maps_and_only_in_training():
    model = network("myronenko_cae", dropout=0.5)
    features = torch.ones(8, 4, 5, 5)
    dropped = model.train().dropout(features)
    assert set(dropped.flatten(2).std(dim=2).unique().tolist()) == {0.0}
    assert set(dropped.unique().tolist()) == {0.0, 2.0}
    assert torch.equal(model.eval().dropout(features), features)


@pytest.mark.parametrize("name", NAMES)
def test_a_memory_format_does_not_change_the_answer(name):
    model = network(name).eval()
    images = torch.rand(2, 1, 32, 32)
    answer = model(images)
    model.to(memory_format=torch.channels_last)
    torch.testing.assert_close(model(images.to(memory_format=torch.channels_last)), answer)
