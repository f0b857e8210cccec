"""The page of a server as a browser shows it, and what the server answers when asked directly."""

import json
from urllib.request import Request, urlopen

import numpy as np

from browser import running_app
from mrigen.serving.app import create_app
from mrigen.serving.settings import ServingSettings
from mrigen.serving.shelf import Shelf


def site_of(*models, keys=None, **settings):
    """Serve these models on a free port; yields the address."""
    return running_app(create_app(Shelf(models), ServingSettings(**settings), keys=keys))


def opened(browser, address, choice="#model=vae&version=3&seed=7&count=4"):
    """Open the page of a server at a choice, and forget what was told before."""
    browser.driver.get("about:blank")
    browser.complaints(), browser.requested()
    browser.driver.get(f"{address}/{choice}")
    browser.until(lambda: browser.all("main > section:not([hidden])"))
    return browser


def drawn(browser, first, last):
    """Wait until the samples of these seeds are shown."""
    browser.until_words("#draw-work", f"seeds {first} to {last}.")


def choice(browser):
    """What the address bar keeps."""
    return browser.run("return location.hash")


def pixels(browser, selector):
    """Red channel of the canvases."""
    script = """return [...document.querySelectorAll(arguments[0])].map((canvas) => {
      const { width, height } = canvas;
      const copy = new OffscreenCanvas(width, height).getContext("2d");
      copy.drawImage(canvas, 0, 0);
      const { data } = copy.getImageData(0, 0, width, height);
      return Array.from({ length: height }, (_, y) =>
        Array.from({ length: width }, (_, x) => data[4 * (y * width + x)]));
    })"""
    return np.array(browser.run(script, selector), dtype=np.uint8)


def asked(site, path, body, media_type="application/json"):
    """What the server answers to a body."""
    content = json.dumps(body).encode() if isinstance(body, dict) else body
    request = Request(f"{site}{path}", content, {"Content-Type": media_type})
    with urlopen(request) as answer:
        return answer.read()


def samples(site, model="vae", **body):
    """What the server answers when asked for samples."""
    return asked(site, f"/v1/models/{model}/samples", body)


def slice_of(size):
    """A picture with sharp edges everywhere."""
    rows, columns = np.indices((size, size))
    return ((rows * columns) % 256).astype(np.uint8)
