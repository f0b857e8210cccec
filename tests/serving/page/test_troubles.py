import contextlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from selenium.webdriver.common.keys import Keys as Press
from selenium.webdriver.support.ui import Select

from gallery import choice, drawn, opened, samples, site_of
from held_sampler import HeldSampler
from mrigen.serving.keys import find_keys
from small_served import served

KEY = "a-key-of-the-tests"


def test_a_link_to_a_model_that_is_not_served_says_so(browser, page, site):
    opened(browser, site, "#model=vae&version=9&seed=1&count=1")
    page.until_words("#draw-work", "Model 'vae' version 9 is not served here")
    Select(page.find("#draw-model")).select_by_visible_text("vae 1 (candidate)")
    page.until_words("#draw-work", "One sample, seed 1.")
    assert choice(page) == "#model=vae&version=1&seed=1&count=1"


def test_a_link_to_a_view_that_is_none_shows_the_first(browser, page, site):
    opened(browser, site, "#view=constructor")
    page.until(page.find("#draw").is_displayed)


def test_a_refusal_is_told_in_the_words_of_the_server(page):
    drawn(page, 7, 10)
    page.find("#seed").clear()
    page.find("#seed").send_keys(str(2**63 - 1), Press.ENTER)
    page.until(lambda: page.words("#draw-work .problem"))
    assert "below 2**63" in page.words("#draw-work .problem")


def test_a_lost_connection_is_told(page):
    drawn(page, 7, 10)
    page.driver.set_network_conditions(offline=True, latency=0, throughput=0)
    page.find("#another").click()
    page.until_words("#draw-work .problem", "The server cannot be reached")
    page.driver.delete_network_conditions()
    page.find("#another").click()
    page.until_words("#draw-work .status", "4 samples")
    assert page.words("#draw-work .problem") == ""


def test_a_busy_server_is_asked_again(browser):
    held = HeldSampler()
    with site_of(served("heads", held), places=1) as address, open_draw(address, held):
        opened(browser, address, "#model=heads&version=3&seed=7&count=1")
        browser.until_words("#draw-work .status", "Trying again in ")
        assert "busy" in browser.words("#draw-work .status")
        held.go.set()
        browser.until_words("#draw-work", "One sample, seed 7.")


def test_what_takes_long_can_be_stopped(browser):
    held = HeldSampler()
    with site_of(served("heads", held)) as address:
        opened(browser, address, "#model=heads&version=3&seed=7&count=1")
        browser.until(browser.find("#draw-work .stop").is_displayed)
        browser.find("#draw-work .stop").click()
        browser.until_words("#draw-work", "Stopped.")
        browser.until(lambda: f"{address}/v1/models/heads/samples" in browser.given_up())
        held.go.set()
        browser.find("#draw-form .primary").click()
        browser.until_words("#draw-work", "One sample, seed 7.")


@contextlib.contextmanager
def open_draw(address, held):
    """Keep the server at work."""
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(samples, address, "heads", seed=1, count=1)
        try:
            yield
        finally:
            held.go.set()
            answer.result()


def test_a_key_is_asked_for_kept_and_forgotten(browser):
    with site_of(served("vae"), keys=find_keys(None, {"MRIGEN_API_KEY": KEY})) as address:
        browser.driver.get(f"{address}/#model=vae&version=3&seed=7&count=2")
        for tried in ("a-key-that-is-wrong", KEY):
            browser.until(lambda: "key" in browser.words("#key-words"))
            browser.press(tried, Press.ENTER)
        drawn(browser, 7, 8)
        browser.driver.refresh()
        drawn(browser, 7, 8)
        browser.find("#forget").click()
        browser.until(lambda: browser.find("#key-dialog").is_displayed())
        assert browser.run("return sessionStorage.length") == 0
        browser.press(Press.ESCAPE)
        browser.until(lambda: "Try again" in browser.words("#start"))
        assert KEY not in browser.driver.page_source


@pytest.mark.parametrize("models", [[], ["unet"]])
def test_a_server_that_cannot_draw_says_what_to_do(browser, models):
    with site_of(*map(served, models)) as address:
        opened(browser, address, "")
        assert "mrigen register MODEL" in browser.words("#draw .empty")
        assert not browser.find("#draw .bench").is_displayed()
