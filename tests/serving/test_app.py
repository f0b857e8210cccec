from hashlib import sha256

import pytest
from fastapi.testclient import TestClient

from asked_server import ask, client_of
from mrigen.serving.app import create_app
from mrigen.serving.keys import ApiKeys
from mrigen.serving.shelf import Shelf
from small_bundles import NETWORKS
from small_served import served


@pytest.fixture(scope="module")
def client():
    with client_of(*map(served, NETWORKS)) as client:
        yield client


def test_every_described_route_answers(client):
    paths = client.get("/openapi.json").json()["paths"]
    assert {"/health", "/ready", "/metrics", "/v1/models", "/v1/models/{name}/samples"} <= set(
        paths
    )
    for path, operations in paths.items():
        for method in operations:
            answer = client.request(method, path.replace("{name}", "vae"))
            assert answer.status_code not in {404, 405, 500}, path


def test_an_unknown_address_is_told_with_the_known_ones(client):
    answer = client.get("/v2/models")
    assert answer.status_code == 404
    assert answer.json()["detail"].startswith("there is nothing at '/v2/models': ")
    assert "/v1/models/{name}/samples" in answer.json()["detail"]


def test_a_wrong_method_is_told_with_the_right_one(client):
    answer = client.get("/v1/models/vae/samples")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.json()["detail"] == "'/v1/models/vae/samples' does not answer GET: use POST."


@pytest.mark.parametrize(
    "path", ["/health", "/ready", "/metrics", "/v1/models", "/v1/models/vae", "/docs"]
)
def test_unknown_query_parameters_are_refused_on_every_described_route(client, path):
    answer = client.get(path, params={"versoin": 3})
    if path == "/docs":  # a page for people, who arrive by links of all kinds
        assert answer.status_code == 200
        return
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("query parameter 'versoin' is not known: ")


def test_unknown_query_parameters_are_refused_with_a_body_too(client):
    answer = client.post("/v1/models/vae/samples?count=4", json={})
    assert answer.status_code == 422
    assert answer.json()["detail"] == (
        "query parameter 'count' is not known: this route takes none."
    )


@pytest.mark.parametrize("path", ["/v1/models", "/nothing", "/v1/models/vae/samples", "/metrics"])
def test_every_answer_has_the_security_headers(client, path):
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["x-frame-options"] == "DENY"


def test_every_v1_route_and_the_counters_need_a_key_where_there_are_keys():
    keys = ApiKeys([("tests", sha256(b"secret-key-of-the-tests").digest())])
    with client_of(served("vae"), keys=keys) as client:
        assert ask(client).status_code == 401
        assert client.get("/metrics").status_code == 401
        assert client.get("/docs").status_code == 200


def test_two_servers_of_one_process_count_apart():
    with client_of(served("vae")) as first, client_of(served("vae")) as second:
        ask(first)
        assert 'route="/v1/models/{name}/samples"' in first.get("/metrics").text
        assert 'route="/v1/models/{name}/samples"' not in second.get("/metrics").text


def test_an_app_can_be_made_before_there_is_a_loop():
    assert TestClient(create_app(Shelf())).get("/health").status_code == 200
