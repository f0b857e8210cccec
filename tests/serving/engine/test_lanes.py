import asyncio
import threading

import pytest

from asked_batcher import drawing, lanes_alive
from mrigen.serving.engine.entries import Entry
from mrigen.serving.engine.lanes import Lanes
from watched_sampler import WatchedSampler


def test_a_lane_that_breaks_off_is_not_waited_for(monkeypatch):
    chunk = [(Entry(drawing(WatchedSampler()), 1), range(1))]
    told, others = [], lanes_alive()

    def settle(_):
        raise MemoryError

    async def main():
        await Lanes(2, lambda: chunk, settle).join()

    monkeypatch.setattr(threading, "excepthook", told.append)
    asyncio.run(main())
    assert [one.exc_type for one in told] == [MemoryError] * 2
    assert lanes_alive() <= others


@pytest.mark.parametrize("counts", [(16,), (3, 5)])
def test_answers_keep_no_more_than_themselves_alive(counts):
    net, outcomes = WatchedSampler(), []
    chunks = [[(Entry(drawing(net, count), count), range(count)) for count in counts], []]

    async def main():
        await Lanes(1, lambda: chunks.pop(0), outcomes.append).join()

    asyncio.run(main())
    sizes = [answer.untyped_storage().nbytes() for answer in outcomes[0].answers]
    assert sizes == [answer.nbytes for answer in outcomes[0].answers]
