"""What tests of figures share: a study's figure, and a browser without a window, spoken to over two pipes."""

import base64
import fcntl
import itertools
import json
import os
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

import figures
import simulations
from tests.figures.artists import cut_off, legends_over_panels, panels_without_words, words

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-extensions", "--hide-scrollbars"),
    *("--disable-dev-shm-usage", "--remote-debugging-pipe"),
)
# Chromium reads commands from descriptor 3 and answers on 4; this puts the pipes there and becomes Chromium.
LAUNCH = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execvp(sys.argv[3], sys.argv[3:])"
)


class Browser:
    """One page of a headless Chromium, by the DevTools protocol: https://chromedevtools.github.io/devtools-protocol."""

    def __init__(self, program: str, profile: Path):
        commands, self._write = os.pipe()
        self._read, answers = os.pipe()
        inside = [fcntl.fcntl(one, fcntl.F_DUPFD, 10) for one in (commands, answers)]
        start = [sys.executable, "-S", "-c", LAUNCH, *map(str, inside), program, *FLAGS, f"--user-data-dir={profile}"]
        self._process = subprocess.Popen(
            [*start, "about:blank"], pass_fds=inside, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for one in (commands, answers, *inside):
            os.close(one)
        self._numbers, self._heard, self._session = itertools.count(1), b"", {}
        self.events: list[dict] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = {"sessionId": self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]}
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def close(self) -> None:
        self._session = {}
        try:
            self.call("Browser.close")
        finally:
            os.close(self._write)
            os.close(self._read)
            self._process.wait(timeout=20)

    def call(self, method: str, **parameters):
        """One command and its answer; events that come meanwhile are kept."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters, **self._session}
        os.write(self._write, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + 60
        while True:
            message = self._message(deadline)
            if message.get("id") == number:
                assert "error" not in message, message
                return message["result"]
            self.events.append(message)

    def _message(self, deadline: float) -> dict:
        while b"\0" not in self._heard:
            ready, _, _ = select.select([self._read], [], [], max(0, deadline - time.monotonic()))
            assert ready, "the browser does not answer"
            more = os.read(self._read, 1 << 20)
            assert more, "the browser has ended"
            self._heard += more
        message, _, self._heard = self._heard.partition(b"\0")
        return json.loads(message)

    def open(
        self,
        path: Path,
        width: int = 1280,
        height: int = 800,
        *,
        dark: bool = False,
        moving: bool = False,
        at: str = "",
    ) -> None:
        """Load a file, and wait until its script says that it is ready; without `moving` a still one."""
        self.resize(width, height)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        motion = {"name": "prefers-reduced-motion", "value": "no-preference" if moving else "reduce"}
        self.call("Emulation.setEmulatedMedia", features=[scheme, motion])
        self.events.clear()
        self.call("Page.navigate", url="about:blank")  # else another place on the same page is no new page
        self.events.clear()
        self.call("Page.navigate", url=path.as_uri() + at)
        self.wait("document.documentElement?.dataset.ready === 'true'")

    def resize(self, width: int, height: int) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )

    def run(self, script: str):
        """The value of an expression in the page; promises are waited for."""
        answer = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, condition: str, seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while not self.run(condition):
            assert time.monotonic() < deadline, f"not within {seconds} s: {condition}; {self.complaints()}"
            time.sleep(0.02)

    def screenshot(self) -> bytes:
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def complaints(self) -> list[dict]:
        """Errors and warnings of the console, and exceptions."""
        said = [event for event in self.events if event["method"] in ("Runtime.consoleAPICalled", "Log.entryAdded")]
        levels = [event["params"].get("type") or event["params"]["entry"]["level"] for event in said]
        loud = [event for event, level in zip(said, levels, strict=True) if level in ("error", "warning", "assert")]
        return loud + [event for event in self.events if event["method"] == "Runtime.exceptionThrown"]

    def requests(self) -> list[str]:
        """The addresses that the page asked for."""
        asked = [event for event in self.events if event["method"] == "Network.requestWillBeSent"]
        return [event["params"]["request"]["url"] for event in asked]


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip(f"no browser here: expected one of {', '.join(NAMES)}")
    made = Browser(program, tmp_path_factory.mktemp("profile"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def records(request, smoke_of):
    """Smoke records of the study that a test of its figure names as `STUDY`."""
    return smoke_of(simulations.find(request.module.STUDY).name)


@pytest.fixture(scope="session")
def figure_of(smoke_of):
    """A study's figure of its smoke records, drawn once, with legends below its panels and words on all axes."""
    made = {}

    def figure(study):
        if study not in made:
            made[study] = figures.draw(simulations.find(study), smoke_of(study))
            assert legends_over_panels(made[study]) == []
            assert cut_off(made[study]) == []
            assert panels_without_words(made[study]) == []
            assert sum(bool(axes.get_title(loc="left")) for axes in made[study].axes) >= 3
            assert any(word in said for said in words(made[study]) for word in NAMED)
        return made[study]

    return figure


NAMED = ("theory", "exact", "predicted", "bound", "limit")
"""Words by which a figure says which of its lines is theory."""


@pytest.fixture(scope="module")
def figure(request, figure_of):
    """The figure of the study that a test names as `STUDY`."""
    return figure_of(simulations.find(request.module.STUDY).name)
