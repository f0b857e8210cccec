import asyncio
from contextlib import AsyncExitStack

import pytest
import torch

from asked_batcher import begun, drawing, images
from mrigen.models.sampling import draw_samples
from mrigen.seeds import seeded_noise
from mrigen.serving.batcher import Batcher, Busy, ComputingFailed
from mrigen.serving.work import Restoring
from small_bundles import network
from small_served import served
from watched_sampler import WatchedSampler


@pytest.mark.parametrize("failure", [ValueError("odd"), MemoryError(), torch.OutOfMemoryError()])
def test_a_failing_chunk_fails_its_jobs_and_not_the_lane(failure):
    net, good = WatchedSampler(), WatchedSampler()
    net.failure = failure

    async def main():
        async with Batcher() as batcher:
            with pytest.raises(ComputingFailed) as caught:
                await images(batcher.submit(drawing(net, 100)))
            await images(batcher.submit(drawing(good)))
            return caught.value, batcher.counts

    error, counts = asyncio.run(main())
    assert error.__cause__ is failure
    assert (counts.failed_chunks, counts.jobs, counts.dropped_jobs) == (counts.chunks - 1, 0, 0)


def test_images_that_are_not_finite_are_an_error_for_those_who_asked_for_them():
    net = WatchedSampler()
    net.broken = seeded_noise([40], net.noise_shape)[0]
    net.gate.clear()

    async def main():
        async with Batcher() as batcher:
            jobs = [batcher.submit(drawing(net, 2, seed)) for seed in (1, 40, 60)]
            net.gate.set()
            return await asyncio.gather(*map(images, jobs), return_exceptions=True)

    good, bad, also_good = asyncio.run(main())
    assert isinstance(bad, ComputingFailed)
    assert "not finite" in str(bad.__cause__)
    net.broken = None
    assert torch.equal(good, draw_samples(net, range(1, 3)))
    assert torch.equal(also_good, draw_samples(net, range(60, 62)))


def test_work_that_would_wait_too_long_is_refused_and_other_networks_are_not():
    slow, quick = WatchedSampler(), WatchedSampler()

    async def main():
        async with Batcher(wait_seconds=1e-9, places=10) as batcher, AsyncExitStack() as stack:
            await images(batcher.submit(drawing(slow)))  # measures the pace
            await begun(slow)
            slow.gate.clear()
            await stack.enter_async_context(batcher.submit(drawing(slow)))
            await begun(slow)
            await stack.enter_async_context(batcher.submit(drawing(slow)))  # this one waits
            with pytest.raises(Busy) as busy:
                batcher.submit(drawing(slow))
            other = batcher.submit(drawing(quick))
            slow.gate.set()
            await images(other)
            return busy.value.retry_seconds

    assert asyncio.run(main()) == 1


def test_images_that_wait_are_bounded_in_memory_but_for_those_of_one_job():
    net = network("unet")
    work = Restoring(net, torch.zeros(3, 1, 32, 32))

    async def main():
        async with Batcher(most_held_bytes=1) as batcher:
            async with batcher.submit(work) as job:
                with pytest.raises(Busy):
                    batcher.submit(work)
                held = batcher.counts.held_bytes
                await images(job)
            await images(batcher.submit(work))
            return held

    assert asyncio.run(main()) == 3 * 32 * 32 * 4


def test_warming_a_network_that_fails_says_so():
    net = WatchedSampler()
    net.failure = ValueError("no")

    async def main():
        async with Batcher() as batcher:
            with pytest.raises(ComputingFailed):
                await batcher.warm(served("gan", net))
        with pytest.raises(ComputingFailed):
            await batcher.warm(served("gan", net))

    asyncio.run(main())
