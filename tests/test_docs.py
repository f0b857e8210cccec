"""What the page on the server says is what the server has."""

import re
from pathlib import Path

import pytest

from mrigen.cli import main
from mrigen.serving.app import create_app
from mrigen.serving.shelf import Shelf
from small_served import served

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def page():
    return (ROOT / "docs/serving.md").read_text()


@pytest.fixture(scope="module")
def app():
    return create_app(Shelf([served()]))


def test_every_option_of_the_server_is_told_with_its_variable_and_default(page):
    rows = dict(re.findall(r"^\| (`--.*?`) \| (.*)$", page, re.MULTILINE))
    for option in main.commands["serve"].params:
        row = " ".join(f"{key} | {row}" for key, row in rows.items() if option.opts[-1] in key)
        assert row, f"{option.opts[-1]} is not told"
        if option.envvar:
            assert f"`{option.envvar}`" in row
        if isinstance(option.default, int | float) and not option.is_flag:
            assert f"{option.default:g}" in row


def test_every_route_and_every_refusal_is_told(page, app):
    paths = app.openapi()["paths"]
    for path, methods in paths.items():
        for method, described in methods.items():
            assert f"{method.upper()} {path}" in page
            for status in described["responses"]:
                assert status == "200" or re.search(rf"^\| {status} \|", page, re.MULTILINE)


def test_every_counter_is_told(page, app):
    told = set(re.findall(r"`(mrigen_\w+)`", page))
    families = app.state.server.metrics.registry.collect()
    kinds = {"counter": "_total"}
    names = {family.name + kinds.get(family.type, "") for family in families}
    assert {name for name in names if name.startswith("mrigen_")} <= told


def test_links_between_the_pages_lead_somewhere():
    for path in [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]:
        for target, _, anchor in re.findall(
            r"\]\(([\w/.-]*)(#?)([\w-]*)\)", path.read_text().replace("`", "")
        ):
            other = path.parent / target if target else path
            assert other.exists(), f"{path.name}: {target}"
            if anchor and other.suffix == ".md":
                headings = re.findall(r"^#+ (.*)$", other.read_text(), re.MULTILINE)
                assert anchor in {_anchor(heading) for heading in headings}, (
                    f"{path.name}: {anchor}"
                )


def _anchor(heading):
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
