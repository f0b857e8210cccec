"""Many clients of every kind at once, while models are exchanged."""

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import httpx
import numpy as np
import pytest
import torch

from live_server import listening
from mrigen.models.sampling import draw_samples, reconstruct_chunk, single_threaded
from mrigen.serving.app import create_app
from mrigen.serving.settings import ServingSettings
from mrigen.serving.shelf import Shelf
from small_bundles import SIZE, network
from small_served import served

CLIENTS, ROUNDS = 32, 8
FORMATS = ("npz", "png", "zip", "nifti")
NETWORKS = {version: network("vae", seed=version) for version in (1, 2)}
ARRAYS = {"Content-Type": "application/x-npz"}


def shelves():
    """What is served before and after the other version becomes the champion."""
    both = [served("vae", net, version=version) for version, net in NETWORKS.items()]
    return [[one, served("unet")] for one in both]


@pytest.fixture(scope="module")
def expected():
    """What every client has to get: samples by version, and the slices' restorations."""
    with single_threaded():
        samples = {
            version: draw_samples(net, range(40))[:, 0].numpy() for version, net in NETWORKS.items()
        }
        restored = reconstruct_chunk(network("unet"), _slices())[:, 0].numpy()
    return samples, restored


def _slices():
    return torch.rand(5, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(3))


class Crowd:
    """Clients that act at once, and what they saw."""

    def __init__(self, url, expected):
        self.client = httpx.Client(
            base_url=url, timeout=60, limits=httpx.Limits(max_connections=CLIENTS)
        )
        self.samples, self.restored = expected
        self.seen, self.wrong, self.lock = {}, [], threading.Lock()
        self.statuses, self.versions = Counter(), set()
        buffer = BytesIO()
        np.savez(buffer, images=_slices()[:, 0].numpy())
        self.upload = buffer.getvalue()

    def act(self, number):
        """Be one client for a while."""
        for turn in range(ROUNDS):
            kind = (number + turn) % 4
            if kind == 0:
                self.leave(turn)
            elif kind == 1:
                self.restore()
            else:
                self.draw(number, turn)

    def draw(self, number, turn):
        request = {
            "seed": number % 8,
            "count": 1 + turn * 7 % 24,
            "format": FORMATS[(number + turn // 4) % 4],
        }
        answer = self.client.post("/v1/models/vae/samples", json=request)
        self.count(answer)
        if answer.status_code != 200:
            return
        version = int(answer.headers["mrigen-version"])
        key = (version, *request.values())
        with self.lock:
            self.versions.add(version)
            same = self.seen.setdefault(key, answer.content) == answer.content
        images = self.samples[version][request["seed"] :][: request["count"]]
        if not same or (request["format"] == "npz" and not _equal(answer, images)):
            self.wrong.append(key)

    def restore(self):
        answer = self.client.post("/v1/models/unet/restore", content=self.upload, headers=ARRAYS)
        self.count(answer)
        if answer.status_code == 200 and not _equal(answer, self.restored):
            self.wrong.append("restored")

    def leave(self, turn):
        """Go away before the end of a long answer."""
        body = {"count": 500, "seed": turn, "format": "npz"}
        with self.client.stream("POST", "/v1/models/vae/samples", json=body) as answer:
            self.count(answer)
            for _ in zip(range(turn % 3), answer.iter_raw(4096), strict=False):
                pass

    def count(self, answer):
        with self.lock:
            self.statuses[answer.status_code] += 1


def _equal(answer, images):
    with np.load(BytesIO(answer.content), allow_pickle=False) as arrays:
        return np.array_equal(arrays["images"], images)


def test_a_crowd_gets_right_bytes_while_versions_change_and_leaves_nothing_behind(expected):
    first, second = shelves()
    shelf = Shelf(first)
    app = create_app(shelf, ServingSettings(lanes=2))
    with listening(app) as (host, port), ThreadPoolExecutor(CLIENTS) as pool:
        crowd = Crowd(f"http://{host}:{port}", expected)
        with crowd.client:
            acting = [pool.submit(crowd.act, number) for number in range(CLIENTS)]
            turn = 0
            while not all(one.done() for one in acting):
                turn += 1
                shelf.replace(second if turn % 2 else first)
                time.sleep(0.05)
            for one in acting:
                one.result()
            assert crowd.wrong == []
            assert set(crowd.statuses) <= {200, 503}
            assert crowd.statuses[200] > CLIENTS
            assert crowd.versions == {1, 2}
            counts = _settled(app.state.server.batcher)
            assert (counts.jobs, counts.waiting_images, counts.held_bytes) == (0, 0, 0)
            assert counts.failed_chunks == 0
            assert crowd.client.get("/ready").status_code == 200


def _settled(batcher):
    """Return the engine's counters as soon as nothing is left, or after a while."""
    for _ in range(200):
        counts = batcher.counts
        if not counts.jobs:
            break
        time.sleep(0.05)
    return counts
