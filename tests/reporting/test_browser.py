"""The page in headless Chromium: what its planner answers when it is typed into, and that it asks no server."""

import json
import shutil
import socket
import subprocess
import time
import urllib.request
from contextlib import closing, suppress

import pytest

from scalebayes.reporting.report import report
from tests.reporting.conftest import SETTINGS, close, of_python

DRIVER, BROWSER = shutil.which("chromedriver"), shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(not (DRIVER and BROWSER), reason="Chromium and its driver are not installed")
FLAGS = ("headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking")
FLAGS += ("disable-component-update", "disable-sync", "window-size=1280,1000")
FIELDS = ("budget", "served", "max_N", "max_D", "N", "D")
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key of an element's id in the WebDriver protocol
CELLS = {"N": "best-N", "D": "best-D", "D_per_N": "best-ratio", "loss": "best-loss", "run": "run-loss"}


class Browser:
    """A browser that is driven by the WebDriver protocol."""

    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}"
        options = {"binary": BROWSER, "args": [f"--{flag}" for flag in FLAGS]}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}
        session = self.ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.url += f"/session/{session['sessionId']}"

    def ask(self, how, path, body=None):
        data = None if how != "POST" else json.dumps(body or {}).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=how)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())["value"]

    def run(self, script, *args):
        return self.ask("POST", "/execute/sync", {"script": script, "args": list(args)})

    def element(self, css):
        return self.ask("POST", "/element", {"using": "css selector", "value": css})[ELEMENT]

    def type(self, css, text):
        there = self.element(css)
        self.ask("POST", f"/element/{there}/clear")
        if text:
            self.ask("POST", f"/element/{there}/value", {"text": text})

    def log(self, kind):
        return self.ask("POST", "/se/log", {"type": kind})


@pytest.fixture(scope="module")
def browser():
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    driver = subprocess.Popen([DRIVER, f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with suppress(OSError), closing(socket.create_connection(("127.0.0.1", port), 1)):
                break
            time.sleep(0.1)
        made = Browser(port)
        yield made
        made.ask("DELETE", "")
    finally:
        driver.terminate()
        driver.wait(30)


@pytest.fixture(scope="module")
def opened(browser, of_sizes, tmp_path_factory):
    path = report(of_sizes, tmp_path_factory.mktemp("page") / "report.html", {"N": [7e10], "D": [1.4e12]})
    browser.ask("POST", "/url", {"url": path.as_uri()})
    return browser


def cells(browser, row):
    script = (
        "return ['median', 'lower', 'upper'].map((x) => document.querySelector(`#${arguments[0]}-${x} data`).value)"
    )
    return dict(zip(("median", "lower", "upper"), map(float, browser.run(script, row)), strict=True))


# What is computed from what is typed is held to Python for all settings by test_planner_js.
@pytest.mark.slow_cases(*(str(i) for i in range(len(SETTINGS)) if i > 0))
@pytest.mark.parametrize("i", range(len(SETTINGS)))
def test_what_is_typed_is_answered_as_python_does(opened, of_sizes, i):
    """Fails if a reader who types into the page gets other numbers than sb.predict and sb.optimum give."""
    for name, value in zip(FIELDS, SETTINGS[i], strict=True):
        opened.type(f"#f-{name}", repr(value) if value else "")
    expected = of_python(of_sizes, SETTINGS[i])
    for name, row in CELLS.items():
        close(cells(opened, row), expected[name])
    unspent = "unspent" in opened.run("return document.getElementById('planner-said').textContent")
    assert unspent != expected["spent"]


def test_what_is_no_number_is_told(opened):
    """Fails if a typing error is silently taken for a number, or isn't told to who hears the page."""
    opened.type("#f-budget", "7o")
    assert "Budget" in opened.run("return document.getElementById('planner-said').textContent")
    assert opened.run("return document.getElementById('f-budget').getAttribute('aria-invalid')") == "true"
    opened.type("#f-budget", "1e23")
    assert opened.run("return document.getElementById('f-budget').getAttribute('aria-invalid')") == "false"


def test_a_keyboard_reaches_every_field(opened):
    """Fails if a field, a link or a table that scrolls can't be reached by Tab alone."""
    opened.run("document.activeElement.blur(); window.scrollTo(0, 0)")
    reached, keys = set(), [{"type": "keyDown", "value": "\ue004"}, {"type": "keyUp", "value": "\ue004"}]
    for _ in range(60):
        opened.ask("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": keys}]})
        reached.add(opened.run("return document.activeElement.id || document.activeElement.getAttribute('href') || ''"))
    wanted = opened.run("return [...document.querySelectorAll('input, select')].map((x) => x.id)")
    assert set(wanted) <= reached and "#answers" in reached


@pytest.mark.parametrize("width", [1280, 390])
def test_no_page_is_wider_than_its_window(opened, width):
    """Fails if the page has to be scrolled sideways on a telephone."""
    opened.ask("POST", "/goog/cdp/execute", {"cmd": "Emulation.setDeviceMetricsOverride", "params": {
        "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}})  # fmt: skip
    assert opened.run("return document.documentElement.scrollWidth") <= width
    opened.ask("POST", "/goog/cdp/execute", {"cmd": "Emulation.clearDeviceMetricsOverride", "params": {}})


def test_nothing_is_asked_and_nothing_fails(opened):
    """Fails if the page loads anything from anywhere, or its script or its policy reports an error."""
    events = [json.loads(one["message"])["message"] for one in opened.log("performance")]
    asked = [one["params"]["request"]["url"] for one in events if one["method"] == "Network.requestWillBeSent"]
    assert asked and all(url.startswith(("file:", "data:")) for url in asked)
    assert [one["message"] for one in opened.log("browser") if one["level"] in ("SEVERE", "WARNING")] == []
