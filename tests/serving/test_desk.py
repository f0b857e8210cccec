import asyncio
import threading

import pytest

from mrigen.serving.desk import Busy, Desk


def test_work_is_done_one_piece_at_a_time():
    inside, most = 0, 0

    def work():
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        threading.Event().wait(0.002)
        inside -= 1
        return most

    async def main():
        desk = Desk(10)
        await asyncio.gather(*(desk.run(work) for _ in range(10)))

    asyncio.run(main())
    assert most == 1


def test_one_more_than_there_are_places_is_refused_at_once():
    release = threading.Event()

    async def main():
        desk = Desk(2)
        waiting = [asyncio.create_task(desk.run(lambda: release.wait(30))) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await desk.run(lambda: None)
        release.set()
        assert await asyncio.gather(*waiting) == [True, True]
        assert await desk.run(lambda: "free again") == "free again"

    asyncio.run(main())


def test_a_failure_frees_its_place():
    def fail():
        raise ValueError("no")

    async def main():
        desk = Desk(1)
        for _ in range(3):
            with pytest.raises(ValueError, match="no"):
                await desk.run(fail)

    asyncio.run(main())
