"""Drives Chromium over its debugging pipe: no driver, no port, no package."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import threading
import time
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from tests.support.processes import FairClock


class BrowserError(AssertionError):
    """The browser answered with an error, or not in time."""


class Browser:
    """One page of a headless Chromium.

    Parameters
    ----------
    binary : str
    profile : Path
        An empty folder.
    dark : bool
        Prefer dark colours.

    Attributes
    ----------
    said : list of dict
        Events of the page: console messages, exceptions, dialogs, breaches of its policy.
    """

    def __init__(self, binary: str, profile: Path, dark: bool = False) -> None:
        ours, theirs = os.pipe(), os.pipe()

        def wire() -> None:  # the debugging pipe is read from 3 and written to 4
            os.dup2(theirs[0], 3 + 100)
            os.dup2(ours[1], 4 + 100)
            os.dup2(3 + 100, 3)
            os.dup2(4 + 100, 4)

        self._process = subprocess.Popen(
            [binary, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
             "--disable-dev-shm-usage", "--remote-debugging-pipe", "--hide-scrollbars",
             f"--user-data-dir={profile}", "about:blank"],
            preexec_fn=wire, close_fds=False, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(theirs[0])
        os.close(ours[1])
        self._to, self._from = theirs[1], ours[0]
        self.said: list[dict[str, Any]] = []
        self._answers: Queue[dict[str, Any]] = Queue()
        self._number = 0
        self._session: str | None = None
        threading.Thread(target=self._read, daemon=True).start()
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        size = {"width": 1280, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **size)

    def call(self, method: str, **params: Any) -> Any:
        """One command; its result."""
        self._number += 1
        said = {"id": self._number, "method": method, "params": params}
        if self._session is not None:
            said["sessionId"] = self._session
        os.write(self._to, json.dumps(said).encode() + b"\0")
        while True:
            try:
                answer = self._answers.get(timeout=120)
            except Empty:
                raise BrowserError(f"{method}: no answer") from None
            if answer["id"] == self._number:
                break
        if "error" in answer:
            raise BrowserError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def open(self, address: str) -> None:
        """Go to an address, anew even if it differs behind the # alone."""
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=address)

    def run(self, script: str) -> Any:
        """Value of an expression in the page, awaited."""
        # By default an evaluation may do what the page's policy forbids the page.
        how = {"awaitPromise": True, "returnByValue": True, "allowUnsafeEvalBlockedByCSP": False}
        found = self.call("Runtime.evaluate", expression=script, **how)
        if "exceptionDetails" in found:
            raise BrowserError(f"{script}: {found['exceptionDetails']}")
        return found["result"].get("value")

    def wait(self, script: str, seconds: float = 240.0) -> float:
        """Wait until an expression is true; seconds of a `FairClock` that it took."""
        clock = FairClock()
        while True:
            try:
                if self.run(f"Boolean({script})"):
                    return clock.passed()
            except BrowserError:
                pass  # between two pages there is none
            if clock.passed() > seconds:
                shown = self.run("document.body && document.body.innerText")
                raise BrowserError(f"{script} did not come true; the page says: {shown}")
            time.sleep(0.03)

    def press(self, key: str, code: int, **more: Any) -> None:
        """Press a key."""
        for kind in ("keyDown", "keyUp"):
            text = {"text": "\r"} if key == "Enter" and kind == "keyDown" else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key,
                      windowsVirtualKeyCode=code, **text, **more)  # fmt: skip

    def picture(self, path: Path, height: int | None = None) -> None:
        """Write a screenshot of the whole page, or of its top."""
        clip = {"clip": {"x": 0, "y": 0, "width": 1280, "height": height, "scale": 1}}
        shot = self.call(
            "Page.captureScreenshot", captureBeyondViewport=True, **(clip if height else {})
        )
        path.write_bytes(base64.b64decode(shot["data"]))

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._to)

    def _read(self) -> None:
        held = b""
        while piece := os.read(self._from, 1 << 16):
            *whole, held = (held + piece).split(b"\0")
            for raw in whole:
                message = json.loads(raw)
                if "id" in message:
                    self._answers.put(message)
                else:
                    self.said.append(message)
        os.close(self._from)
