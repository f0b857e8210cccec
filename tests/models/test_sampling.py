import threading

import pytest
import torch

from mrigen.errors import ModelError
from mrigen.models.sampling import (
    CHUNK,
    draw_chunk,
    draw_from_noise,
    draw_samples,
    reconstruct_chunk,
    single_threaded,
)
from mrigen.seeds import seeded_noise
from small_bundles import SIZE, network
from small_conditional import SmallConditional


def test_a_sample_has_its_own_conditions_in_a_chunk():
    net = SmallConditional()
    asked = [{"age": 20.0}, {}, {"age": 90.0, "sex": 1.0}]
    chunk = draw_chunk(net, [5, 5, 5], asked)
    for row, conditions in enumerate(asked):
        assert torch.equal(chunk[row : row + 1], draw_chunk(net, [5], [conditions]))
    assert len(torch.unique(chunk, dim=0)) == 3


def test_more_samples_than_a_chunk_have_conditions_each_or_all_the_same():
    net = SmallConditional()
    asked = [{"age": 20.0 + seed} for seed in range(CHUNK + 4)]
    each = draw_samples(net, range(CHUNK + 4), asked)
    assert torch.equal(each[CHUNK:], draw_samples(net, range(CHUNK, CHUNK + 4), asked[CHUNK:]))
    assert torch.equal(each[3:4], draw_samples(net, [3], {"age": 23.0}))


def test_what_is_not_asked_for_is_not_known():
    net, seen = SmallConditional(), {}
    draw = net.sample

    def sample(noise, conditions):
        seen.update(conditions)
        return draw(noise, conditions)

    net.sample = sample
    draw_samples(net, range(3), {"age": 40.0})
    assert seen["age"].tolist() == [40.0] * CHUNK
    assert seen["sex"].isnan().all()
    assert seen["age"].dtype == torch.float32


def test_a_quick_sample_depends_on_its_seed_and_its_conditions_alone():
    net, asked = SmallConditional(), [{"age": 20.0}, {}, {"sex": 1.0}]
    chunk = draw_chunk(net, [5, 6, 7], asked, quick=True)
    for row, seed in enumerate((5, 6, 7)):
        alone = draw_chunk(net, [seed], [asked[row]], quick=True)
        assert torch.equal(chunk[row : row + 1], alone)
    assert torch.equal(chunk[1:2], draw_samples(net, [6], quick=True))
    assert not torch.equal(chunk[1:2], draw_samples(net, [6]))


def test_a_network_without_a_quick_mode_says_so():
    with pytest.raises(ModelError, match="a VAE has no quick mode"):
        draw_samples(network("vae"), [1], quick=True)


def test_networks_always_see_whole_chunks():
    net, counts = network("unet"), []
    answer = net.reconstruct

    def reconstruct(images):
        counts.append(len(images))
        return answer(images)

    net.reconstruct = reconstruct
    assert reconstruct_chunk(net, torch.zeros(3, 1, SIZE, SIZE)).shape == (3, 1, SIZE, SIZE)
    assert counts == [CHUNK]


@pytest.mark.parametrize("model", ["unet", "vae"])
def test_an_answer_depends_on_its_input_alone(model):
    images = torch.rand(CHUNK, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    net = network(model)
    whole = reconstruct_chunk(net, images)
    for row in (0, 7, 15):
        assert torch.equal(whole[row : row + 1], reconstruct_chunk(net, images[row : row + 1]))


def test_one_thread_is_for_the_calling_thread_alone():
    def count():
        counts.append(torch.get_num_threads())

    before, counts = torch.get_num_threads(), []
    inside, leave = threading.Event(), threading.Event()

    def other():
        with single_threaded():
            count()
            inside.set()
            assert leave.wait(30)
            count()
        count()

    try:
        torch.set_num_threads(2)
        thread = threading.Thread(target=other)
        thread.start()
        assert inside.wait(30)
        count()
        newcomer = threading.Thread(target=count)
        newcomer.start()
        newcomer.join()
        leave.set()
        thread.join()
    finally:
        torch.set_num_threads(before)
    assert counts == [1, 2, 2, 1, 2]


@pytest.mark.parametrize("count", [1, CHUNK])
def test_noise_stands_for_the_seed_it_was_drawn_from(count):
    net = SmallConditional()
    seeds, asked = list(range(5, 5 + count)), [{"age": 70.0}] * count
    noise = seeded_noise(seeds, net.noise_shape)
    assert torch.equal(draw_from_noise(net, noise, asked), draw_chunk(net, seeds, asked))
