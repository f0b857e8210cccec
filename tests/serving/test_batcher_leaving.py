import asyncio
import gc
import weakref

import pytest
import torch

from asked_batcher import begun, drawing, images, lanes_alive
from mrigen.models.sampling import draw_samples
from mrigen.serving.batcher import Batcher, Busy, ComputingFailed
from watched_sampler import WatchedSampler


def test_who_leaves_frees_a_place_and_drops_what_is_left():
    net = WatchedSampler()

    async def main():
        async with Batcher(places=1) as batcher:
            async with batcher.submit(drawing(net, 10_000)) as job:
                async for _ in job:
                    break
                with pytest.raises(Busy):
                    batcher.submit(drawing(net))
            await images(batcher.submit(drawing(net)))
            return batcher.counts

    counts = asyncio.run(main())
    assert (counts.refused_jobs, counts.dropped_jobs, counts.jobs) == (1, 1, 0)
    assert counts.rows < 1000


def test_a_cancelled_reader_drops_its_work_but_not_that_of_its_companions():
    net = WatchedSampler()
    net.gate.clear()

    async def main():
        async with Batcher() as batcher:
            tasks = [asyncio.create_task(images(batcher.submit(drawing(net, 3, 3 * i))))
                     for i in range(4)]  # fmt: skip
            await begun(net)
            tasks[0].cancel()
            tasks[2].cancel()
            net.gate.set()
            return await asyncio.gather(*tasks, return_exceptions=True)

    cancelled, one, other_cancelled, other = asyncio.run(main())
    assert isinstance(cancelled, asyncio.CancelledError)
    assert isinstance(other_cancelled, asyncio.CancelledError)
    assert torch.equal(one, draw_samples(net, range(3, 6)))
    assert torch.equal(other, draw_samples(net, range(9, 12)))


def test_a_job_that_nobody_enters_gives_its_place_back():
    async def main():
        async with Batcher(places=1) as batcher:
            batcher.submit(drawing(WatchedSampler(), 100))
            gc.collect()
            await asyncio.sleep(0)
            return batcher.counts

    assert (asyncio.run(main()).jobs) == 0


def test_leaving_ends_readers_and_threads():
    net, others = WatchedSampler(), lanes_alive()

    async def main():
        async with Batcher(lanes=2) as batcher:
            job = batcher.submit(drawing(net, 1000))
            await anext(aiter(job))
            waiting = batcher.submit(drawing(net, 1000))
            async with waiting:
                pass
        async with job:
            with pytest.raises(ComputingFailed):
                [part async for part in job]
        with pytest.raises(Busy):
            batcher.submit(drawing(net))
        return batcher.counts.jobs

    assert asyncio.run(main()) == 0
    assert lanes_alive() <= others


def test_a_batcher_can_be_entered_again():
    batcher, net = Batcher(), WatchedSampler()

    async def main():
        async with batcher:
            return await images(batcher.submit(drawing(net)))

    assert torch.equal(asyncio.run(main()), asyncio.run(main()))


def test_a_network_that_is_not_needed_any_more_is_not_kept():
    async def main():
        async with Batcher() as batcher:
            net = WatchedSampler()
            await images(batcher.submit(drawing(net)))
            watch = weakref.ref(net)
            del net
            for _ in range(100):  # the lane may still be on its way to wait
                await asyncio.sleep(0.01)
                gc.collect()
                if watch() is None:
                    return True
            return False

    assert asyncio.run(main())
