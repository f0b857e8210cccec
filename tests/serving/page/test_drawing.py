import io
import zipfile

import numpy as np
from PIL import Image
from selenium.webdriver.common.keys import Keys as Press
from selenium.webdriver.support.ui import Select

from gallery import choice, drawn, opened, pixels, samples
from small_bundles import SIZE


def test_the_sheet_shows_what_the_server_answers(page, site):
    drawn(page, 7, 10)
    sheet = np.array(Image.open(io.BytesIO(samples(site, seed=7, count=4))))
    expected = [sheet[y : y + SIZE, x : x + SIZE] for y in (0, SIZE + 2) for x in (0, SIZE + 2)]
    assert np.array_equal(pixels(page, "#sheet canvas"), expected)


def test_everything_is_done_by_keyboard(page):
    drawn(page, 7, 10)
    page.press(Press.TAB)
    assert page.driver.switch_to.active_element.text == "Skip to the pictures"
    page.press(Press.ENTER)
    while page.driver.switch_to.active_element.get_attribute("id") != "seed":
        page.press(Press.TAB)
    page.press(Press.CONTROL + "a")
    page.press("40", Press.ENTER)
    drawn(page, 40, 43)
    while page.driver.switch_to.active_element.get_attribute("data-index") is None:
        page.press(Press.TAB)
    page.press(Press.ARROW_RIGHT)
    page.press(Press.ENTER)
    assert page.words("#enlarged-title") == "Seed 41"
    page.press(Press.ARROW_RIGHT)
    assert page.words("#enlarged-title") == "Seed 42"
    page.press(Press.SHIFT, Press.TAB, Press.TAB, Press.NULL)
    assert page.driver.switch_to.active_element.text == "Next"
    page.press(Press.ENTER)  # the last one: the button is of no more use
    page.press(Press.ARROW_LEFT)
    assert page.words("#enlarged-title") == "Seed 42"
    page.press(Press.ESCAPE)
    shown_last = page.find("[aria-label='Sample with seed 42'][data-index]")
    page.until(lambda: page.driver.switch_to.active_element == shown_last)
    assert not page.find("#enlarged").is_displayed()
    page.press(Press.TAB)  # one stop for all pictures
    assert page.driver.switch_to.active_element.text == "PNG sheet"


def test_a_picture_is_enlarged_by_a_click_and_saved_as_the_server_has_it(page, site):
    drawn(page, 7, 10)
    page.all("#sheet button")[2].click()
    assert page.words("#enlarged-title") == "Seed 9"
    assert page.driver.switch_to.active_element.text == "Close"
    assert np.array_equal(pixels(page, "#enlarged canvas"), pixels(page, "#sheet canvas")[[2]])
    page.find("#enlarged-download").click()
    name, content = page.downloaded()
    assert name == "vae-3-9.png"
    assert content == samples(site, seed=9, count=1)
    page.find("#close").click()


def test_a_download_has_the_name_and_the_bytes_of_the_server(page, site):
    drawn(page, 7, 10)
    for file_format, ending in {"png": "png", "zip": "zip", "npz": "npz", "nifti": "nii"}.items():
        page.find(f"#draw-downloads [value={file_format}]").click()
        name, content = page.downloaded()
        assert name == f"vae-3-7.{ending}"
        assert content == samples(site, seed=7, count=4, format=file_format)
        page.until_words("#download-work", "Saved.")


def test_more_pictures_than_a_sheet_holds_come_as_a_file(page, site):
    page.find("#count").clear()
    page.find("#count").send_keys("300", Press.ENTER)
    page.until_words("#draw-work", "The first 256 of 300 samples, seeds 7 to 306.")
    assert len(page.all("#sheet button")) == 256
    assert not page.find("#draw-downloads [value=png]").is_enabled()
    page.find("#draw-downloads [value=zip]").click()
    _, content = page.downloaded()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert len([name for name in archive.namelist() if name.endswith(".png")]) == 300


def test_a_long_download_tells_how_far_it_is_and_can_be_stopped(browser, page, site):
    opened(browser, site, "#model=heads&version=3&seed=7&count=2000")
    drawn(page, 7, 2006)
    page.driver.set_network_conditions(latency=0, throughput=2**20)
    page.find("#draw-downloads [value=npz]").click()
    page.until(lambda: page.find("#download-work progress").get_attribute("value") or None)
    page.until_words("#download-work .status", "MiB so far.")
    page.find("#download-work .stop").click()
    page.driver.delete_network_conditions()
    assert page.words("#download-work") == "Stopped."


