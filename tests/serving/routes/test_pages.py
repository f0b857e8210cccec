import re

import pytest

from asked_server import client_of
from mrigen.serving.routes.pages import PAGE_FILES
from parsed_page import ParsedPage
from small_served import served

TEXT = {name: content.decode() for name, content in PAGE_FILES.items()}


@pytest.fixture(scope="module")
def client():
    with client_of(served()) as client:
        yield client


def test_the_page_and_its_parts_are_served_with_their_types(client):
    assert client.get("/").headers["content-type"] == "text/html; charset=utf-8"
    assert client.get("/").content == PAGE_FILES["index.html"]
    types = {name: client.get(f"/page/{name}").headers["content-type"] for name in PAGE_FILES}
    assert types["style.css"] == "text/css; charset=utf-8"
    assert types["main.js"] == "text/javascript; charset=utf-8"


def test_the_page_is_sent_again_only_when_it_has_changed(client):
    first = client.get("/page/main.js")
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "no-cache"
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = client.get("/page/main.js", headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert client.get("/page/main.js", headers={"If-None-Match": '"other"'}).status_code == 200


def test_the_page_can_be_asked_about(client):
    answer = client.head("/")
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) == len(PAGE_FILES["index.html"])


@pytest.mark.parametrize("name", ["other.js", "..%2fpages.py", "%2e%2e/app.py", "style.css%00", ""])
def test_nothing_but_the_page_is_served(client, name):
    answer = client.get(f"/page/{name}")
    assert answer.status_code == 404
    assert list(answer.json()) == ["detail"]


def test_a_link_may_carry_parameters_that_the_page_does_not_know(client):
    assert client.get("/?from=mail").status_code == 200


def test_only_this_server_is_trusted_with_scripts_and_styles(client):
    policy = client.get("/").headers["content-security-policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"
    assert "unsafe" not in policy


def test_no_part_names_another_server_or_writes_markup():
    for name, text in TEXT.items():
        assert not re.search(r"(https?:)?//[a-z]", text.replace("// ", "")), name
        assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(", text), (
            name
        )
    page = TEXT["index.html"]
    assert not re.search(r"<style|<script[^>]*>[^<]|\s(style|on[a-z]+)=", page)


def test_every_part_that_is_named_is_there():
    named = set(re.findall(r'"/page/([\w.]+)"', TEXT["index.html"]))
    for text in TEXT.values():
        named |= set(re.findall(r'from "\./([\w.]+)"', text))
    assert named | {"index.html"} == set(PAGE_FILES)


def test_every_control_has_a_name_and_every_id_is_there_once():
    page = ParsedPage(TEXT["index.html"])
    assert page.open == []
    found = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(found) == len(set(found))
    labelled = {attributes["for"] for attributes in page.attributes("label")}
    assert labelled <= set(found)
    controls = page.attributes("select") + page.attributes("input")
    assert {one["id"] for one in controls if "hidden" not in one} == labelled
    used = set(re.findall(r'byId\("([\w-]+)"\)', "".join(TEXT.values())))
    assert used <= set(found)


PAIRS = [
    ("ink", "paper", 4.5),
    ("ink", "tint", 4.5),
    ("soft", "paper", 4.5),
    ("soft", "tint", 4.5),
    ("accent", "paper", 4.5),
    ("accent", "tint", 4.5),
    ("on-accent", "accent", 4.5),
    ("warn-ink", "warn", 4.5),
    ("bad", "paper", 4.5),
    ("edge", "paper", 3),
]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "paper", "least"), PAIRS)
def test_words_and_controls_stand_out(scheme, ink, paper, least):
    block = re.findall(r":root \{(.*?)\}", TEXT["style.css"], re.DOTALL)[scheme]
    colours = dict(re.findall(r"--([\w-]+): (#\w+);", block))
    lights = sorted(map(luminance, (colours[ink], colours[paper])))
    assert (lights[1] + 0.05) / (lights[0] + 0.05) >= least


def luminance(colour):
    """Relative luminance as WCAG 2 defines it."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * one for one in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return sum(weight * one for weight, one in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
