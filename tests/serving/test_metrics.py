import asyncio
import dataclasses

import pytest
from prometheus_client.parser import text_string_to_metric_families

from asked_server import ask, client_of
from mrigen.serving.metrics import Measured, Metrics
from small_conditional import SmallConditional
from small_served import served
from watched_sampler import SIZE, WatchedSampler


def counted(client, name, **labels):
    """Return the value of one sample, or None where there is none."""
    for family in text_string_to_metric_families(client.get("/metrics").text):
        for sample in family.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                return sample.value
    return None


@pytest.fixture
def client():
    with client_of(served("vae"), served("unet"), max_count=64) as client:
        yield client


def test_requests_are_counted_by_route_method_and_status(client):
    for _ in range(3):
        client.get("/v1/models/vae")
    client.get("/v1/models/vea")
    route = {"route": "/v1/models/{name}", "method": "GET"}
    assert counted(client, "mrigen_requests_total", **route, status="200") == 3
    assert counted(client, "mrigen_requests_total", **route, status="404") == 1
    assert counted(client, "mrigen_request_seconds_count", **route) == 4


def test_nothing_that_a_client_chose_becomes_a_label(client):
    for path in ("/secret/path", "/v1/models/secret", "/v1/models/vae?secret=1"):
        client.get(path)
    client.request("SECRET", "/v1/models")
    ask(client, "secret")
    text = client.get("/metrics").text
    assert "secret" not in text.lower()
    assert counted(client, "mrigen_requests_total", route="none", status="404") == 1
    assert counted(client, "mrigen_requests_total", method="other", status="405") == 1


def test_images_are_counted_by_model_version_and_task(client):
    ask(client, count=20, format="npz")
    ask(client, count=3)
    ask(client, count=65, format="npz")  # refused
    labels = {"model": "vae", "version": "3", "task": "sample"}
    assert counted(client, "mrigen_images_total", **labels) == 23


def test_quick_images_are_counted_by_themselves():
    with client_of(served("ages", SmallConditional().eval())) as client:
        ask(client, "ages", count=5)
        ask(client, "ages", count=3, quick=True)
        assert counted(client, "mrigen_images_total", task="sample") == 5
        assert counted(client, "mrigen_images_total", task="quick sample") == 3


def test_the_engine_tells_what_it_computed(client):
    ask(client, count=20, format="npz")
    assert counted(client, "mrigen_chunks_total") == 2
    assert counted(client, "mrigen_rows_total") == 20
    assert counted(client, "mrigen_padded_rows_total") == 12
    assert counted(client, "mrigen_computing_seconds_total") > 0
    assert counted(client, "mrigen_jobs") == 0
    assert counted(client, "mrigen_waiting_images") == 0
    assert counted(client, "mrigen_refused_jobs_total") == 0


def test_served_models_and_readiness_are_told_as_they_are_now(client):
    labels = {"model": "vae", "version": "3", "digest": f"{3:064x}", "aliases": "champion"}
    assert counted(client, "mrigen_model_info", **labels) == 1
    assert counted(client, "mrigen_ready") == 1
    client.app.state.server.shelf.replace([served("vae", version=4)])
    assert counted(client, "mrigen_model_info", version="3") is None
    assert counted(client, "mrigen_model_info", model="vae", version="4") == 1
    client.app.state.server.draining = True
    assert counted(client, "mrigen_ready") == 0


def test_the_process_tells_its_time_and_memory(client):
    assert counted(client, "process_cpu_seconds_total") > 0
    assert counted(client, "process_resident_memory_bytes") > 0


def test_the_request_that_asks_is_under_way(client):
    assert counted(client, "mrigen_requests_under_way") == 1


def test_defects_are_counted():
    sampler = WatchedSampler()
    sampler.failure = RuntimeError("a defect")
    with client_of(dataclasses.replace(served("vae", sampler), image_size=SIZE)) as client:
        ask(client)
        assert counted(client, "mrigen_requests_total", status="500") == 1
        assert counted(client, "mrigen_failed_chunks_total") == 1
        assert counted(client, "mrigen_requests_under_way") == 1


def test_a_client_that_left_before_its_answer_is_counted():
    metrics = Metrics()

    async def silent(*_):
        pass

    scope = {"type": "http", "method": "GET", "path": "/"}
    asyncio.run(Measured(silent, metrics)(scope, None, None))
    labels = {"route": "none", "method": "GET", "status": "499"}
    assert metrics.registry.get_sample_value("mrigen_requests_total", labels) == 1
    assert metrics.registry.get_sample_value("mrigen_requests_under_way") == 0


def test_what_is_no_request_passes():
    passed = []

    async def app(scope, receive, send):
        passed.append(scope)

    asyncio.run(Measured(app, Metrics())({"type": "lifespan"}, None, None))
    assert passed == [{"type": "lifespan"}]
