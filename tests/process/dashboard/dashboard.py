"""The dashboard as the operator uses it: its sections, rows, buttons and dialogs."""

import json
from typing import Any

from tests.process.dashboard.browser import Page
from tests.support import Daemon
from tests.support.signals import market_buy, resting_buy

LIVE = "document.getElementById('connection').textContent === 'connected' && document.querySelector('#facts dd')"


class Trader:
    """Makes orders and locks for the page to show."""

    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon

    def rests(self, **changes: Any) -> str:
        """Place an order that rests on the exchange; return its id."""
        order_id = self.daemon.accept(resting_buy(**changes))
        self.daemon.until(order_id, "open")
        return order_id

    def waits(self, **changes: Any) -> str:
        """Accept an order whose ``executeAt`` is in an hour; return its id."""
        now_ms = self.daemon.get("/v1/status")["nowMs"]
        return self.daemon.accept(market_buy(executeAt=now_ms + 3_600_000, **changes))

    def lease(self, resource: str, **changes: Any) -> dict[str, Any]:
        """Acquire a lease on a resource."""
        asked = {"resourceId": resource, "ownerId": "holder", "timeoutMs": 600_000} | changes
        answer = self.daemon.ask("POST", "/v1/locks", asked)
        assert answer.status == 201, answer.raw
        found: dict[str, Any] = answer.json
        return found


class Dashboard(Trader):
    """A page of a daemon's dashboard."""

    def __init__(self, page: Page, daemon: Daemon) -> None:
        super().__init__(daemon)
        self.page = page

    @property
    def address(self) -> str:
        """The address of the page, from the daemon's log."""
        address: str = self.daemon.wait_for("daemon.ready")["http"]
        return address

    @property
    def token(self) -> str:
        """The token for changes."""
        return self.daemon.database.with_name("http-token").read_text(encoding="ascii").strip()

    async def open(self, *, fragment: str | None = None) -> None:
        """Open the page, with the token unless another fragment is given, and wait until it is live."""
        await self.page.open(f"{self.address}/#{f'token={self.token}' if fragment is None else fragment}")
        await self.page.until(LIVE)

    async def headline(self) -> tuple[str, str]:
        """Return the tone of the head, and its sentence."""
        tone = await self.page.js("document.querySelector('header').dataset.tone")
        return tone, await self.page.text("#summary")

    async def row(self, section: str, text: str) -> str:
        """Wait for the row of a section's table that contains a text; return the row's text."""
        found = await self.page.until(row(section, text) + "?.innerText")
        assert isinstance(found, str)
        return found

    async def gone(self, section: str, text: str) -> None:
        """Wait until no row of a section's table contains a text."""
        await self.page.until(f"!{row(section, text)}")

    async def press(self, section: str, text: str, button: str) -> None:
        """Press a button in the row that contains a text, and wait for the dialog."""
        await self.row(section, text)
        await self.page.js(
            f"[...{row(section, text)}.querySelectorAll('button')]"
            f".find((each) => each.textContent.startsWith({json.dumps(button)})).setAttribute('data-pressed', '')"
        )
        await self.page.click("[data-pressed]")
        await self.page.js("document.querySelector('[data-pressed]')?.removeAttribute('data-pressed')")
        await self.page.until("document.getElementById('dialog').open")

    async def give(self, reason: str) -> None:
        """Type a reason into the dialog, and submit it."""
        await self.page.js("document.querySelector('dialog textarea').focus()")
        await self.page.type(reason)
        await self.page.click("dialog button[type=submit]")

    async def done(self) -> None:
        """Wait until the dialog has closed."""
        await self.page.until("!document.getElementById('dialog').open")


def row(section: str, text: str) -> str:
    """Return a JavaScript expression for the row of a section's table that contains a text."""
    rows = f"[...document.querySelectorAll('#{section} > .table tbody tr')]"
    return f"{rows}.find((row) => row.textContent.includes({json.dumps(text)}))"
