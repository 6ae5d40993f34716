"""A headless Chromium and its pages, controlled over the DevTools protocol.

The tests use the protocol directly, because the browser itself reports every script error, dialog and policy violation.
"""

import base64
import itertools
import json
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
from aiohttp import ClientSession, ClientWebSocketResponse

import daemon as package
from tests.support.stage import Stage
from tests.support.waiting import PATIENCE_S

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--remote-debugging-port=0",
)
PICTURES = Path(package.__file__).parent.parent / ".ci" / "artefacts" / "dashboard"
"""The directory of a run's screenshots; not a part of the repository."""

KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32}
SHIFT = 8

_LISTENS = re.compile(r"DevTools listening on ws://([^/]+)/")


_STANDING = """async (selector) => {
  const node = document.querySelector(selector);
  node.scrollIntoView({block: "center"});
  for (let before = null; ;) {
    const box = node.getBoundingClientRect();
    const now = [box.x + box.width / 2, box.y + box.height / 2];
    if (String(now) === String(before)) return now;
    before = now;
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  }
}"""
"""Returns the middle of an element, once the element has stopped moving."""


class Page:
    """A tab. ``alarms`` collects what must not happen: dialogs of scripts, violated policies, console errors."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self.alarms: list[str] = []
        self._socket = socket
        self._numbers = itertools.count(1)
        self._answers: dict[int, dict[str, Any]] = {}
        self._answered = anyio.Condition()

    async def listen(self) -> None:
        """Receive the browser's messages, until cancelled."""
        async for message in self._socket:
            said = json.loads(message.data)
            if "id" in said:
                async with self._answered:
                    self._answers[said["id"]] = said
                    self._answered.notify_all()
            else:
                self._hear(said["method"], said["params"])

    async def command(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send the browser a command of the protocol."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        with anyio.fail_after(PATIENCE_S):
            async with self._answered:
                while number not in self._answers:
                    await self._answered.wait()
        answer = self._answers.pop(number)
        assert "error" not in answer, (method, answer["error"])
        result: dict[str, Any] = answer["result"]
        return result

    async def js(self, expression: str) -> Any:
        """Evaluate an expression in the page; wait for a promise."""
        found = await self.command("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, (expression, found["exceptionDetails"])
        return found["result"].get("value")

    async def open(self, url: str) -> None:
        """Open an address, and wait until the page is loaded."""
        await self.command("Page.navigate", url=url)
        await self.until("document.readyState === 'complete'")

    async def until(self, expression: str, timeout_s: float = PATIENCE_S) -> Any:
        """Wait until an expression is true; return its value, and ``True`` for an element."""
        found = None
        with anyio.move_on_after(timeout_s):
            while not (found := await self.js(f"((found) => found instanceof Node || found)({expression})")):  # noqa: ASYNC110  # the page has no event for it
                await anyio.sleep(0.02)
        assert found, f"not within {timeout_s} s: {expression}\n{await self.text('body')}"
        return found

    async def text(self, selector: str) -> str:
        """Return the text of an element; empty if there is no such element."""
        found = await self.js(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")
        assert isinstance(found, str)
        return found

    async def click(self, selector: str) -> None:
        """Scroll an element into view, and click its middle."""
        x, y = await self.js(f"({_STANDING})({json.dumps(selector)})")
        for kind in ("mousePressed", "mouseReleased"):
            await self.command("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    async def type(self, text: str) -> None:
        """Type into the element that has the focus."""
        await self.command("Input.insertText", text=text)

    async def press(self, key: str, *, shift: bool = False) -> None:
        """Press a key."""
        pressed = {"key": key, "code": "Space" if key == " " else key, "windowsVirtualKeyCode": KEYS[key]}
        text = {"Enter": "\r", " ": " "}.get(key)
        modifiers = SHIFT if shift else 0
        down = {"type": "keyDown", "text": text} if text else {"type": "rawKeyDown"}
        await self.command("Input.dispatchKeyEvent", **down, **pressed, modifiers=modifiers)
        await self.command("Input.dispatchKeyEvent", type="keyUp", **pressed, modifiers=modifiers)

    async def look_like(self, *, width: int = 1440, height: int = 900, scheme: str = "light") -> None:
        """Emulate a screen of this size with this colour scheme."""
        await self.command(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        await self.command("Emulation.setEmulatedMedia", features=features)

    async def picture(self, name: str, *, whole: bool = True) -> None:
        """Save a screenshot of the page, for manual review."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        (PICTURES / f"{name}.png").write_bytes(await self.screenshot(whole=whole))

    async def screenshot(self, *, whole: bool) -> bytes:
        """Return a PNG of the screen, or of the whole page."""
        shot = await self.command("Page.captureScreenshot", captureBeyondViewport=whole)
        return base64.b64decode(shot["data"])

    def _hear(self, method: str, said: dict[str, Any]) -> None:
        if method == "Page.javascriptDialogOpening":
            self.alarms.append(f"dialog: {said['message']}")
        elif method == "Audits.issueAdded" and said["issue"]["code"] == "ContentSecurityPolicyIssue":
            self.alarms.append(f"policy: {said['issue']['details']}")
        elif method == "Runtime.exceptionThrown":
            self.alarms.append(f"exception: {said['exceptionDetails']}")
        elif method == "Runtime.consoleAPICalled":
            self.alarms.append(f"console: {said['args']}")


def chromium(stage: Stage) -> str:
    """Start a browser with a profile of its own; return the address for commands."""
    directory = stage.subdirectory("browser")
    environ = {**os.environ, "HOME": str(directory)}
    command = ["chromium", *FLAGS, f"--user-data-dir={directory}", "about:blank"]
    child = stage.child(*command, environ=environ, directory=directory)
    found = child.errors.wait_for(_LISTENS.search, "the browser listens", timeout_s=2 * PATIENCE_S)
    return found[1]


@asynccontextmanager
async def tab(address: str) -> AsyncIterator[Page]:
    """Open a tab with its own session storage, and close it at the end."""
    async with ClientSession() as session, anyio.create_task_group() as tasks:
        async with session.put(f"http://{address}/json/new?about:blank") as answer:
            target = await answer.json()
        async with session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as socket:
            page = Page(socket)
            tasks.start_soon(page.listen)
            for domain in ("Page", "Runtime", "Audits"):
                await page.command(f"{domain}.enable")
            await page.look_like()
            yield page
            tasks.cancel_scope.cancel()
        with anyio.CancelScope(shield=True):
            await session.get(f"http://{address}/json/close/{target['id']}")
