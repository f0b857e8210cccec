import asyncio
import contextlib
import json
import socket
import threading
import time

import pytest
from starlette.responses import Response, StreamingResponse

from live_server import listening, read_all, talk
from mrigen.serving.protection import bodies, connections, refusal
from mrigen.serving.protection.headers import SECURITY_HEADERS
from protected import protected

GET = b"GET /%s HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST /a HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def address():
    with listening(protected(), timeout_keep_alive=0.2) as address:
        yield address


def answers(said):
    """Return status, headers and body of each answer."""
    found = []
    while said:
        head, _, said = said.partition(b"\r\n\r\n")
        line, *lines = head.decode().split("\r\n")
        headers = {n.lower(): v for n, v in (line.split(": ", 1) for line in lines)}
        size = int(headers.get("content-length", 0))
        found.append((int(line.split()[1]), headers, said[:size]))
        said = said[size:]
    return found


def refusal_of(said):
    [(status, headers, body)] = answers(said)
    assert headers["connection"] == "close"
    assert {name.lower() for name in SECURITY_HEADERS} <= set(headers)
    return status, json.loads(body)["detail"]


# Requests that two servers in a row could cut in different places.
SMUGGLED = {
    "two lengths": POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "a length twice": POST + b"Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd",
    "a list of lengths": POST + b"Content-Length: 4, 4\r\n\r\nabcd",
    "a signed length": POST + b"Content-Length: +4\r\n\r\nabcd",
    "a negative length": POST + b"Content-Length: -4\r\n\r\nabcd",
    "a hexadecimal length": POST + b"Content-Length: 0x4\r\n\r\nabcd",
    "an endless length": POST + b"Content-Length: 99999999999999999999999\r\n\r\nabcd",
    "length and chunks": POST
    + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    + GET % b"smuggled",
    "chunks and length": POST
    + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n"
    + GET % b"smuggled",
    "no chunks": POST + b"Transfer-Encoding: identity\r\n\r\nabcd",
    "nearly chunked": POST + b"Transfer-Encoding: xchunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n",
    "packed chunks": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n",
    "chunked first": POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n4\r\nabcd\r\n0\r\n\r\n",
    "a blank before the colon": POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "a folded header": POST + b"X: a\r\n Content-Length: 4\r\n\r\nabcd",
    "line feeds alone": b"GET /a HTTP/1.1\nHost: localhost\n\n",
    "carriage returns alone": b"GET /a HTTP/1.1\rHost: localhost\r\r",
    "a NUL in a header": POST + b"X: a\0b\r\n\r\n",
    "a chunk that is no number": CHUNKED + b"zz\r\nabcd\r\n0\r\n\r\n",
    "a negative chunk": CHUNKED + b"-4\r\nabcd\r\n0\r\n\r\n",
    "an endless chunk": CHUNKED + b"fffffffffffffffff\r\nabcd\r\n0\r\n\r\n",
    "no host": b"GET /a HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /a HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n",
    "another version": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/0.9": b"GET /a\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "an unknown method": b"FOO /a HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a tunnel": b"CONNECT evil:80 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a NUL in the path": b"GET /a\0b HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "letters in the path": "GET /é HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(),
}


@pytest.mark.parametrize("request_", SMUGGLED.values(), ids=SMUGGLED)
def test_what_could_be_read_in_two_ways_is_refused_once(address, request_):
    said = talk(address, request_)
    assert b"smuggled" not in said
    [(status, headers, body)] = answers(said)
    assert status == 400
    assert json.loads(body)["detail"].endswith(".")
    assert headers["content-security-policy"].startswith("default-src 'none'")


def test_requests_in_one_go_are_answered_in_their_order(address):
    said = talk(address, GET % b"1" + GET % b"2" + GET % b"3")
    assert [body.split()[1] for _, _, body in answers(said)] == [b"/1", b"/2", b"/3"]


