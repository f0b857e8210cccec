import io
import json
import zipfile

import numpy as np
import pytest

from mrigen.client import Client
from mrigen.errors import ClientError
from scripted_server import answering, hanging_up, scripted_server

DIGEST = f"{3:064x}"
ORIGIN = {
    "Mrigen-Model": "vae",
    "Mrigen-Version": "3",
    "Mrigen-Digest": DIGEST,
    "Mrigen-Device": "cpu",
}


@pytest.fixture
def naps(monkeypatch):
    """Seconds that would have been waited."""
    waited = []
    monkeypatch.setattr("mrigen.client.connection.time.sleep", waited.append)
    return waited


def listing(size=4):
    entry = {"name": "vae", "version": 3, "digest": DIGEST, "tasks": ["sample"]}
    return answering(json.dumps({"models": [entry | {"image_size": size}]}).encode())


def archive(**arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def drawn(count=2, size=4, first=5):
    images = np.full((count, size, size), 0.5, np.float32)
    return archive(images=images, seeds=np.arange(count) + first)


@pytest.mark.parametrize(("asked", "told"), [(True, {}), (False, {"Mrigen-Quick": "true"})])
def test_the_other_mode_than_was_asked_for_is_refused(tmp_path, asked, told):
    answer = answering(drawn(), headers=ORIGIN | told)
    with scripted_server(listing(), answer, listing(), answer) as (url, _), Client(url) as client:
        with pytest.raises(ClientError, match="as was asked for"):
            client.sample("vae", count=2, seed=5, quick=asked)
        with pytest.raises(ClientError, match="as was asked for"):
            client.download("vae", tmp_path / "x.npz", count=2, seed=5, quick=asked)
    assert list(tmp_path.iterdir()) == []


def test_a_busy_server_is_asked_again_when_it_says(naps):
    busy = answering(b'{"detail": "busy."}', 503, {"Retry-After": "2"})
    over = answering(b'{"detail": "too often."}', 429, {"Retry-After": "7"})
    with (
        scripted_server(listing(), busy, over, answering(drawn(), headers=ORIGIN)) as (url, asked),
        Client(url) as client,
    ):
        assert len(client.sample("vae", count=2, seed=5).images) == 2
    assert [2 <= naps[0] <= 2.4, 7 <= naps[1] <= 8.4] == [True, True]
    assert len({body for path, _, body in asked if "samples" in path}) == 1


def test_a_server_that_stays_busy_is_given_up(naps):
    busy = answering(b'{"detail": "busy: ask again in 9 s."}', 503, {"Retry-After": "9"})
    with (
        scripted_server(busy) as (url, asked),
        Client(url, patience_s=5) as client,
        pytest.raises(ClientError, match="status 503: busy: ask again in 9 s") as told,
    ):
        client.models()
    assert told.value.status == 503
    assert (len(asked), naps) == (1, [])


def test_a_lost_connection_brings_the_same_request_again(naps):
    cut_off = answering(drawn()[:-40], headers=ORIGIN, length=len(drawn()))
    with (
        scripted_server(listing(), hanging_up, cut_off, answering(drawn(), headers=ORIGIN)) as (
            url,
            asked,
        ),
        Client(url) as client,
        # Its seed is one that the client has drawn, so the archive is of others.
        pytest.raises(ClientError, match="other seeds than"),
    ):
        client.sample("vae", count=2)
    bodies = [json.loads(body) for path, _, body in asked if "samples" in path]
    assert len(bodies) == 3
    assert bodies[0] == bodies[1] == bodies[2]
    assert bodies[0]["seed"] is not None
    assert bodies[0]["version"] == 3


def test_a_cut_off_download_leaves_no_file(tmp_path, naps):
    cut_off = answering(drawn()[:-40], headers=ORIGIN, length=len(drawn()))
    with (
        scripted_server(listing(), cut_off) as (url, _),
        Client(url, patience_s=0) as client,
        pytest.raises(ClientError, match="connection was lost"),
    ):
        client.download("vae", tmp_path / "x.npz", count=2, seed=5)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_not_there_is_told_at_once(naps):
    with Client("http://127.0.0.1:9") as client, pytest.raises(ClientError, match="see that it"):
        client.models()
    assert naps == []


def huge(shape):
    header = io.BytesIO()
    words = {"descr": "<f4", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, words)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        made.writestr("images.npy", header.getvalue() + bytes(64))
    return buffer.getvalue()


def damaged():
    content = bytearray(drawn())
    content[200] ^= 1
    return bytes(content)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (drawn(count=3), r"'images' in the server's answer is float32 \(3, 4, 4\)"),
        (drawn(size=5), r"is float32 \(2, 5, 5\): expected float32 \(2, 4, 4\)"),
        (drawn(first=6), "other seeds than 5"),
        (archive(images=np.zeros((2, 4, 4))), "is float64"),
        (archive(seeds=np.arange(2)), "'images' in the server's answer is missing"),
        (archive(images=np.array([None, {}], object)), "an array of the type object"),
        (huge((10**9, 64, 64)), "size is not that of its values"),
        (huge((2**62, 2**62)), "size is not that of its values"),
        (b"PK hello", "no whole archive"),
        (b"", "no whole archive"),
        (damaged(), "no whole archive"),
        (bytes(2**20), "more than"),
    ],
)
def test_answers_that_lie_are_refused(body, words):
    with (
        scripted_server(listing(), answering(body, headers=ORIGIN)) as (url, _),
        Client(url) as client,
        pytest.raises(ClientError, match=words),
    ):
        client.sample("vae", count=2, seed=5)


