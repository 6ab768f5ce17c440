"""Chromium without a display, with a mouse, by its remote debugging pipe."""

import base64
import json
import os
import shutil
import subprocess

import cv2
import numpy as np

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
_SWITCHES = (
    *("--headless", "--no-sandbox", "--no-first-run", "--disable-quic"),
    *("--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--enable-unsafe-swiftshader", "--use-gl=angle"),
    *("--use-angle=swiftshader", "--remote-debugging-pipe"),
)


class Browser:
    """A page in a browser of its own; `console` has all that it complained about."""

    def __init__(self, profile, size):
        self.console, self._loaded, self._last_id = [], set(), 0
        to_browser, self._write_end = os.pipe()
        self._read_end, from_browser = os.pipe()
        # The browser reads commands from file 3 and answers on file 4.
        script = f'exec "$0" "$@" 3<&{to_browser} 4>&{from_browser}'
        switches = [*_SWITCHES, f"--window-size={size[0]},{size[1]}"]
        self._process = subprocess.Popen(
            ["bash", "-c", script, CHROMIUM, *switches, f"--user-data-dir={profile}"],
            pass_fds=(to_browser, from_browser),
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        self._answers = os.fdopen(self._read_end, "rb")
        self._session = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        given = {"targetId": target, "flatten": True}
        self._session = self.call("Target.attachToTarget", **given)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        self.call("Page.setLifecycleEventsEnabled", enabled=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(20)
        self._answers.close()
        os.close(self._write_end)

    def call(self, method, **parameters):
        """The result of a command of the protocol."""
        self._last_id += 1
        message = {"id": self._last_id, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write_end, json.dumps(message).encode() + b"\0")
        while (answer := self._receive()).get("id") != self._last_id:
            pass
        assert "error" not in answer, answer
        return answer["result"]

    def _receive(self):
        """The next answer or event, of which errors and warnings are kept."""
        text = bytearray()
        while (byte := self._answers.read(1)) != b"\0":
            assert byte, "the browser ended"
            text += byte
        message = json.loads(text)
        method = message.get("method")
        if method in (
            *("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"),
        ):
            self.console.append(message["params"])
        if method == "Page.lifecycleEvent" and message["params"]["name"] == "load":
            self._loaded.add(message["params"]["loaderId"])
        return message

    def open(self, path, fragment=""):
        """Shows a file, and waits until its scripts have run."""
        for address in ("about:blank", path.as_uri() + fragment):
            self.navigate(address)

    def navigate(self, address):
        """Shows what is at a URL, and waits until its scripts have run."""
        loader = self.call("Page.navigate", url=address)["loaderId"]
        while loader not in self._loaded:
            self._receive()

    def evaluate(self, expression):
        """The value of an expression of JavaScript on the page."""
        given = {"expression": expression, "returnByValue": True}
        result = self.call("Runtime.evaluate", **given)["result"]
        assert result.get("subtype") != "error", result
        return result.get("value")

    def drag(self, start, end, button="left"):
        """Moves the mouse from start to end, (x, y) in pixels, the button pressed."""
        path = np.linspace(start, end, 6)
        kinds = ["mousePressed", *["mouseMoved"] * (len(path) - 1), "mouseReleased"]
        for kind, (x, y) in zip(kinds, [*path, path[-1]], strict=True):
            given = {"type": kind, "x": x, "y": y, "button": button, "clickCount": 1}
            self.call("Input.dispatchMouseEvent", **given)

    def wheel(self, at, amount):
        """Turns the wheel towards the user by an amount, the mouse at (x, y)."""
        given = {"type": "mouseWheel", "x": at[0], "y": at[1]}
        self.call("Input.dispatchMouseEvent", **given, deltaX=0, deltaY=amount)

    def screenshot(self, **options):
        """RGB, uint8."""
        data = self.call("Page.captureScreenshot", **options)["data"]
        encoded = np.frombuffer(base64.b64decode(data), np.uint8)
        return cv2.imdecode(encoded, cv2.IMREAD_COLOR)[..., ::-1]
