import threading

import pytest
import torch

from mrigen.models.sampling import (
    CHUNK,
    draw_chunk,
    draw_samples,
    reconstruct_chunk,
    single_threaded,
)
from small_bundles import SIZE, network
from small_conditional import SmallConditional


def test_a_sample_has_its_own_conditions_in_a_chunk():
    net = SmallConditional()
    asked = [{"age": 20.0}, {}, {"age": 90.0, "sex": 1.0}]
    chunk = draw_chunk(net, [5, 5, 5], asked)
    for row, conditions in enumerate(asked):
        assert torch.equal(chunk[row : row + 1], draw_chunk(net, [5], [conditions]))
    assert len(torch.unique(chunk, dim=0)) == 3


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