def test_old_and_odd_requests_are_answered(address):
    for request in (
        b"GET /a HTTP/1.0\r\n\r\n",
        b"\r\n\r\n" + GET % b"a",
        b"GET http://evil/a HTTP/1.1\r\nHost: localhost\r\n\r\n",
        POST + b"Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n",
        CHUNKED + b"4\r\nabcd\r\n0\r\nAuthorization: late\r\n\r\n",
    ):
        [(status, _, body)] = answers(talk(address, request))
        assert (status, body.split()[1]) == (200, b"/a")


FLOODS = {
    "headers": GET[:-2] % b"a" + b"X: y\r\n" * 200_000,
    "one header": GET[:-2] % b"a" + b"X: " + b"y" * 10**6,
    "an address": b"GET /" + b"y" * 10**6,
    "headers after a body": CHUNKED + b"1\r\na\r\n0\r\n" + b"X: y\r\n" * 200_000,
    "remarks in a body": CHUNKED + b"1;" + b"a" * 10**6,
    "headers of a second request": GET % b"a" + POST + b"X: y\r\n" * 200_000,
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_endless_heads_are_refused(address, flood):
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        for status, _, _ in answers(talk(address, flood)):
            assert status in {200, 431}
    assert answers(talk(address, GET % b"a"))[0][0] == 200


def test_a_body_in_many_small_chunks_is_no_endless_head(address):
    said = talk(address, CHUNKED + b"1\r\na\r\n" * 60_000 + b"0\r\n\r\n")
    assert answers(said)[0][2].endswith(b" 60000")


def test_who_is_refused_while_sending_reads_the_answer(address):
    body = b"x" * 10**7
    said = talk(address, POST + b"Content-Length: %d\r\n\r\n" % len(body), body)
    assert refusal_of(said)[0] == 413


def test_who_has_sent_all_and_is_refused_is_not_waited_for(monkeypatch, address):
    monkeypatch.setattr(refusal, "DRAIN_SECONDS", 60)  # longer than `talk` waits
    said = talk(address, CHUNKED + b"10001\r\n" + b"x" * 65537 + b"\r\n0\r\n\r\n")
    assert refusal_of(said)[0] == 413


def test_who_waits_for_a_go_ahead_is_refused_before_sending(monkeypatch, address):
    monkeypatch.setattr(refusal, "DRAIN_SECONDS", 0.05)
    said = talk(address, POST + b"Expect: 100-continue\r\nContent-Length: 100000\r\n\r\n")
    assert refusal_of(said)[0] == 413
    said = talk(address, POST + b"Expect: 100-continue\r\nContent-Length: 4\r\n\r\n", b"abcd")
    assert said.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")


@pytest.mark.parametrize("head", [b"", b"G", GET[:-2] % b"a", b"\r\n"])
def test_heads_that_never_come_are_hung_up_on(monkeypatch, address, head):
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.1)
    assert refusal_of(talk(address, head))[0] == 408


@pytest.mark.parametrize("head", [b"G", b"\r\n"])
def test_heads_that_never_come_again_are_hung_up_on(monkeypatch, address, head):
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.1)
    with socket.create_connection(address, timeout=20) as connection:
        connection.sendall(GET % b"a")
        while not connection.recv(65536).endswith(b" 0"):
            pass
        connection.sendall(head)
        assert refusal_of(read_all(connection))[0] == 408


def test_heads_that_trickle_are_hung_up_on(monkeypatch, address):
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.2)
    with socket.create_connection(address, timeout=20) as connection:
        stop = threading.Event()

        def trickle():
            with contextlib.suppress(OSError):
                connection.sendall(GET[:-2] % b"a")
                while not stop.wait(0.02):
                    connection.sendall(b"X")

        thread = threading.Thread(target=trickle)
        thread.start()
        assert refusal_of(read_all(connection))[0] == 408
        stop.set()
        thread.join(20)


def test_bodies_that_trickle_are_hung_up_on(monkeypatch, address):
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.1)
    monkeypatch.setattr(refusal, "DRAIN_SECONDS", 0.1)
    assert refusal_of(talk(address, POST + b"Content-Length: 4\r\n\r\n", b"ab"))[0] == 408


