import asyncio

import pytest
import torch

from asked_batcher import begun, drawing, images
from mrigen.models.sampling import CHUNK, draw_samples
from mrigen.serving.batcher import Batcher
from small_served import served
from watched_sampler import WatchedSampler


@pytest.mark.parametrize("count", [1, 15, 16, 17, 100])
def test_images_come_in_order_and_whole(count):
    net = WatchedSampler()

    async def main():
        async with Batcher(lanes=3) as batcher:
            return await images(batcher.submit(drawing(net, count, 5)))

    assert torch.equal(asyncio.run(main()), draw_samples(net, range(5, 5 + count)))


def test_work_without_images_ends_at_once():
    async def main():
        async with Batcher() as batcher, batcher.submit(drawing(WatchedSampler(), 0)) as job:
            return [part async for part in job]

    assert asyncio.run(main()) == []


def test_jobs_that_wait_share_a_chunk():
    net = WatchedSampler()
    net.gate.clear()

    async def main():
        async with Batcher() as batcher:
            first = asyncio.create_task(images(batcher.submit(drawing(net))))
            await begun(net)
            others = [batcher.submit(drawing(net, 2, seed)) for seed in range(8)]
            net.gate.set()
            await asyncio.gather(first, *(images(job) for job in others))
            return batcher.counts

    counts = asyncio.run(main())
    assert (counts.chunks, counts.rows, counts.padded_rows) == (2, 17, 15)
    assert (counts.jobs, counts.waiting_images) == (0, 0)
    assert counts.computing_seconds > 0


def test_lanes_compute_at_the_same_time():
    net = WatchedSampler()
    net.gate.clear()

    async def main():
        async with Batcher(lanes=3) as batcher:
            task = asyncio.create_task(images(batcher.submit(drawing(net, 3 * CHUNK))))
            await begun(net, 3)
            net.gate.set()
            await task

    asyncio.run(main())


def test_half_of_the_lanes_wait_for_a_full_chunk():
    net = WatchedSampler()
    net.gate.clear()

    async def main():
        async with Batcher(lanes=2) as batcher:
            tasks = [asyncio.create_task(images(batcher.submit(drawing(net, 1))))]
            await begun(net)
            tasks += [asyncio.create_task(images(batcher.submit(drawing(net, 5))))]
            tasks += [asyncio.create_task(images(batcher.submit(drawing(net, 10))))]
            await asyncio.sleep(0.01)
            early = net.begun.acquire(blocking=False)
            tasks += [asyncio.create_task(images(batcher.submit(drawing(net, 1))))]
            await begun(net)
            net.gate.set()
            await asyncio.gather(*tasks)
            return early, batcher.counts.chunks

    assert asyncio.run(main()) == (False, 2)


def test_lanes_compute_with_one_thread_and_leave_other_threads_theirs():
    net, before = WatchedSampler(), torch.get_num_threads()
    net.gate.clear()

    async def main():
        async with Batcher() as batcher:
            task = asyncio.create_task(images(batcher.submit(drawing(net))))
            await begun(net)
            meanwhile = torch.get_num_threads(), await asyncio.to_thread(torch.get_num_threads)
            net.gate.set()
            await task
        return meanwhile

    try:
        torch.set_num_threads(2)
        assert asyncio.run(main()) == (2, 2)
        assert (net.threads, torch.get_num_threads()) == ([1], 2)
    finally:
        torch.set_num_threads(before)


def test_no_more_is_computed_ahead_of_a_reader_than_a_window():
    net = WatchedSampler()

    async def main():
        async with Batcher() as batcher, batcher.submit(drawing(net, 1000)) as slow:
            ahead = len(await anext(aiter(slow))) + 4 * CHUNK
            async with asyncio.timeout(30):
                while batcher.counts.rows < ahead:
                    await asyncio.sleep(0)
            for _ in range(3):  # there are places left in these chunks
                await images(batcher.submit(drawing(net)))
            return batcher.counts.rows - ahead

    assert asyncio.run(main()) == 3


def test_a_long_job_does_not_make_a_short_one_wait_for_its_end():
    net = WatchedSampler()

    async def main():
        async with Batcher() as batcher, batcher.submit(drawing(net, 10_000)) as long:
            parts = aiter(long)
            await anext(parts)
            await images(batcher.submit(drawing(net, 1, 7)))
            return batcher.counts.waiting_images

    assert asyncio.run(main()) > 9000


@pytest.mark.parametrize(("model", "chunks"), [("gan", 3), ("unet", 3), ("vae", 6)])
def test_warming_computes_all_that_a_model_can(model, chunks):
    async def main():
        async with Batcher() as batcher:
            await batcher.warm(served(model))
            return batcher.counts

    counts = asyncio.run(main())
    assert (counts.chunks, counts.jobs) == (chunks, 0)
