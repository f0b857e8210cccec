import dataclasses
import io
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from mrigen.models.sampling import draw_samples
from mrigen.serving.app import create_app
from mrigen.serving.served import ServedModel
from small_bundles import NETWORKS, SIZE, network

LAST = 2**63 - 1


def served(model, net=None):
    return ServedModel(
        name=model,
        version=3,
        aliases=("champion",),
        digest=f"{len(model):064x}",
        image_size=SIZE,
        network=net or network(model),
        card={"model": model, "notice": "synthetic"},
    )


@pytest.fixture(scope="module")
def client():
    with TestClient(create_app([served(model) for model in NETWORKS])) as client:
        yield client


def ask(client, model="vae", **body):
    return client.post(f"/v1/models/{model}/samples", json=body)


def arrays(answer):
    with np.load(io.BytesIO(answer.content), allow_pickle=False) as loaded:
        return dict(loaded)


def test_the_server_is_alive_and_ready(client):
    assert client.get("/health").json() == {"status": "ok", "version": "0.1.0"}
    assert client.get("/ready").json() == {"ready": True, "models": 3}


def test_the_server_is_not_ready_before_its_models_are():
    answer = TestClient(create_app([served("vae")])).get("/ready")
    assert (answer.status_code, answer.json()["ready"]) == (503, False)


def test_models_are_listed_with_what_they_can_do(client):
    models = client.get("/v1/models").json()["models"]
    assert [(model["name"], model["tasks"]) for model in models] == [
        ("vae", ["sample", "reconstruct"]),
        ("gan", ["sample"]),
        ("unet", ["reconstruct"]),
    ]
    assert models[0] == {
        "name": "vae",
        "version": 3,
        "aliases": ["champion"],
        "digest": f"{3:064x}",
        "tasks": ["sample", "reconstruct"],
        "image_size": SIZE,
        "card": {"model": "vae", "notice": "synthetic"},
    }


def test_the_start_page_and_the_schema_name_what_can_be_asked(client):
    links = client.get("/").json()["links"]
    assert all(client.get(link).status_code == 200 for link in links)
    assert "/v1/models/{name}/samples" in client.get("/openapi.json").json()["paths"]


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
def test_no_page_loads_scripts_from_elsewhere(client, page):
    assert client.get(page).status_code == 404


@pytest.mark.parametrize("model", ["vae", "gan"])
def test_an_archive_has_the_samples_of_the_seeds(client, model):
    answer = ask(client, model, count=18, seed=40, format="npz")
    assert answer.status_code == 200
    loaded = arrays(answer)
    expected = draw_samples(network(model), range(40, 58))[:, 0].numpy()
    assert np.array_equal(loaded["images"], expected)
    assert loaded["seeds"].tolist() == list(range(40, 58))


def test_a_picture_shows_every_sample(client):
    answer = ask(client, count=4, seed=1)
    assert answer.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(answer.content)).size == (2 * SIZE + 2, 2 * SIZE + 2)


def test_the_answer_names_its_origin(client):
    headers = ask(client, count=2, seed=11, format="npz").headers
    assert headers["mrigen-model"] == "vae"
    assert headers["mrigen-version"] == "3"
    assert headers["mrigen-digest"] == f"{3:064x}"
    assert headers["mrigen-seed"] == "11"
    assert headers["content-disposition"] == 'inline; filename="vae-3-11.npz"'


def test_without_a_seed_the_server_picks_one_and_names_it(client):
    first, second = ask(client, count=2), ask(client, count=2)
    assert first.content != second.content
    again = ask(client, count=2, seed=int(first.headers["mrigen-seed"]))
    assert again.content == first.content


def test_a_seed_gives_the_same_bytes_whatever_is_asked_beside_it(client):
    bodies = [
        {"count": count, "seed": seed, "format": kind}
        for count in (1, 3, 17)
        for seed in (0, 5)
        for kind in ("png", "npz")
    ]
    alone = [ask(client, **body).content for body in bodies]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda body: ask(client, **body).content, bodies * 2))
    assert together == alone * 2


def test_a_sample_does_not_depend_on_its_place(client):
    many = arrays(ask(client, count=20, seed=100, format="npz"))["images"]
    one = arrays(ask(client, count=1, seed=119, format="npz"))["images"]
    assert np.array_equal(many[19], one[0])


