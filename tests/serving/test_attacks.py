"""What somebody could send to the whole server over a real connection."""

import json
import re

import pytest

from live_server import listening, talk
from mrigen.serving.app import create_app
from mrigen.serving.keys import find_keys
from mrigen.serving.protection.hosts import host_names
from mrigen.serving.shelf import Shelf
from small_served import served

KEY = "0123456789abcdef-anna"
PATHS = [
    "/v1/models/..%2f..%2fetc%2fpasswd",
    "/v1/models/../../etc/passwd",
    "/v1/models/%2e%2e/%2e%2e/samples",
    "/v1/models/..\\..\\samples",
    "/v1/models/vae%00/samples",
    "/v1/models/%ff%fe/samples",
    "/v1/models/%ed%a0%80/samples",
    "/v1/models/%e2%80%ae/samples",
    "/v1/models/%0d%0aSet-Cookie:%20a=b/samples",
    "/v1/models/<script>alert(1)</script>/samples",
    "/v1/models//samples",
    "/v1/models/vae/samples/",
    "/v1/models/vae/samples;a=b",
    "/v1/models/vae/samples%2f",
    "/V1/models",
    "//evil.example/v1/models",
    "/page/..%2f..%2fapp.py",
    "/page/../../app.py",
    "/page/%2e%2e%2fkeys.py",
    "/page//etc/passwd",
    "/page/%00",
    "/page/base.html%00.js",
    "/%",
    "/%zz",
    "/?" + "a=b&" * 1000,
    "/health?x=1",
    "*",
    "/" + "a" * 20_000,
]
INSIDE = re.compile(rb"/(work|root|home|tmp|src)/|root:x:|Traceback|site-packages|import ")


@pytest.fixture(scope="module")
def address():
    app = create_app(Shelf([served()]), hosts=host_names("127.0.0.1", [], keys=None))
    with listening(app, timeout_keep_alive=0.1) as address:
        yield address


def request(method, path, body=b"", *headers):
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "Connection: close", *headers, "\r\n"]).encode("latin-1") + body


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_no_path_leads_inside_or_to_a_failure(address, method):
    for path in PATHS:
        said = talk(address, request(method, path, b"{}"))
        status = int(said.split()[1])
        assert status < 500, path
        head, _, body = said.partition(b"\r\n\r\n")
        assert not re.search(rb"location:|set-cookie:", head.lower())
        assert not INSIDE.search(said), path
        if status >= 400:
            assert json.loads(body)["detail"].endswith("."), path
            assert len(body) < 1000


BODIES = [
    ("samples", "application/json", b'{"count": 1e308}'),
    ("samples", "application/json", b"[" * 60_000),
    ("samples", "application/json", b'{"a":' * 10_000),
    ("samples", "application/json", b'{"count": ' + b"9" * 60_000 + b"}"),
    ("samples", "application/json", b'{"conditions": {"__proto__": "\\ud800"}}'),
    ("samples", "application/json; charset=utf-7", b"+AHs-}"),
    ("samples", "application/json", b'{"count": 1, "count": 100000000}'),
    ("samples", "text/plain", b'{"count": 1}'),
    ("samples", "application/x-www-form-urlencoded", b'{"count": 1}'),
    ("samples", "multipart/form-data; boundary=a", b'--a\r\n\r\n{"count": 1}\r\n--a--'),
    ("samples", "", b'{"count": 1}'),
    ("restore", "image/png", b"\x89PNG\r\n\x1a\n" + b"\0" * 1000),
    ("restore", "application/gzip", b"\x1f\x8b" + b"\xff" * 1000),
    ("restore", "application/octet-stream", b"PK\x03\x04" + b"\0" * 1000),
    ("anomaly", "application/x-npz", b"\x93NUMPY" + b"\0" * 1000),
    ("anomaly", "application/json", b"{}"),
]


@pytest.mark.parametrize(("route", "kind", "body"), BODIES)
def test_no_body_leads_to_a_failure_or_to_work(address, route, kind, body):
    header = [f"Content-Type: {kind}"] if kind else []
    said = talk(address, request("POST", f"/v1/models/vae/{route}", body, *header))
    head, _, answer = said.partition(b"\r\n\r\n")
    assert 400 <= int(head.split()[1]) < 500
    assert not INSIDE.search(answer)
    assert json.loads(answer)["detail"].endswith(".")


def test_a_preflight_is_answered_without_permission(address):
    headers = ["Origin: http://evil.example", "Access-Control-Request-Method: POST"]
    said = talk(address, request("OPTIONS", "/v1/models/vae/samples", b"", *headers))
    assert said.startswith(b"HTTP/1.1 405 ")
    assert b"access-control" not in said.lower()


def test_a_page_that_renamed_this_server_gets_nothing(address):
    said = talk(address, request("GET", "/v1/models").replace(b"localhost", b"evil.example"))
    assert said.startswith(b"HTTP/1.1 421 ")


def test_no_path_goes_round_the_keys():
    keys = find_keys(None, {"MRIGEN_API_KEY": KEY})
    with listening(create_app(Shelf([served()]), keys=keys), timeout_keep_alive=0.1) as address:
        for path in PATHS:
            if not path.startswith(("/?", "/health")):
                status = int(talk(address, request("GET", path)).split()[1])
                assert status == (404 if path.startswith("/page/") else 401), path
