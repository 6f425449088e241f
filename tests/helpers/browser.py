"""A real browser: Chromium, without a screen, told what to do over a pipe in the words of its DevTools protocol."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import server_binaries
from patience import PATIENCE, eventually
from programs import started

__all__ = ["Browser", "Page", "browser"]

#: It reads commands from descriptor 3, and writes to 4; its own words go elsewhere. `exec`: who ends this ends it.
THROUGH = 'exec "$@" 3<&0 4>&1 </dev/null >&2'


@contextlib.contextmanager
def browser(home: Path) -> Iterator[Browser]:
    """Start one that keeps its files in *home*, and end it with the block."""
    options = ["--headless", "--remote-debugging-pipe", f"--user-data-dir={home}", "--no-first-run", "--disable-gpu"]
    if os.geteuid() == 0:
        options.append("--no-sandbox")  # it has none for root, and shows only our own page here
    command = ["sh", "-c", THROUGH, "sh", server_binaries.find("chromium"), *options]
    with (home / "log").open("wb") as log:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": log}
        with started(*command, **pipes) as process:
            yield Browser(process)


class RefusedError(Exception):
    """The browser cannot do what was asked."""


class Browser:
    """Sends commands, and keeps what happens meanwhile. Not thread-safe."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._unread = b""
        self._last = 0
        self.events: list[dict[str, Any]] = []

    def ask(self, method: str, session: str | None = None, **parameters: object) -> dict[str, Any]:
        """
        Send a command, and return the answer; fail if there is none in time.

        Raises:
            RefusedError: It is an error; says which.
        """
        self._last += 1
        said = {"id": self._last, "method": method, "params": parameters}
        if session is not None:
            said["sessionId"] = session
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(said).encode() + b"\0")
        self._process.stdin.flush()
        while True:
            told = self._read(method)
            if told.get("id") == self._last:
                if "error" in told:
                    raise RefusedError(f"{method}: {told['error']}")
                return told["result"]
            self.events.append(told)

    def _read(self, method: str) -> dict[str, Any]:
        assert self._process.stdout is not None
        end = time.monotonic() + PATIENCE
        while b"\0" not in self._unread:
            readable, _, _ = select.select([self._process.stdout], [], [], max(0.0, end - time.monotonic()))
            assert readable, f"no answer to {method}"
            some = os.read(self._process.stdout.fileno(), 1 << 20)
            assert some, f"the browser has ended, asked for {method}"
            self._unread += some
        told, _, self._unread = self._unread.partition(b"\0")
        return json.loads(told)

    def page(self, *, width: int = 1280, height: int = 800, dark: bool = False, scripting: bool = True) -> Page:
        """Return a new, empty page on a screen of so many pixels, as a reader with that taste and settings sees it."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session)
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.ask(f"{domain}.enable")
        screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        page.ask("Emulation.setDeviceMetricsOverride", **screen)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        page.ask("Emulation.setEmulatedMedia", features=[scheme])
        page.ask("Emulation.setScriptExecutionDisabled", value=not scripting)
        return page


class Page:
    """One tab. What it shows is asked by us, which works where the page's own scripts may not run."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser = browser
        self._session = session

    def ask(self, method: str, **parameters: object) -> dict[str, Any]:
        """Send a command that concerns this page."""
        return self._browser.ask(method, self._session, **parameters)

    def open(self, url: str) -> None:
        """Go to *url*, and wait until all of it is there."""
        eventually(lambda: "errorText" not in self.ask("Page.navigate", url=url))  # it may just renew itself
        self.evaluate("0")

    def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression in a page that is whole: one that renews itself is waited for."""
        whole = f"document.readyState === 'complete' ? [{expression}] : null"

        def value() -> list[Any] | None:
            try:
                answer = self.ask("Runtime.evaluate", expression=whole, returnByValue=True)
            except RefusedError:  # it has gone while it was asked
                return None
            assert "exceptionDetails" not in answer, answer
            return answer["result"]["value"]

        return eventually(value)[0]

    def text(self) -> str:
        """Return what a reader reads."""
        return self.evaluate("document.body.innerText")

    def picture(self, path: Path) -> None:
        """Write what a reader sees, all of its length, as a PNG."""
        path.write_bytes(base64.b64decode(self.ask("Page.captureScreenshot", captureBeyondViewport=True)["data"]))

    def happened(self, event: str) -> list[dict[str, Any]]:
        """Return what has been told of *event*, such as `Network.requestWillBeSent`, on this page."""
        self.evaluate("0")  # what has happened before is told before the answer
        told = self._browser.events
        return [each["params"] for each in told if each["method"] == event and each.get("sessionId") == self._session]
