"""The bytes of an image depend on its seed and conditions, or its input, and nothing else."""

import asyncio
import functools

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mrigen.models.sampling import draw_chunk, reconstruct_chunk, single_threaded
from mrigen.serving.batcher import Batcher
from mrigen.serving.work import Drawing, Restoring
from small_bundles import SIZE, network
from small_conditional import SmallConditional

ASKED = ({}, {"age": 30.0}, {"age": 80.0, "sex": 1.0})
LAST = 40


@functools.cache
def net(name):
    return SmallConditional() if name == "conditional" else network(name)


@functools.cache
def inputs():
    return torch.rand(LAST, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(1))


@functools.cache
def alone(name, task, row, asked):
    """Return one image, computed with no companions."""
    with single_threaded():
        if task != "restore":
            return draw_chunk(net(name), [row], [ASKED[asked]], quick=task == "draw quickly")
        return reconstruct_chunk(net(name), inputs()[row : row + 1])


def work(name, task, rows, asked):
    if task != "restore":
        return Drawing(net(name), rows, ASKED[asked], quick=task == "draw quickly")
    return Restoring(net(name), inputs()[rows.start : rows.stop])


jobs = st.tuples(
    st.sampled_from([("gan", "draw"), ("vae", "draw"), ("conditional", "draw"),
                     ("conditional", "draw quickly"), ("vae", "restore"), ("unet", "restore")]),
    st.integers(0, LAST - 1),
    st.integers(1, LAST),
    st.sampled_from(range(len(ASKED))),
    st.one_of(st.none(), st.integers(0, 30)),  # images after which the client leaves
    st.integers(0, 3),  # turns of the event loop before it comes
)  # fmt: skip


@given(lanes=st.integers(1, 3), threads=st.integers(1, 3), asked=st.lists(jobs, max_size=12))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_companions_places_lanes_and_those_who_leave_change_no_bytes(lanes, threads, asked):
    async def client(batcher, one):
        (name, task), start, count, conditions, leaves, late = one
        rows = range(start, min(start + count, LAST))
        for _ in range(late):
            await asyncio.sleep(0)
        seen = 0
        async with batcher.submit(work(name, task, rows, conditions)) as job:
            async for images in job:
                for image in images:
                    assert torch.equal(image[None], alone(name, task, start + seen, conditions))
                    seen += 1
                if leaves is not None and seen > leaves:
                    return
        assert seen == len(rows)

    async def main():
        async with Batcher(lanes=lanes) as batcher:
            await asyncio.gather(*(client(batcher, one) for one in asked))
            assert batcher.counts.jobs == 0

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        asyncio.run(main())
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("count", [1, 16, 33])
def test_other_conditions_give_other_images(count):
    async def main():
        async with Batcher() as batcher:
            parts = []
            for asked in ASKED:
                async with batcher.submit(Drawing(net("conditional"), range(count), asked)) as job:
                    parts.append(torch.cat([images async for images in job]))
            return parts

    first, second, third = asyncio.run(main())
    assert not torch.equal(first, second)
    assert not torch.equal(second, third)
