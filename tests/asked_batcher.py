"""Work for the engine of the server, and its images."""

import asyncio
import threading

import torch

from mrigen.serving.work import Drawing


def drawing(net, count=1, seed=0):
    """Return samples from `seed` on as work."""
    return Drawing(net, range(seed, seed + count), {})


async def images(job):
    """Read a job to its end."""
    async with job:
        return torch.cat([part async for part in job])


async def begun(net, chunks=1):
    """Wait until a network has begun so many chunks."""
    for _ in range(chunks):
        assert await asyncio.to_thread(net.begun.acquire, timeout=30)


def lanes_alive():
    """Return the threads of engines that have not ended; servers of other tests have some."""
    return {thread for thread in threading.enumerate() if thread.name.startswith("lane-")}
