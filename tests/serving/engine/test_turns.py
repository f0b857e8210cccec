import pytest

from mrigen.models.sampling import CHUNK
from mrigen.serving.engine.entries import Entry
from mrigen.serving.engine.pace import Pace
from mrigen.serving.engine.turns import Turns
from mrigen.serving.work import Drawing
from watched_sampler import WatchedSampler

WINDOW = 10_000


def entry(net, count, window=WINDOW):
    return Entry(Drawing(net, range(count), {}), window)


@pytest.fixture
def pace():
    return Pace()


@pytest.fixture
def turns(pace):
    return Turns(pace)


def order(turns, names, chunks):
    """Return who gets how many rows, chunk by chunk."""
    return [[(names[one], len(rows)) for one, rows in turns.take()] for _ in range(chunks)]


def entries(turns, net, **counts):
    named = {entry(net, count): name for name, count in counts.items()}
    for one in named:
        turns.add(one)
    return named


def test_jobs_of_a_kind_take_turns_of_a_chunk(turns):
    named = entries(turns, WatchedSampler(), a=48, b=32, c=16)
    assert order(turns, named, 7) == [
        [("a", 16)], [("b", 16)], [("c", 16)], [("a", 16)], [("b", 16)], [("a", 16)], [],
    ]  # fmt: skip


def test_what_a_job_leaves_of_its_chunk_goes_to_those_with_the_fewest_rows_left(turns):
    named = entries(turns, WatchedSampler(), a=10_000, b=3, c=40, d=2)
    assert order(turns, named, 4) == [
        [("a", 16)],
        [("b", 3), ("d", 2), ("c", 11)],
        [("c", 16)],
        [("a", 16)],
    ]


def test_a_newcomer_waits_for_one_turn_of_each_and_no_longer(turns):
    net = WatchedSampler()
    named = entries(turns, net, a=10_000, b=10_000)
    order(turns, named, 101)
    named |= entries(turns, net, new=1)
    assert order(turns, named, 3) == [[("b", 16)], [("a", 16)], [("new", 1), ("a", 15)]]


def test_a_job_takes_part_only_as_far_as_its_reader_has_come(turns):
    net = WatchedSampler()
    one = entry(net, 100, window=24)
    turns.add(one)
    assert order(turns, {one: "a"}, 3) == [[("a", 16)], [("a", 8)], []]
    one.fetched = 10
    assert order(turns, {one: "a"}, 2) == [[("a", 10)], []]


def test_a_kind_with_few_rows_can_be_left_to_gather_more(turns):
    few, many = WatchedSampler(), WatchedSampler()
    named = entries(turns, few, a=9, b=6) | entries(turns, many, c=20)
    assert [(named[one], len(rows)) for one, rows in turns.take(CHUNK)] == [("c", 16)]
    assert turns.take(CHUNK) == []
    named |= entries(turns, few, d=1)
    assert len(turns.take(CHUNK)) == 3


def test_who_is_discarded_gets_no_turn(turns):
    named = entries(turns, WatchedSampler(), a=20, b=16)
    turns.discard(next(iter(named)))
    assert order(turns, named, 2) == [[("b", 16)], []]


def test_networks_share_the_time_and_not_the_chunks(turns, pace):
    slow, quick = WatchedSampler(), WatchedSampler()
    named = entries(turns, slow, slow=10_000) | entries(turns, quick, quick=10_000)
    for one, name in named.items():
        for _ in range(3):
            pace.learn(one.kind, 0.5 if name == "slow" else 0.1)
    taken = [chunk[0][0] for chunk in order(turns, named, 60)]
    assert taken.count("slow") == 10


def test_a_kind_that_was_away_has_saved_no_time_up(turns, pace):
    net, other = WatchedSampler(), WatchedSampler()
    named = entries(turns, net, a=10_000)
    waiting = entry(other, 10_000, window=CHUNK)
    turns.add(waiting)
    named[waiting] = "b"
    for one in named:
        pace.learn(one.kind, 0.1)
    order(turns, named, 50)
    waiting.fetched, waiting.window = CHUNK, WINDOW
    turns.take()
    names = [chunk[0][0] for chunk in order(turns, named, 10)]
    assert 4 <= names.count("a") <= 6


@pytest.mark.parametrize("stream", [1, 16])
def test_newcomers_without_end_do_not_keep_a_long_job_waiting(turns, pace, stream):
    net, others = WatchedSampler(), WatchedSampler()
    long = entry(net, 10_000)
    turns.add(long)
    taken = 0
    for _ in range(100):
        newcomer = entry(others, stream)
        pace.learn(newcomer.kind, 0.1)
        pace.learn(long.kind, 0.1)
        turns.add(newcomer)
        taken += any(one is long for one, _ in turns.take())
    assert 40 <= taken <= 60


def test_what_is_ahead_is_one_share_of_each(turns, pace):
    slow, quick = WatchedSampler(), WatchedSampler()
    entries(turns, slow, a=10_000, b=CHUNK)
    for _ in range(2):
        pace.learn(entry(slow, 1).kind, 1.0)
        pace.learn(entry(quick, 1).kind, 0.01)
    assert turns.seconds_ahead(entry(slow, 1).kind, CHUNK) == 2
    assert turns.seconds_ahead(entry(slow, 1).kind, 3 * CHUNK) == 4
    assert turns.seconds_ahead(entry(quick, 1).kind, CHUNK) == pytest.approx(0.01)
    assert turns.seconds_ahead(entry(quick, 1).kind, 1000 * CHUNK) == pytest.approx(10)


def test_what_waits_for_its_reader_or_is_computed_already_is_not_ahead(turns, pace):
    net = WatchedSampler()
    stalled, nearly = entry(net, 10_000, window=CHUNK), entry(net, 10 * CHUNK)
    for one in (stalled, nearly):
        turns.add(one)
    pace.learn(stalled.kind, 1.0)
    for _ in range(10):
        turns.take()
    assert (stalled.ready, nearly.waiting) == (0, CHUNK)
    assert turns.seconds_ahead(stalled.kind, 100 * CHUNK) == 1
