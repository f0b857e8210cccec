from mrigen.serving.app import create_app
from mrigen.serving.reference.operations import operations
from mrigen.serving.settings import ServingSettings
from mrigen.serving.shelf import Shelf


def described():
    listed = operations(create_app(Shelf(), ServingSettings(max_count=77)).openapi())
    return {f"{one.method} {one.path}": one for one in listed}


def named(fields):
    return {field.name: field for field in fields}


def test_every_route_is_there_with_a_place_of_its_own():
    listed = described()
    assert len({one.anchor for one in listed.values()}) == len(listed)
    assert listed["POST /v1/models/{name}/samples"].anchor == "post-v1-models-name-samples"
    assert listed["POST /v1/models/{name}/samples"].guarded
    assert not listed["GET /health"].guarded


def test_fields_have_types_limits_defaults_and_meanings():
    operation = described()["POST /v1/models/{name}/samples"]
    body = named(operation.body)
    assert list(body) == ["count", "seed", "version", "conditions", "quick", "format"]
    assert (body["count"].kind, body["count"].limits, body["count"].default) == (
        "whole number",
        "from 1 to 77",
        "1",
    )
    assert body["seed"].limits == "from 0 to 9223372036854775807"
    assert (body["format"].kind, body["format"].limits) == ("choice", "png, zip, npz, nifti")
    assert all(field.meaning for field in body.values())
    assert named(operation.parameters)["name"].required
    assert operation.body_kinds == ("application/json",)


def test_answers_have_kinds_headers_and_the_fields_of_their_lists():
    listed = described()
    samples = listed["POST /v1/models/{name}/samples"].answers[0]
    assert samples.status == "200"
    assert "application/x-nifti" in samples.kinds
    assert named(samples.headers)["Mrigen-Seed"].kind == "whole number"
    models = named(listed["GET /v1/models"].answers[0].fields)
    assert models["models"].kind == "list of object"
    assert models["models[].conditions[].choices"].kind == "list of text"


def test_refusals_come_in_order_with_their_headers():
    answers = described()["POST /v1/models/{name}/samples"].answers
    statuses = [answer.status for answer in answers]
    assert statuses == sorted(statuses)
    assert "413" in statuses
    busy = next(answer for answer in answers if answer.status == "503")
    assert "Retry-After" in named(busy.headers)
    assert busy.fields == ()