def test_a_bomb_is_not_unpacked():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("images.npy", bytes(2**24))
    bomb = answering(buffer.getvalue(), headers=ORIGIN)
    with (
        scripted_server(listing(), bomb) as (url, _),
        Client(url) as client,
        pytest.raises(ClientError, match="too many bytes"),
    ):
        client.sample("vae", count=2, seed=5)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("x.npz", drawn(count=1)),
        ("x.npz", damaged()),
        ("x.zip", drawn()),
        ("x.png", b"\x89PNG\r\n\x1a\n" + bytes(50)),
        ("x.png", drawn()),
        ("x.nii", bytes(352 + 2 * 4 * 16)),
        ("x.nii", b""),
    ],
)
def test_a_download_that_is_not_whole_leaves_no_file(tmp_path, name, body):
    with (
        scripted_server(listing(), answering(body, headers=ORIGIN)) as (url, _),
        Client(url) as c,
        pytest.raises(ClientError, match="no whole"),
    ):
        c.download("vae", tmp_path / name, count=2, seed=5)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({}, "no header 'Mrigen-Model'"),
        (ORIGIN | {"Mrigen-Digest": "0" * 64}, "expected version 3 of 'vae'"),
        (ORIGIN | {"Content-Encoding": "gzip"}, "content encoding 'gzip'"),
    ],
)
def test_answers_of_another_origin_are_refused(headers, words):
    with (
        scripted_server(listing(), answering(drawn(), headers=headers)) as (url, _),
        Client(url) as client,
        pytest.raises(ClientError, match=words),
    ):
        client.sample("vae", count=2, seed=5)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"models": 1}', b'{"models": [{}]}', b"[" * 10**5]
)
def test_what_is_no_list_of_models_is_told(body):
    with (
        scripted_server(answering(body)) as (url, _),
        Client(url) as client,
        pytest.raises(ClientError, match="expected a server of mrigen"),
    ):
        client.models()


def test_a_refusal_cannot_steer_the_terminal_or_flood_it():
    rude = answering(json.dumps({"detail": "\x1b[2J" + "x" * 9999}).encode(), 500)
    with (
        scripted_server(rude) as (url, _),
        Client(url) as client,
        pytest.raises(ClientError, match=r"\\x1b\[2Jx") as told,
    ):
        client.models()
    assert len(str(told.value)) < 1000


def test_a_redirect_is_not_followed_with_the_key():
    with scripted_server(listing()) as (other, elsewhere):
        away = answering(b"", 307, {"Location": f"{other}/v1/models"})
        with (
            scripted_server(away) as (url, _),
            Client(url, "key-1") as client,
            pytest.raises(ClientError, match="not followed"),
        ):
            client.models()
        assert elsewhere == []


def test_the_key_is_sent_and_never_shown(monkeypatch):
    refused = answering(b'{"detail": "no key."}', 401)
    with scripted_server(refused) as (url, asked):
        with Client(url, "given-1") as client, pytest.raises(ClientError) as told:
            client.models()
        monkeypatch.setenv("MRIGEN_API_KEY", "from-outside")
        with Client(url) as client, pytest.raises(ClientError):
            client.models()
    assert [headers["Authorization"] for _, headers, _ in asked] == [
        "Bearer given-1",
        "Bearer from-outside",
    ]
    assert str(told.value).endswith("by --api-key-file or in MRIGEN_API_KEY.")
    assert "401: no key. " in str(told.value)
    assert "given-1" not in str(told.value)
    assert told.value.status == 401


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "schlüssel"])
def test_a_key_that_cannot_be_sent_is_refused_unseen(key):
    with pytest.raises(ClientError, match="expected the key alone") as told:
        Client("http://127.0.0.1:8000", key)
    assert key not in str(told.value)


@pytest.mark.parametrize(
    "address",
    ["", "localhost:8000", "ftp://host", "file:///etc/passwd", "http://", "http://h:x",
     "http://me:secret@host", "http://host?token=secret", "http://host#secret"],
)  # fmt: skip
def test_what_is_no_address_is_refused_unseen(address):
    with pytest.raises(ClientError, match="expected 'http://host:port'") as told:
        Client(address)
    assert "secret" not in str(told.value)
