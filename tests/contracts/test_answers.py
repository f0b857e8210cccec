"""What every network promises to whoever asks it: shapes, the range, and no surprises."""

import copy

import pytest
import torch

from mrigen.errors import ModelError
from mrigen.models.interfaces import Reconstructor, Sampler
from mrigen.models.sampling import CHUNK, draw_chunk, draw_samples, reconstruct_chunk
from small_models import MODELS, SIZE, answers, build, noise, phantoms, trained

SAMPLERS = [name for name in MODELS if isinstance(build(name), Sampler)]


@pytest.fixture(params=MODELS)
def network(request):
    return trained(request.param)[0].final_network


@pytest.mark.parametrize("count", [1, 3, 7])
def test_answers_images_in_the_unit_range_for_any_number(network, count):
    assert isinstance(network, Reconstructor | Sampler)
    with torch.inference_mode():
        answered = answers(network, phantoms(count), noise(network, count))
    assert answered
    for name, images in answered.items():
        assert images.shape == (count, 1, SIZE, SIZE), name
        assert images.dtype == torch.float32, name
        assert images.min() >= 0, name
        assert images.max() <= 1, name


@pytest.mark.parametrize("shape", [(2, 3, SIZE, SIZE), (2, SIZE, SIZE)])
def test_refuses_colours_and_images_without_a_channel(network, shape):
    if not isinstance(network, Reconstructor):
        pytest.skip("it takes no images")
    with pytest.raises(ModelError, match=r"images of shape \(N, 1, .*not \(2, "):
        network.reconstruct(torch.zeros(shape))


def test_an_answer_does_not_depend_on_the_rest_of_the_batch(network):
    images, drawn = phantoms(5), noise(network, 5)
    with torch.inference_mode():
        whole = answers(network, images, drawn)
        alone = answers(network, images[2:3], drawn[2:3])
    for name, one in alone.items():
        torch.testing.assert_close(whole[name][2:3], one, msg=name)


@pytest.mark.parametrize("row", [0, 6, CHUNK - 1])
def test_an_image_of_a_chunk_has_the_bytes_it_has_alone(network, row):
    if isinstance(network, Reconstructor):
        images = phantoms(CHUNK)
        alone = reconstruct_chunk(network, images[row : row + 1])
        assert torch.equal(reconstruct_chunk(network, images)[row : row + 1], alone)
    if isinstance(network, Sampler):
        seeds = range(90, 90 + CHUNK)
        alone = draw_chunk(network, [seeds[row]], [{}])
        assert torch.equal(draw_chunk(network, seeds, [{}] * CHUNK)[row : row + 1], alone)


def test_asking_changes_nothing(network):
    before = copy.deepcopy(network.state_dict())
    with torch.inference_mode():
        first = answers(network, phantoms(4), noise(network, 4))
        again = answers(network, phantoms(4), noise(network, 4))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())


def test_bfloat16_answers_nearly_the_same(network):
    with torch.inference_mode():
        exact = answers(network, phantoms(8), noise(network, 8))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rough = answers(network, phantoms(8), noise(network, 8))
    for name, images in exact.items():
        assert torch.isfinite(rough[name]).all(), name
        if name == "sample" and hasattr(network, "code_prior"):
            continue  # one code that falls otherwise changes all that come after it
        assert (rough[name].float() - images).abs().mean() < 0.02, name


@pytest.mark.parametrize("model", SAMPLERS)
def test_a_sample_depends_on_its_seed_alone(model):
    network = trained(model)[0].final_network
    many = draw_samples(network, range(40))
    assert torch.equal(many[37:38], draw_samples(network, [37]))
    assert torch.equal(many[[37, 3]], draw_samples(network, [37, 3]))
    assert not torch.equal(many[0], many[1])
