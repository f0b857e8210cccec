import dataclasses
import http.client
import json
import time
from contextlib import closing, contextmanager

import pytest

from asked_server import ask, client_of
from live_server import listening
from mrigen.serving.app import create_app
from mrigen.serving.settings import ServingSettings
from mrigen.serving.shelf import Shelf
from small_served import served
from watched_sampler import SIZE, WatchedSampler

MANY = 300_000  # far more than sockets hold, and than is computed before a test acts


@contextmanager
def server_of(sampler):
    """Serve one network behind a real socket; gives its connections and the engine."""
    model = dataclasses.replace(served("vae", sampler), image_size=SIZE)
    app = create_app(Shelf([model]), ServingSettings(max_count=MANY))
    with listening(app) as address:

        def connect():
            return closing(http.client.HTTPConnection(*address, timeout=30))

        yield connect, app.state.server.batcher
        sampler.gate.set()


def post(connection, **body):
    """Send a request for samples."""
    headers = {"Content-Type": "application/json"}
    connection.request("POST", "/v1/models/vae/samples", json.dumps(body), headers)


def until(condition):
    """Wait for something that happens on its own."""
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_the_first_images_are_sent_before_the_last_are_computed():
    sampler = WatchedSampler()
    with server_of(sampler) as (connect, _), connect() as connection:
        post(connection, count=MANY, seed=1, format="npz")
        answer = connection.getresponse()
        assert answer.status == 200
        assert len(answer.read(1000)) == 1000
        sampler.gate.clear()
        assert len(sampler.chunks) * 16 < MANY


def test_the_work_of_a_client_that_goes_is_dropped():
    sampler = WatchedSampler()
    with server_of(sampler) as (connect, batcher):
        with connect() as connection:
            post(connection, count=MANY, seed=1, format="zip")
            connection.getresponse().read(1000)
        until(lambda: batcher.counts.jobs == 0)
        assert batcher.counts.dropped_jobs == 1
        assert batcher.counts.rows < MANY


def test_the_work_of_a_client_that_goes_before_the_answer_is_dropped():
    sampler = WatchedSampler()
    sampler.gate.clear()
    with server_of(sampler) as (connect, batcher):
        with connect() as connection:
            post(connection, count=64, seed=1)
            assert sampler.begun.acquire(timeout=30)
        until(lambda: batcher.counts.jobs == 0)
        assert batcher.counts.dropped_jobs == 1


@pytest.mark.parametrize("kind", ["zip", "npz", "nifti"])
def test_a_failure_on_the_way_never_looks_like_an_end(kind):
    sampler = WatchedSampler()
    with server_of(sampler) as (connect, batcher):
        with connect() as connection:
            post(connection, count=MANY, seed=1, format=kind)
            answer = connection.getresponse()
            assert answer.status == 200
            answer.read(1000)
            sampler.failure = RuntimeError("on the way")
            with pytest.raises(http.client.IncompleteRead):
                answer.read()
        assert batcher.counts.jobs == 0


def test_a_failure_at_the_start_is_an_answer_that_tells_nothing_of_the_inside():
    sampler = WatchedSampler()
    sampler.failure = RuntimeError("secret path /home/me")
    with client_of(dataclasses.replace(served("vae", sampler), image_size=SIZE)) as client:
        for kind in ("png", "zip", "npz", "nifti"):
            answer = ask(client, count=40, format=kind)
            assert answer.status_code == 500
            assert answer.json() == {"detail": "the server failed to answer; its log says why."}
            assert answer.headers["x-content-type-options"] == "nosniff"
        sampler.failure = None
        assert ask(client, count=40, format="npz").status_code == 200


def test_a_connection_serves_one_file_after_another():
    with server_of(WatchedSampler()) as (connect, _), connect() as connection:
        for kind in ("zip", "npz", "zip", "png", "nifti"):
            post(connection, count=40, seed=1, format=kind)
            answer = connection.getresponse()
            assert (answer.status, len(answer.read()) > 0) == (200, True)


def test_a_busy_server_says_when_to_come_back():
    sampler = WatchedSampler()
    sampler.gate.clear()
    model = dataclasses.replace(served("vae", sampler), image_size=SIZE)
    app = create_app(Shelf([model]), ServingSettings(places=1))
    with listening(app) as address:
        first, second = (http.client.HTTPConnection(*address, timeout=30) for _ in range(2))
        with closing(first), closing(second):
            post(first, seed=0)
            assert sampler.begun.acquire(timeout=30)
            post(second, seed=1)
            refused = second.getresponse()
            assert refused.status == 503
            assert int(refused.headers["Retry-After"]) >= 1
            assert "busy" in json.load(refused)["detail"]
            sampler.gate.set()
            assert first.getresponse().status == 200
