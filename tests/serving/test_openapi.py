from hashlib import sha256

import pytest
import requests
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from live_server import listening
from mrigen.serving.app import create_app
from mrigen.serving.keys import ApiKeys
from mrigen.serving.schemas import LAST_SEED
from mrigen.serving.settings import ServingSettings
from mrigen.serving.shelf import Shelf
from small_bundles import NETWORKS
from small_conditional import SmallConditional
from small_served import served

KEY = "a-key-for-the-tests"
DESCRIBED = create_app(Shelf()).openapi()
OPERATIONS = [
    (path, method, mode)
    for path, methods in DESCRIBED["paths"].items()
    for method, operation in methods.items()
    for mode in GenerationMode
    # Where nothing can be named, nothing can be named wrongly.
    if mode.is_positive or "parameters" in operation
]
UPLOADS = ("/v1/models/{name}/restore", "/v1/models/{name}/anomaly")  # chance writes no pictures
CHECKS = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]


@pytest.fixture(scope="module")
def server():
    """Serve small networks behind a real socket, as a client with a key finds them."""
    models = [served("ages", SmallConditional().eval()), *map(served, NETWORKS)]
    keys = ApiKeys([("tests", sha256(KEY.encode()).digest())])
    app = create_app(Shelf(models), ServingSettings(max_count=32), keys=keys)
    with listening(app) as (host, port), requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {KEY}"
        schema = schemathesis.openapi.from_dict(app.openapi())
        yield schema, f"http://{host}:{port}", session


@pytest.mark.parametrize(("path", "method", "mode"), OPERATIONS)
def test_the_server_answers_as_it_is_described(server, path, method, mode):
    schema, address, session = server
    statuses = set()
    named = {"name": "vae"} if "{name}" in path and mode.is_positive else None
    cases = schema[path][method].as_strategy(generation_mode=mode, path_parameters=named)

    @settings(
        max_examples=10, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(case=cases)
    def ask(case):
        answer = case.call_and_validate(base_url=address, session=session, checks=CHECKS)
        statuses.add(answer.status_code)

    ask()
    if mode.is_positive and path not in UPLOADS:
        assert 200 in statuses


@pytest.mark.parametrize("name", ["vae", "ages", "unet", "nobody"])
def test_samples_of_every_model_are_answered_as_described(server, name):
    schema, address, session = server
    operation = schema["/v1/models/{name}/samples"]["post"]
    for body in (
        {"count": 2, "seed": 1, "format": "npz"},
        {"conditions": {"age": 30, "sex": "male"}},
        {"conditions": {"age": "old"}},
        {"version": 9},
    ):
        case = operation.Case(
            path_parameters={"name": name}, body=body, media_type="application/json"
        )
        case.call_and_validate(base_url=address, session=session, checks=CHECKS)


def test_a_request_without_a_key_is_answered_as_described(server):
    schema, address, _ = server
    for path in ("/v1/models", "/metrics"):
        case = schema[path]["get"].Case()
        answer = case.call_and_validate(base_url=address, checks=CHECKS)
        assert answer.status_code == 401


def test_a_key_is_needed_where_there_are_keys_and_optional_elsewhere():
    def security(keys):
        paths = create_app(Shelf(), keys=keys).openapi()["paths"]
        return {path: paths[path]["get"].get("security") for path in ("/v1/models", "/health")}

    assert security(None) == {"/v1/models": [{}, {"key": []}], "/health": None}
    keys = ApiKeys([("tests", sha256(KEY.encode()).digest())])
    assert security(keys) == {"/v1/models": [{"key": []}], "/health": None}


def test_limits_are_those_of_the_server():
    app = create_app(Shelf(), ServingSettings(max_count=77))
    fields = app.openapi()["components"]["schemas"]["SampleRequest"]["properties"]
    assert (fields["count"]["minimum"], fields["count"]["maximum"]) == (1, 77)
    # As a float this would be the number after it.
    assert fields["seed"]["anyOf"][0]["maximum"] == LAST_SEED


def test_every_refusal_is_described_as_one_sentence_of_json():
    for path, methods in DESCRIBED["paths"].items():
        for operation in methods.values():
            refusals = {status for status in operation["responses"] if status >= "400"}
            assert {"400", "421", "422", "500", "503"} <= refusals
            if path.startswith("/v1"):
                assert {"401", "403", "429"} <= refusals
            for status in refusals - ({"503"} if path == "/ready" else set()):
                content = operation["responses"][status]["content"]["application/json"]
                assert content["schema"] == {"$ref": "#/components/schemas/Problem"}


def test_answers_with_images_describe_files_and_their_origin():
    answer = DESCRIBED["paths"]["/v1/models/{name}/samples"]["post"]["responses"]["200"]
    assert set(answer["content"]) == {
        "image/png",
        "application/zip",
        "application/x-npz",
        "application/x-nifti",
    }
    for content in answer["content"].values():
        assert content["schema"] == {"type": "string", "format": "binary"}
    told = {"Mrigen-Model", "Mrigen-Version", "Mrigen-Digest", "Mrigen-Device", "Mrigen-Seed"}
    assert told | {"Mrigen-Synthetic"} <= set(answer["headers"])


def test_the_description_is_served():
    with TestClient(create_app(Shelf())) as client:
        assert client.get("/openapi.json").json() == DESCRIBED
