from fastapi.testclient import TestClient

from asked_server import client_of
from mrigen import __version__
from mrigen.serving.app import create_app
from mrigen.serving.shelf import Shelf
from small_served import served


def test_the_server_is_alive_and_ready():
    with client_of(served("vae"), served("gan")) as client:
        assert client.get("/health").json() == {"status": "ok", "version": __version__}
        assert client.get("/ready").json() == {"ready": True, "models": 2}


def test_the_server_is_not_ready_before_it_has_started():
    answer = TestClient(create_app(Shelf([served("vae")]))).get("/ready")
    assert (answer.status_code, answer.json()["ready"]) == (503, False)


def test_the_server_lives_but_is_not_ready_while_it_drains():
    with client_of(served("vae")) as client:
        client.app.state.server.draining = True
        assert client.get("/ready").status_code == 503
        assert client.get("/health").status_code == 200