def endless(ended):
    async def answer(request):
        async def numbers():
            try:
                while True:
                    yield b"x" * 10_000
                    await asyncio.sleep(0)  # as a job waits for its engine
            finally:
                ended.set()

        return StreamingResponse(numbers())

    return answer


@pytest.mark.parametrize("requests", [1, 2])
def test_who_does_not_read_an_answer_is_hung_up_on(monkeypatch, requests):
    monkeypatch.setattr(connections, "STALLED_SECONDS", 0.3)
    ended = threading.Event()
    with listening(protected(answer=endless(ended))) as address, socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(address)
        connection.sendall(GET % b"a" * requests)
        assert ended.wait(20)


@pytest.mark.parametrize("requests", [1, 2])
def test_what_nobody_waits_for_ends(requests):
    ended = threading.Event()
    with listening(protected(answer=endless(ended))) as address:
        with socket.create_connection(address) as connection:
            connection.sendall(GET % b"a" * requests)
            assert connection.recv(100)
        assert ended.wait(20)


def test_garbage_does_not_mix_with_an_answer():
    ended = threading.Event()
    with listening(protected(answer=endless(ended))) as address:
        with socket.create_connection(address, timeout=20) as connection:
            connection.sendall(GET % b"a")
            assert connection.recv(100)
            connection.sendall(b"garbage\r\n\r\n")
            assert b"HTTP/1.1 400" not in read_all(connection)
        assert ended.wait(20)


def test_a_crowd_is_told_to_come_back_but_health_is_answered(monkeypatch, address):
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", 2)
    with contextlib.ExitStack() as crowd:
        first = [
            crowd.enter_context(socket.create_connection(address, timeout=20)) for _ in range(2)
        ]
        status, detail = refusal_of(talk(address, GET % b"a"))
        assert (status, detail) == (503, "too many connections: ask again in 5 s.")
        assert answers(talk(address, GET % b"health"))[0][0] == 200
        # Who was there before is still answered.
        first[0].sendall(b"GET /a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert answers(read_all(first[0]))[0][0] == 200


def test_far_too_many_connections_are_not_even_told(monkeypatch, address):
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", 1)
    with contextlib.ExitStack() as crowd:
        for _ in range(2):
            crowd.enter_context(socket.create_connection(address))
        with contextlib.suppress(OSError):
            assert talk(address, GET % b"health") == b""


def test_the_head_of_a_request_may_come_in_pieces(address):
    pieces = [bytes([letter]) for letter in GET % b"a"]
    assert answers(talk(address, *pieces))[0][0] == 200


def test_requests_that_nobody_could_answer_in_time_are_not_kept(address):
    said = talk(address, GET % b"a" * 5000)
    found = answers(said)
    assert len(found) <= connections.MOST_WAITING + 2
    status, _, body = found[-1]
    assert status == 400
    assert json.loads(body)["detail"].endswith("read answers first.")


def large(request):
    return Response(bytes(2**24))  # more than the system takes


def test_who_reads_a_large_piece_steadily_gets_all_of_it(monkeypatch):
    monkeypatch.setattr(connections, "STALLED_SECONDS", 1)
    monkeypatch.setattr(connections, "READ_PACE_BYTES", 2**18)
    with listening(protected(answer=large)) as address, socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**15)
        connection.settimeout(20)
        connection.connect(address)
        connection.sendall(GET[:-2] % b"a" + b"Connection: close\r\n\r\n")
        got = 0
        while piece := connection.recv(2**15):
            got += len(piece)
            time.sleep(0.005)  # longer than the patience for the whole
        assert got > 2**24


def test_who_reads_hardly_anything_is_hung_up_on(monkeypatch):
    monkeypatch.setattr(connections, "STALLED_SECONDS", 0.3)
    monkeypatch.setattr(connections, "READ_PACE_BYTES", 2**30)
    ended = threading.Event()
    with listening(protected(answer=endless(ended))) as address, socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**16)
        connection.settimeout(0.05)
        connection.connect(address)
        connection.sendall(GET % b"a")
        for _ in range(400):
            with contextlib.suppress(OSError):
                connection.recv(2**16)
            if ended.wait(0.01):
                break
        assert ended.is_set()
