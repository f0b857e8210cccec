import re

from gallery import choice, drawn, opened, site_of
from small_served import served


def test_the_card_of_a_model_can_be_read(page):
    drawn(page, 7, 10)
    page.find("#draw-about").click()
    page.until(lambda: page.find("#models").is_displayed())
    article = page.find("#models article:nth-of-type(2)")
    assert article.find_element("css selector", "h2").text == "vae, version 3 champion"
    assert "notice synthetic" in article.find_element("css selector", "details").text
    assert f"{3:064x}" in article.text
    page.find("[data-view=draw]").click()
    page.until(lambda: page.find("#draw").is_displayed())
    assert choice(page) == "#model=vae&version=3&seed=7&count=4"


def test_words_of_a_card_never_become_markup(browser):
    model = served("vae")
    card = {"notice": "<img src=x onerror=alert(1)>", "data": {"licences": ["CC BY", None]}}
    with site_of(type(model)(**{**vars(model), "card": card})) as address:
        opened(browser, address, "#view=models")
        browser.find("summary").click()
        words = browser.words("#models details")
        assert "notice <img src=x onerror=alert(1)>" in words
        assert "licences CC BY, none" in words
        assert browser.all("#models img") == []


def test_the_dark_scheme_is_followed(browser, page):
    def background():
        colour = browser.run("return getComputedStyle(document.body).backgroundColor")
        return sum(map(int, re.findall(r"\d+", colour)[:3]))

    with browser.preferring("light"):
        assert background() > 700
    with browser.preferring("dark"):
        assert background() < 120


def test_a_phone_shows_everything_in_reach(browser, page, site):
    small = """return [...document.querySelectorAll(
        "button, select, input:not([type=checkbox]), label.check, nav a, summary")]
      .filter((one) => one.checkVisibility() && one.getBoundingClientRect().height < 44)
      .map((one) => one.outerHTML)"""
    with browser.on_a_phone():
        for choice in ("#model=heads&seed=7&count=9", "#view=restore", "#view=models"):
            opened(browser, site, choice)
            if "seed" in choice:
                drawn(page, 7, 15)
            assert browser.run("return document.documentElement.scrollWidth") <= 360
            assert browser.run(small) == []
