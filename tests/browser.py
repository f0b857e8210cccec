"""A real browser, without a window, on a server of this process."""

import contextlib
import json
import shutil
import tempfile
from pathlib import Path

from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.support.ui import WebDriverWait

from live_server import listening

SECONDS = 60  # for anything on the page to happen, on a busy computer

_FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--window-size=1280,900",
]


def why_missing():
    """Why there can be no browser here; None if there can."""
    if _program() is None:
        return "Chromium is not installed (apt-get install chromium chromium-driver)"
    if shutil.which("chromedriver") is None:
        return "the driver of Chromium is not installed (apt-get install chromium-driver)"
    return None


def _program():
    return shutil.which("google-chrome") or shutil.which("chromium")


@contextlib.contextmanager
def running_app(app):
    """Serve an application on a free port of this host; yields its address."""
    with listening(app) as (host, port):
        yield f"http://{host}:{port}"


@contextlib.contextmanager
def running_browser():
    """A browser with an empty profile that ends with the block."""
    with tempfile.TemporaryDirectory(prefix="mrigen-browser-") as name:
        options = ChromeOptions()
        options.binary_location = _program()
        for flag in [*_FLAGS, f"--user-data-dir={name}/profile"]:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        driver = Chrome(options, ChromeService(shutil.which("chromedriver")))
        try:
            yield Browser(driver, Path(name) / "downloads")
        finally:
            driver.quit()


class Browser:
    """What a user does and sees."""

    def __init__(self, driver, folder):
        self.driver, self._folder, self._addresses = driver, folder, {}
        folder.mkdir()
        self.command("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))

    def command(self, name, **values):
        """Tell the browser something by its own protocol."""
        return self.driver.execute_cdp_cmd(name, values)

    def run(self, script, *values):
        """The answer of a script in the page."""
        return self.driver.execute_script(script, *values)

    @contextlib.contextmanager
    def preferring(self, scheme):
        """Ask pages for a colour scheme, "light" or "dark"."""
        name = "prefers-color-scheme"
        self.command("Emulation.setEmulatedMedia", features=[{"name": name, "value": scheme}])
        try:
            yield
        finally:
            self.command("Emulation.setEmulatedMedia", features=[{"name": name, "value": ""}])

    @contextlib.contextmanager
    def on_a_phone(self):
        """Show pages 360 pixels wide."""
        phone = {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}
        self.command("Emulation.setDeviceMetricsOverride", **phone)
        try:
            yield
        finally:
            self.command("Emulation.clearDeviceMetricsOverride")

    def find(self, selector):
        """The first element."""
        return self.driver.find_element("css selector", selector)

    def all(self, selector):
        """Every element."""
        return self.driver.find_elements("css selector", selector)

    def until(self, told):
        """Wait for a function to return something true, and return that."""
        return WebDriverWait(self.driver, SECONDS, 0.02).until(lambda _: told())

    def words(self, selector):
        """The visible words of an element."""
        return self.find(selector).text

    def until_words(self, selector, words):
        """Wait until an element has these among its words."""
        self.until(lambda: words in self.words(selector))

    def press(self, *keys):
        """Press keys where the focus is."""
        self.driver.switch_to.active_element.send_keys(*keys)

    def downloaded(self):
        """Wait for one file, and take it away: its name and its bytes."""

        def whole():  # until then it is hidden, empty or has another ending
            files = [one for one in self._folder.glob("[!.]*") if one.suffix != ".crdownload"]
            return [one for one in files if one.stat().st_size]

        (file,) = self.until(whole)
        content = file.read_bytes()
        file.unlink()
        return file.name, content

    def complaints(self):
        """What the console has been told since the last time, refused answers left out."""
        entries = self.driver.get_log("browser")
        return [
            one["message"] for one in entries if "Failed to load resource" not in one["message"]
        ]

    def requested(self):
        """The addresses that have been asked for since the last time."""
        return [one["request"]["url"] for one in self._events("requestWillBeSent")]

    def given_up(self):
        """The addresses whose answers are no longer waited for, since the last time."""
        failed = [one for one in self._events("loadingFailed") if one.get("canceled")]
        return [self._addresses.get(one["requestId"]) for one in failed]

    def _events(self, kind):
        entries = [json.loads(one["message"]) for one in self.driver.get_log("performance")]
        events = [entry["message"] for entry in entries]
        for one in events:
            if one["method"] == "Network.requestWillBeSent":
                self._addresses[one["params"]["requestId"]] = one["params"]["request"]["url"]
        return [one["params"] for one in events if one["method"] == f"Network.{kind}"]
