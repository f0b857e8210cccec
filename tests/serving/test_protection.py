import asyncio
import json

from mrigen.serving import protection
from mrigen.serving.protection import BodyLimit


async def never(*_):
    raise AssertionError("the request was passed on")


def answer_to(receive):
    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/", "headers": []}
    asyncio.run(asyncio.wait_for(BodyLimit(never)(scope, receive, send), timeout=20))
    start, body = sent
    return start["status"], dict(start["headers"]), json.loads(body["body"])["detail"]


def test_a_body_that_never_comes_is_refused(monkeypatch):
    monkeypatch.setattr(protection, "BODY_SECONDS", 0.01)

    async def receive():
        await asyncio.Event().wait()

    status, headers, detail = answer_to(receive)
    assert status == 408
    assert headers[b"connection"] == b"close"
    assert "did not come within" in detail


def test_a_body_that_trickles_is_refused(monkeypatch):
    monkeypatch.setattr(protection, "BODY_SECONDS", 0.05)

    async def receive():
        await asyncio.sleep(0.005)
        return {"type": "http.request", "body": b" ", "more_body": True}

    assert answer_to(receive)[0] == 408
