import asyncio
import gc
import json
import tracemalloc

import pytest

from mrigen.serving.protection import bodies, refusal
from mrigen.serving.protection.bodies import BodyLimit
from mrigen.serving.settings import ServingSettings
from protected import asking, protected

SAMPLES, RESTORE = "/v1/models/vae/samples", "/v1/models/vae/restore"
SMALL = ServingSettings(max_upload_bytes=100_000)


def pieces(size):
    for start in range(0, size, 1000):
        yield b" " * min(1000, size - start)


@pytest.mark.parametrize("packed", [bytes, lambda content: pieces(len(content))])
@pytest.mark.parametrize(
    ("path", "most"),
    [(SAMPLES, 65536), ("/nothing", 65536), (RESTORE, 100_000), ("/v1/models/a/anomaly", 100_000)],
)
def test_a_large_body_is_refused_declared_or_not(path, most, packed):
    client = asking(protected(SMALL))
    assert client.post(path, content=packed(b" " * most)).text.endswith(f" {most}")
    answer = client.post(path, content=packed(b" " * (most + 1)))
    assert answer.status_code == 413
    assert answer.headers["connection"] == "close"
    assert answer.json()["detail"] == f"the body is over {most} bytes: send a smaller one."


@pytest.mark.parametrize("path", ["/v1/models/a/restore/", "/v1/models/a/b/restore", "/x/restore"])
def test_only_uploads_may_be_large(path):
    assert asking(protected(SMALL)).post(path, content=b" " * 70_000).status_code == 413


@pytest.mark.parametrize("packing", ["gzip", "br", "deflate, gzip", "identity, gzip", "GZIP"])
def test_packed_bodies_are_refused(packing):
    headers = {"Content-Encoding": packing}
    answer = asking(protected()).post(RESTORE, content=b"x", headers=headers)
    assert answer.status_code == 415
    assert answer.headers["accept-encoding"] == "identity"
    assert "send it as it is" in answer.json()["detail"]


def test_a_body_that_says_it_is_not_packed_is_taken():
    headers = {"Content-Encoding": "Identity"}
    assert asking(protected()).post(RESTORE, content=b"x", headers=headers).status_code == 200


async def never(*_):
    raise AssertionError("the request was passed on")


def post(limit, receive, path=RESTORE):
    """Ask a BodyLimit; `receive` is an asynchronous function. Gives status, headers, sentence."""

    async def ask():
        sent = []

        async def send(message):
            sent.append(message)

        scope = {"type": "http", "method": "POST", "path": path}
        scope["headers"] = [(b"transfer-encoding", b"chunked")]
        await asyncio.wait_for(limit(scope, receive, send), timeout=20)
        return sent

    return ask()


def told(sent):
    start, *parts = sent
    detail = json.loads(b"".join(part["body"] for part in parts))["detail"]
    return start["status"], dict(start["headers"]), detail


def late(monkeypatch, seconds):
    monkeypatch.setattr(bodies, "BODY_SECONDS", seconds)
    monkeypatch.setattr(refusal, "DRAIN_SECONDS", 0.01)


def test_a_body_that_never_comes_is_refused(monkeypatch):
    late(monkeypatch, 0.01)

    async def receive():
        await asyncio.Event().wait()

    status, headers, detail = told(asyncio.run(post(BodyLimit(never, 1000), receive)))
    assert status == 408
    assert headers[b"connection"] == b"close"
    assert "did not come within" in detail


def test_a_body_that_trickles_is_refused(monkeypatch):
    late(monkeypatch, 0.05)

    async def receive():
        await asyncio.sleep(0.005)
        return {"type": "http.request", "body": b" ", "more_body": True}

    assert told(asyncio.run(post(BodyLimit(never, 1000), receive)))[0] == 408


def test_a_large_body_may_take_longer(monkeypatch):
    late(monkeypatch, 0.2)
    monkeypatch.setattr(bodies, "PACE_BYTES", 1)
    came = 0

    async def receive():
        nonlocal came
        came += 1
        if came > 1:  # the first one buys ten seconds
            await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b"x" * 10, "more_body": came < 40}

    seen = []

    async def app(scope, receive, send):
        seen.append(await receive())

    asyncio.run(post(BodyLimit(app, 1000), receive))
    assert seen == [{"type": "http.request", "body": b"x" * 400, "more_body": False}]


def test_a_client_that_has_gone_is_not_answered():
    async def receive():
        return {"type": "http.disconnect"}

    assert asyncio.run(post(BodyLimit(never, 1000), receive)) == []


def test_uploads_together_are_bounded_and_the_others_are_told_to_come_back(monkeypatch):
    late(monkeypatch, 20)
    answered = []

    async def app(scope, receive, send):
        answered.append(len((await receive())["body"]))
        await go_on.wait()

    async def receive():
        return {"type": "http.request", "body": b"x" * 1000, "more_body": False}

    async def scene():
        limit = BodyLimit(app, 1000)
        under_way = [asyncio.create_task(post(limit, receive)) for _ in range(4)]
        while len(answered) < 4:
            await asyncio.sleep(0)
        status, headers, detail = told(await post(limit, receive))
        assert (status, headers[b"retry-after"]) == (503, b"5")
        assert detail == "too many uploads at once: ask again in 5 s."
        # Small requests are still welcome.
        small = asyncio.create_task(post(limit, receive, SAMPLES))
        while len(answered) < 5:
            await asyncio.sleep(0)
        go_on.set()
        await asyncio.gather(small, *under_way)
        await post(limit, receive)
        assert len(answered) == 6

    go_on = asyncio.Event()
    asyncio.run(scene())


def test_a_failed_upload_gives_its_memory_back():
    async def app(scope, receive, send):
        raise RuntimeError("damaged")

    async def receive():
        return {"type": "http.request", "body": b"x" * 1000, "more_body": False}

    async def scene():
        limit = BodyLimit(app, 1000)
        for _ in range(10):
            with pytest.raises(RuntimeError, match="damaged"):
                await post(limit, receive)

    asyncio.run(scene())


def test_a_refused_upload_is_gone_from_memory_at_once():
    async def scene():
        limit = BodyLimit(never, 10**6)
        for _ in range(20):
            last = iter([False, True])

            async def receive(last=last):
                return {"type": "http.request", "body": bytes(900_000), "more_body": not next(last)}

            assert told(await post(limit, receive))[0] == 413

    gc.disable()
    tracemalloc.start()
    try:
        asyncio.run(scene())
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        gc.enable()
    assert held < 5 * 10**6


def test_an_upload_that_lacks_its_last_byte_is_not_waited_for_as_long_as_for_all(monkeypatch):
    late(monkeypatch, 0.05)
    monkeypatch.setattr(bodies, "SPARE_SECONDS", 0.1)
    monkeypatch.setattr(bodies, "PACE_BYTES", 1)  # what has come would buy a quarter of an hour
    came = []

    async def receive():
        if came:
            await asyncio.Event().wait()
        came.append(1)
        return {"type": "http.request", "body": b"x" * 900, "more_body": True}

    assert told(asyncio.run(post(BodyLimit(never, 1000), receive)))[0] == 408
