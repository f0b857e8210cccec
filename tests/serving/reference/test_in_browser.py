import pytest

from gallery import opened, site_of
from small_served import served


@pytest.fixture(scope="module")
def address():
    with site_of(served("vae")) as address:
        yield address


@pytest.fixture
def page(browser, address):
    return opened(browser, address, "docs")


def test_a_browser_shows_the_page_in_its_style_and_asks_for_nothing_else(page):
    pages = [one for one in page.requested() if one.startswith("http")]
    assert [one.rpartition("/")[2] for one in pages] == ["docs"]
    assert page.complaints() == []
    assert page.run("return getComputedStyle(document.querySelector('pre')).overflowX") == "auto"


@pytest.mark.parametrize(("scheme", "paper"), [("light", 255), ("dark", 20)])
def test_the_page_is_light_or_dark_as_the_browser_is(page, scheme, paper):
    with page.preferring(scheme):
        colour = page.run("return getComputedStyle(document.body).backgroundColor")
    assert colour.startswith(f"rgb({paper}, ")


def test_the_page_fits_on_a_phone(page):
    with page.on_a_phone():
        assert page.run("return document.documentElement.scrollWidth") == 360


def test_the_contents_lead_to_every_route(page):
    links = page.all("nav a")
    assert len(links) == len(page.all("h2"))
    for link in links:
        place = page.run("return document.getElementById(arguments[0].hash.slice(1))", link)
        assert place.text == link.text
