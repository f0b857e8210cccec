import asyncio

import pytest

from mrigen.serving.engine.admission import Busy
from mrigen.serving.uploads.room import UploadRoom


def test_a_few_are_unpacked_at_once_and_a_few_wait():
    async def tell():
        room, done = UploadRoom(at_once=2, waiting=1), asyncio.Event()
        inside = []

        async def take(name):
            async with room.place():
                inside.append(name)
                await done.wait()

        tasks = [asyncio.create_task(take(name)) for name in "abc"]
        await asyncio.sleep(0)
        assert (inside, room.held) == (["a", "b"], 3)
        with pytest.raises(Busy):
            await take("d")
        done.set()
        await asyncio.gather(*tasks)
        assert (inside, room.held) == (["a", "b", "c"], 0)

    asyncio.run(tell())


def test_whoever_gives_up_waiting_leaves_no_trace():
    async def tell():
        room = UploadRoom(at_once=1, waiting=1)
        async with room.place():

            async def wait():
                async with room.place():
                    raise AssertionError

            task = asyncio.create_task(wait())
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert room.held == 1
        async with room.place():
            assert room.held == 1

    asyncio.run(tell())
