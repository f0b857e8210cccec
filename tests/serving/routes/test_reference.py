import re
from base64 import b64encode
from hashlib import sha256

import pytest

from asked_server import client_of
from mrigen.serving.keys import ApiKeys
from parsed_page import ParsedPage
from small_served import served


@pytest.fixture(scope="module")
def answer():
    with client_of(served("vae")) as client:
        return client.get("/docs")


@pytest.fixture(scope="module")
def paths():
    with client_of(served("vae")) as client:
        return client.get("/openapi.json").json()["paths"]


def test_every_route_has_a_heading_that_the_contents_lead_to(answer, paths):
    page = ParsedPage(answer.text)
    places = {heading["id"] for heading in page.attributes("h2")}
    links = {link["href"][1:] for link in page.attributes("a") if link["href"].startswith("#")}
    assert len(places) == sum(map(len, paths.values()))
    assert links == places
    for path in paths:
        assert path in page.text


def test_nothing_runs_and_nothing_comes_from_elsewhere(answer):
    page = ParsedPage(answer.text)
    assert not {"script", "iframe", "img", "object", "form"} & {tag for tag, _ in page.tags}
    targets = [
        value
        for _, attributes in page.tags
        for key, value in attributes.items()
        if key in {"href", "src"}
    ]
    assert all(target.startswith(("#", "/", "data:,")) for target in targets)
    assert "url(" not in answer.text


def test_the_policy_allows_the_style_of_the_page_and_nothing_else(answer):
    (style,) = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    policy = answer.headers["content-security-policy"]
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none'; ")
    assert "script-src" not in policy
    assert "unsafe" not in policy


def test_a_server_with_keys_says_where_they_are_needed():
    keys = ApiKeys([("tests", sha256(b"a-key-for-the-tests").digest())])
    with client_of(served("vae"), keys=keys) as client:
        page = ParsedPage(client.get("/docs").text)
    assert "Authorization: Bearer KEY" in page.text
    assert page.text.count("Needs a key.") >= 4
    assert "a-key-for-the-tests" not in page.text


def test_a_server_without_keys_does_not_speak_of_them(answer):
    assert "Needs a key." not in ParsedPage(answer.text).text


def test_the_page_is_made_once():
    with client_of(served("vae")) as client:
        assert client.get("/docs").content == client.get("/docs").content
        assert client.app.reference is client.app.reference