def test_the_largest_seeds_work(client):
    loaded = arrays(ask(client, count=2, seed=LAST - 1, format="npz"))
    assert loaded["seeds"].tolist() == [LAST - 1, LAST]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"count": 0}, "'count' is 0"),
        ({"count": 257}, "'count' is 257"),
        ({"count": 10**30}, "'count' is 1000"),
        ({"count": "4"}, "'count' is '4'"),
        ({"count": 4.5}, "'count' is 4.5"),
        ({"count": True}, "'count' is 'true'"),
        ({"count": None}, "'count' is None"),
        ({"seed": -1}, "'seed' is -1"),
        ({"seed": 2**63}, "'seed' is"),
        ({"seed": LAST, "count": 2}, "below 2\\*\\*63"),
        ({"format": "exe"}, "'format' is 'exe': expected 'png' or 'npz'"),
        ({"cuont": 4}, "'cuont' is not a known field"),
        ({"count": 4, "extra": {"a": [1]}}, "'extra' is not a known field"),
        ([], "not a JSON object"),
        (None, "not a JSON object"),
        ("text", "not a JSON object"),
    ],
)
def test_what_cannot_be_answered_is_refused_in_a_sentence(client, body, sentence):
    answer = client.post("/v1/models/vae/samples", json=body)
    assert answer.status_code == 422
    assert list(answer.json()) == ["detail"]
    assert answer.json()["detail"].endswith(".")
    assert re.search(sentence, answer.json()["detail"])


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe", b'{"count": NaN}', b'{"count": 1e999}', b'"\\ud800"']
)
def test_a_damaged_body_is_refused(client, content):
    headers = {"Content-Type": "application/json"}
    answer = client.post("/v1/models/vae/samples", content=content, headers=headers)
    assert answer.status_code in {400, 422}
    assert isinstance(answer.json()["detail"], str)


def test_a_refused_value_is_repeated_shortly(client):
    answer = ask(client, **{"x" * 10_000: 1, "format": "\u202e<script>" * 1000})
    assert answer.status_code == 422
    assert len(answer.content) < 500
    assert answer.content.isascii()


def test_a_body_of_another_type_is_refused(client):
    answer = client.post("/v1/models/vae/samples", data={"count": "1"})
    assert answer.status_code == 422
    assert "Content-Type: application/json" in answer.json()["detail"]


def test_an_unknown_model_is_told_with_the_known_ones(client):
    answer = ask(client, "vea", count=1)
    assert answer.status_code == 404
    assert (
        answer.json()["detail"] == "model 'vea' is not served here: there is 'gan', 'unet', 'vae'."
    )


def test_a_model_that_restores_cannot_sample(client):
    answer = ask(client, "unet", count=1)
    assert answer.status_code == 422
    assert "restores images" in answer.json()["detail"]


def test_large_images_are_fewer_in_one_request():
    large = dataclasses.replace(served("vae"), image_size=2048)
    with TestClient(create_app([large])) as client:
        answer = ask(client, count=5)
        assert ask(client, count=4).status_code == 200
    assert answer.status_code == 422
    assert "'count' is 5" in answer.json()["detail"]
    assert "2048 pixels, at most 4 in one request" in answer.json()["detail"]


def test_an_unknown_address_is_told_with_the_known_ones(client):
    answer = client.get("/v2/models")
    assert answer.status_code == 404
    assert answer.json()["detail"].startswith("there is nothing at '/v2/models': ")
    assert "/v1/models, /v1/models/{name}/samples" in answer.json()["detail"]


def test_a_wrong_method_is_told_with_the_right_one(client):
    answer = client.get("/v1/models/vae/samples")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.json()["detail"] == "'/v1/models/vae/samples' does not answer GET: use POST."


def chunks(size):
    for _ in range(size // 1024):
        yield b" " * 1024


@pytest.mark.parametrize("content", [b" " * (64 * 1024 + 1), chunks(128 * 1024)])
def test_a_large_body_is_refused_declared_or_not(client, content):
    headers = {"Content-Type": "application/json"}
    answer = client.post("/v1/models/vae/samples", content=content, headers=headers)
    assert answer.status_code == 413


def test_a_body_in_pieces_is_read_whole(client):
    pieces = iter([b'{"cou', b'nt": 1,', b' "seed": 4}'])
    headers = {"Content-Type": "application/json"}
    answer = client.post("/v1/models/vae/samples", content=pieces, headers=headers)
    assert answer.content == ask(client, count=1, seed=4).content


@pytest.mark.parametrize("path", ["/", "/v1/models", "/nothing", "/v1/models/vae/samples"])
def test_every_answer_has_the_security_headers(client, path):
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["x-frame-options"] == "DENY"


class Broken:
    noise_shape = (1,)
    calls = 0

    def sample(self, noise, conditions=None):
        Broken.calls += 1
        if Broken.calls > 1:
            raise RuntimeError("secret path /home/me")
        return noise[:, :, None, None]


def test_a_failure_tells_nothing_of_the_inside():
    app = create_app([served("vae", Broken())])
    with TestClient(app, raise_server_exceptions=False) as client:
        answer = ask(client, count=1)
    assert answer.status_code == 500
    assert answer.json() == {"detail": "the server failed to answer; its log says why."}
    assert answer.headers["x-content-type-options"] == "nosniff"


class Slow:
    noise_shape = (1,)

    def __init__(self):
        self.started, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()

    def sample(self, noise, conditions=None):
        self.started.set()
        self.go_on.wait(30)
        return noise.sigmoid()[:, :, None, None]


def test_a_busy_server_says_when_to_come_back():
    slow = Slow()
    with TestClient(create_app([served("vae", slow)], places=1)) as client:
        slow.started.clear()
        slow.go_on.clear()
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(ask, client, count=1, seed=0)
            slow.started.wait(30)
            second = ask(client, count=1, seed=1)
            assert client.get("/health").status_code == 200
            slow.go_on.set()
            assert first.result().status_code == 200
        assert second.status_code == 503
        assert second.headers["retry-after"] == "1"
        assert ask(client, count=1, seed=1).status_code == 200
