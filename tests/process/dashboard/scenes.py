"""The states of a daemon that its page has to show well, each made with a real daemon and a real exchange."""

from typing import ClassVar

from tests.process.dashboard.browser import Page
from tests.process.dashboard.dashboard import Dashboard, Trader
from tests.support.daemon_process import Tables
from tests.support.pending import Pending
from tests.support.signals import market_buy, market_sell, resting_buy
from tests.support.stage import Stage

CONFIG: Tables = {"http": {"listen": "127.0.0.1:0"}, "queue": {"buy_deadline_ms": 600_000, "sell_deadline_ms": 600_000}}

BUYS = {"BTCUSDT": "25", "ETHUSDT": "40", "SOLUSDT": "15", "XRPUSDT": "60", "DOGEUSDT": "12"}


class Scene:
    """A daemon in a state that stays."""

    is_well: ClassVar[bool] = True
    """Whether the page may say that nothing is wrong."""

    def __init__(self, stage: Stage) -> None:
        self.exchange = stage.exchange()
        self.daemon = stage.daemon(self.exchange, CONFIG)
        self.daemon.start(with_rules=True)
        self.trader = Trader(self.daemon)
        self.shows = "true"
        """A JavaScript expression that is true once the page shows the state."""
        self.make()

    def make(self) -> None:
        """Bring the daemon into the state."""

    async def enter(self, page: Page) -> Dashboard:
        """Open the page, and wait until it shows the state."""
        dashboard = Dashboard(page, self.daemon)
        await dashboard.open()
        await page.until(self.shows)
        return dashboard


class Empty(Scene):
    """A new daemon, to which nobody has sent anything."""


class Busy(Scene):
    """Orders in several states, leases, and callers that wait for one."""

    def make(self) -> None:
        """Trade, and leave something for each table of the page."""
        self.filled = [self._buy(symbol, amount) for symbol, amount in BUYS.items()]
        self._fill_partly()
        self.trader.rests(ownerId="sniper-2", snipeTargetId="dip-btc")
        canceled = self.trader.rests(ownerId="sniper-2", snipeTargetId="dip-btc-2", price="60000")
        self.daemon.ask("DELETE", f"/v1/orders/{canceled}?reason=the+price+has+moved")
        self.trader.waits(ownerId="sniper-1", snipeTargetId="launch-41")
        self.trader.waits(ownerId="sniper-1", snipeTargetId="launch-42", symbol="SUIUSDT")
        withdrawn = self.trader.waits(ownerId="sniper-1", snipeTargetId="launch-43", symbol="SEIUSDT")
        self.daemon.ask("DELETE", f"/v1/orders/{withdrawn}?reason=no+longer+wanted")
        self.trader.lease("rebalance:BTC", ownerId="rebalancer")
        self.queue()
        self.daemon.until(canceled, "canceled")
        self.shows = (
            "['orders', 'locks', 'queue', 'history'].every((id) => document.querySelector(`#${id} tbody tr`))"
            " && document.querySelector('#plots .line')"
            " && document.querySelector('#tiles').textContent.includes('Queue')"
        )

    def _buy(self, symbol: str, amount: str) -> str:
        signal = market_buy(symbol=symbol, quoteOrderQty=amount, ownerId="sniper-1", snipeTargetId=f"spot-{symbol}")
        order_id: str = self.daemon.submit(signal, wait_s=10).json["id"]
        self.daemon.until(order_id, "filled")
        return order_id

    def _fill_partly(self) -> None:
        self.exchange.change_market("AVAXUSDT", bids=[["37.9", "1"]], asks=[["38", "1"]])
        signal = resting_buy(
            symbol="AVAXUSDT", quantity="4", price="38", ownerId="sniper-2", snipeTargetId="spot-AVAXUSDT"
        )
        self.daemon.until(self.daemon.accept(signal), "partially_filled")

    def queue(self) -> None:
        """Let two callers wait for the lease; they leave if the daemon ends."""
        self.waiters = [self._wait_for("rebalance:BTC", owner) for owner in ("sniper-3", "reporter")]

    def _wait_for(self, resource: str, owner: str) -> Pending:
        asked = {"resourceId": resource, "ownerId": owner, "timeoutMs": 60_000}
        return Pending(self.daemon.signals, "POST", "/v1/locks", asked, headers={"Prefer": "wait=600"})


class Lost(Busy):
    """A busy daemon with an order that no query finds."""

    is_well = False

    def make(self) -> None:
        """Let the exchange drop a request and answer every query that it has no such order."""
        super().make()
        self.exchange.inject("request_lost")
        signal = market_sell(ownerId="sniper-3", snipeTargetId="stop-btc")
        self.lost = self.daemon.accept(signal)
        self.daemon.until(self.lost, "lost")
        self.shows = (
            f"{self.shows} && document.querySelector('#doubts tbody')?.innerText.includes('my trades: not found')"
            " && document.querySelector('#alerts ul').innerText.includes('order_lost')"
        )


class Halted(Busy):
    """A busy daemon that the operator has halted."""

    is_well = False

    def make(self) -> None:
        """Halt it."""
        super().make()
        answer = self.daemon.ask("POST", "/v1/admin/halt", {"reason": "the bot buys the wrong pair"})
        assert answer.status == 200, answer.raw
        self.shows = f"{self.shows} && document.body.innerText.includes('the bot buys the wrong pair')"


class Disconnected(Busy):
    """A page whose daemon was killed."""

    is_well = False

    async def enter(self, page: Page) -> Dashboard:
        """Open the page of a running daemon, and kill the daemon."""
        if not self.daemon.process.is_running():
            self.daemon.start(with_rules=True)
            self.queue()
        dashboard = await super().enter(page)
        self.daemon.kill()
        await page.until("document.getElementById('connection').textContent === 'connection lost'")
        return dashboard


class FilledOrder(Busy):
    """The page of an order that was filled."""

    def make(self) -> None:
        """Choose the order."""
        super().make()
        self.order = self.filled[0]

    async def enter(self, page: Page) -> Dashboard:
        """Open the order's page from the overview."""
        dashboard = await super().enter(page)
        await open_order(page, self.order)
        return dashboard


class LostOrder(Lost):
    """The page of an order that no query finds."""

    async def enter(self, page: Page) -> Dashboard:
        """Open the order's page from the overview."""
        dashboard = await super().enter(page)
        await open_order(page, self.lost)
        return dashboard


async def open_order(page: Page, order_id: str) -> None:
    """Go to an order's page."""
    await page.js(f"location.hash = '#/orders/{order_id}'")
    await page.until("document.querySelector('#explain .events li') && document.querySelector('#explain .attempts li')")


SCENES: dict[str, type[Scene]] = {
    "empty": Empty,
    "busy": Busy,
    "lost": Lost,
    "halted": Halted,
    "disconnected": Disconnected,
    "order-filled": FilledOrder,
    "order-lost": LostOrder,
}
"""The scenes, by the names of their pictures."""
