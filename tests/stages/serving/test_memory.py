import subprocess
import sys

import pytest

from mrigen.stages.serving.memory import keep_freed_memory

# What two lanes need of new pages for each image, once they have been at work for a while.
_WORK = """
import asyncio, resource
import torch
from pydantic import TypeAdapter
from mrigen.models.build import NetworkConfig, build_network
from mrigen.serving.batcher import Batcher
from mrigen.serving.work import Drawing
from mrigen.stages.serving.memory import keep_freed_memory

values = {"name": "feliu_gan", "depth": 15, "base_channels": 16, "normalisation": "none"}
network = build_network(TypeAdapter(NetworkConfig).validate_python(values), 64).eval()

async def draw(batcher, count):
    async with batcher.submit(Drawing(network, range(count), {})) as job:
        async for _ in job:
            pass

async def main():
    kept = keep_freed_memory(2)
    async with Batcher(lanes=2) as batcher:
        await draw(batcher, 320)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        await asyncio.gather(*(draw(batcher, 160) for _ in range(4)))
        print(kept, (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / 640)

torch.set_num_threads(1)
asyncio.run(main())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it is about glibc")
def test_lanes_use_their_memory_again():
    answer = subprocess.run(
        [sys.executable, "-c", _WORK], check=True, capture_output=True, text=True
    ).stdout.split()
    if answer[0] != "True":
        pytest.skip("another C library")
    assert float(answer[1]) < 10  # some 90 where memory is given back


def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setattr("os.confstr", lambda _: None)
    assert not keep_freed_memory(2)
