import dataclasses

import pytest

from asked_server import client_of
from small_bundles import NETWORKS, SIZE
from small_conditional import SmallConditional
from small_served import served


@pytest.fixture(scope="module")
def client():
    ages = served("ages", SmallConditional().eval())
    with client_of(*map(served, NETWORKS), served("vae", version=2), ages, max_count=99) as client:
        yield client


def test_models_are_listed_with_what_they_can_do(client):
    models = client.get("/v1/models").json()["models"]
    assert [(model["name"], model["version"], model["tasks"]) for model in models] == [
        ("vae", 3, ["sample", "restore", "anomaly"]),
        ("gan", 3, ["sample"]),
        ("unet", 3, ["restore", "anomaly"]),
        ("vae", 2, ["sample", "restore", "anomaly"]),
        ("ages", 3, ["sample"]),
    ]
    assert models[1] == {
        "name": "gan",
        "version": 3,
        "default": True,
        "aliases": ["champion"],
        "digest": f"{3:064x}",
        "tasks": ["sample"],
        "image_size": SIZE,
        "max_count": {"png": 99, "zip": 99, "npz": 99, "nifti": 99},
        "parameters": served("gan").parameters,
        "device": "cpu",
        "conditions": [],
        "quick": False,
        "quick_frechet_ratio": None,
        "card": {"model": "gan", "notice": "synthetic"},
    }


def test_a_list_says_what_samples_can_be_asked_for(client):
    conditions = client.get("/v1/models/ages").json()["conditions"]
    assert conditions[0] == {
        "name": "age",
        "minimum": 20,
        "maximum": 90,
        "unit": "years",
        "choices": [],
    }
    assert conditions[2]["choices"] == ["female", "male"]


def test_a_model_with_a_quick_mode_says_what_it_is_known_to_cost():
    told = {"frechet_ratio": 3.0, "quick_frechet_ratio": 1.25}
    ages = served("ages", SmallConditional().eval())
    measured = dataclasses.replace(ages, name="measured", metrics=told)
    plain = dataclasses.replace(served("vae"), metrics=told)
    with client_of(ages, measured, plain) as client:
        models = client.get("/v1/models").json()["models"]
    assert [(model["quick"], model["quick_frechet_ratio"]) for model in models] == [
        (True, None),
        (True, 1.25),
        (False, None),
    ]


def test_a_model_without_samples_has_no_most_of_them(client):
    assert client.get("/v1/models/unet").json()["max_count"] == {}


def test_a_sheet_holds_fewer_than_a_file_in_pieces():
    with client_of(served("vae")) as client:
        most = client.get("/v1/models/vae").json()["max_count"]
    assert most == {"png": 256, "zip": 10_000, "npz": 10_000, "nifti": 10_000}


def test_one_version_of_each_name_is_the_default(client):
    models = client.get("/v1/models").json()["models"]
    defaults = [(model["name"], model["version"]) for model in models if model["default"]]
    assert defaults == [("vae", 3), ("gan", 3), ("unet", 3), ("ages", 3)]


def test_one_model_is_shown_by_name_and_version(client):
    assert client.get("/v1/models/vae").json() == client.get("/v1/models").json()["models"][0]
    assert client.get("/v1/models/vae", params={"version": 2}).json()["version"] == 2


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("/v1/models/vea", 404, "model 'vea' is not served here: there is 'ages', 'gan', 'unet', "),
        ("/v1/models/vae?version=7", 404, "version 7 of model 'vae' is not served here: there is "),
        ("/v1/models/vae?version=0", 422, "'version' is '0': expected "),
        ("/v1/models/vae?version=two", 422, "'version' is 'two': expected "),
    ],
)
def test_what_is_not_served_is_told_with_what_is(client, path, status, sentence):
    answer = client.get(path)
    assert answer.status_code == status
    assert answer.json()["detail"].startswith(sentence)


def test_parameters_are_those_of_the_network(client):
    count = sum(one.numel() for one in served("vae").network.parameters())
    assert client.get("/v1/models/vae").json()["parameters"] == count


def test_a_version_that_is_not_served_is_repeated_in_short(client):
    answer = client.get(f"/v1/models/vae?version={'9' * 4000}")
    assert answer.status_code == 404
    assert len(answer.json()["detail"]) < 200