def test_a_condition_changes_the_pictures_and_the_address(browser, page, site):
    opened(browser, site, "#model=heads&version=3&seed=7&count=2")
    drawn(page, 7, 8)
    before = pixels(page, "#sheet canvas")
    assert page.words("label[for=condition-age]").lower() == "age"
    page.find("#condition-age").send_keys(Press.HOME)
    page.until(lambda: "age=20" in choice(page))
    assert page.words("label[for=condition-age]").lower() == "age 20 years"
    page.until(lambda: not np.array_equal(pixels(page, "#sheet canvas"), before))
    told = pixels(page, "#sheet canvas")
    Select(page.find("#condition-sex")).select_by_visible_text("male")
    page.until(lambda: "sex=male" in choice(page))
    page.until(lambda: not np.array_equal(pixels(page, "#sheet canvas"), told))
    page.find("#condition-age-open").click()
    Select(page.find("#condition-sex")).select_by_visible_text("open")
    page.until(lambda: choice(page) == "#model=heads&version=3&seed=7&count=2")
    page.until(lambda: np.array_equal(pixels(page, "#sheet canvas"), before))


def test_a_link_shows_the_same_pictures(browser, page, site):
    link = "#model=heads&version=3&seed=11&count=2&age=80&sex=female"
    opened(browser, site, link)
    drawn(page, 11, 12)
    assert choice(page) == link
    assert page.find("#condition-age").get_attribute("value") == "80"
    conditions = {"age": 80, "sex": "female"}
    answer = samples(site, "heads", seed=11, count=2, conditions=conditions)
    sheet = np.array(Image.open(io.BytesIO(answer)))
    assert np.array_equal(pixels(page, "#sheet canvas")[1], sheet[:, SIZE + 2 :])


def test_a_quick_mode_is_offered_where_there_is_one(browser, page, site):
    drawn(page, 7, 10)
    assert not page.find("#quick").is_displayed()  # a VAE has none
    opened(browser, site, "#model=heads&version=3&seed=7&count=2&age=80")
    drawn(page, 7, 8)
    before = pixels(page, "#sheet canvas")
    assert page.words("#quick-words") == "Sooner: what it costs in quality was not measured."
    page.find("#quick").send_keys(Press.SPACE)
    page.until(lambda: choice(page).endswith("count=2&quick=true&age=80"))
    page.until(lambda: not np.array_equal(pixels(page, "#sheet canvas"), before))
    answer = samples(site, "heads", seed=7, count=2, quick=True, conditions={"age": 80})
    sheet = np.array(Image.open(io.BytesIO(answer)))
    assert np.array_equal(pixels(page, "#sheet canvas")[0], sheet[:, :SIZE])
    page.find("#draw-downloads [value=zip]").click()
    assert page.downloaded()[0] == "heads-3-quick-7.zip"


def test_one_seed_is_drawn_over_the_values_of_a_condition(browser, page, site):
    opened(browser, site, "#model=heads&version=3&seed=7&count=2&sex=male")
    drawn(page, 7, 8)
    Select(page.find("#over")).select_by_visible_text("age")
    page.until_words("#draw-work", "One seed, 7, over age: 20 years, 34 years, 48 years, 62 years,")
    assert choice(page) == "#model=heads&version=3&seed=7&count=2&over=age&sex=male"
    shown = pixels(page, "#sheet canvas")
    assert len(shown) == 6
    asked = {"seed": 7, "count": 1, "conditions": {"age": 90, "sex": "male"}}
    oldest = np.array(Image.open(io.BytesIO(samples(site, "heads", **asked))))
    assert np.array_equal(shown[-1], oldest)
    assert not page.find("#draw-downloads").is_displayed()
    page.all("#sheet button")[-1].send_keys(Press.ENTER)
    assert page.words("#enlarged-title") == "Seed 7, age 90 years"
    link = page.find("#enlarged-words a").get_attribute("href")
    assert link.endswith("#model=heads&version=3&seed=7&count=1&sex=male&age=90")
    page.find("#close").click()
    Select(page.find("#over")).select_by_visible_text("sex")
    page.until_words("#draw-work", "One seed, 7, over sex: female, male.")


def test_going_back_shows_the_pictures_before(page):
    drawn(page, 7, 10)
    before = pixels(page, "#sheet canvas")
    page.find("#another").click()
    page.until(lambda: "seed=7&" not in choice(page))
    page.driver.back()
    drawn(page, 7, 10)
    page.until(lambda: np.array_equal(pixels(page, "#sheet canvas"), before))
    page.driver.forward()
    page.until(lambda: "seeds 7 to 10" not in page.words("#draw-work"))


def test_the_largest_seed_is_drawn_exactly(browser, page, site):
    opened(browser, site, f"#model=vae&version=3&seed={2**63 - 2}&count=2")
    drawn(page, 2**63 - 2, 2**63 - 1)
    sheet = np.array(Image.open(io.BytesIO(samples(site, seed=2**63 - 2, count=2))))
    assert np.array_equal(pixels(page, "#sheet canvas")[0], sheet[:, :SIZE])
