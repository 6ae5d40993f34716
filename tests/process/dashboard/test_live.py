"""The page shows events as they happen, and reports a lost connection."""

import socket
import statistics

import pytest

from tests.process.dashboard.browser import Page
from tests.process.dashboard.conftest import CALM
from tests.process.dashboard.dashboard import LIVE, Dashboard, row
from tests.support import Daemon, Exchange, wall_ms
from tests.support.signals import resting_buy
from tests.support.stage import Stage

ROUNDS, UPDATES, WITHIN_MS = 3, 7, 300

WATCH = """
window.seen = {};
new MutationObserver(() => {
  for (const link of document.querySelectorAll('#orders .id')) window.seen[link.textContent] ??= Date.now();
}).observe(document.getElementById('orders'), {childList: true, subtree: true});
"""


async def test_an_event_is_shown_within_300_ms(dashboard: Dashboard) -> None:
    """Measure from the event's time to the changed page; the best of three rounds, because the machine may be busy."""
    await dashboard.page.js(WATCH)
    medians = []
    for _ in range(ROUNDS):
        took_ms = []
        for _ in range(UPDATES):
            before_ms = wall_ms()
            ahead_ms = dashboard.daemon.get("/v1/status")["nowMs"] - (before_ms + wall_ms()) / 2  # the daemon's clock
            order_id = dashboard.daemon.accept(resting_buy())
            seen_ms = await dashboard.page.until(f"window.seen['{order_id}']")
            [accepted, *_] = dashboard.daemon.explain(order_id)["events"]
            took_ms.append(seen_ms + ahead_ms - accepted["atMs"])
        medians.append(statistics.median(took_ms))
    assert min(medians) < WITHIN_MS, medians
    print(f"event to page, medians of {UPDATES}: {', '.join(f'{each:.0f} ms' for each in medians)}")  # noqa: T201


@pytest.fixture
def fixed_port_daemon(own_stage: Stage, exchange: Exchange) -> Daemon:
    """A daemon of its own, whose page has the same port after a restart."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    daemon = own_stage.daemon(exchange, CALM | {"http": {"listen": f"127.0.0.1:{port}"}})
    daemon.start(with_rules=True)
    return daemon


async def test_a_lost_connection_is_shown_and_restored_by_the_page(page: Page, fixed_port_daemon: Daemon) -> None:
    dashboard = Dashboard(page, fixed_port_daemon)
    await dashboard.open()
    before = dashboard.rests()
    await dashboard.row("orders", before)
    fixed_port_daemon.kill()
    await page.until("document.getElementById('connection').textContent === 'connection lost'")
    said = await page.text("#banners")
    assert said.startswith("Connection lost since ")
    assert before in await page.text("#orders")
    fixed_port_daemon.start()
    after = dashboard.rests()
    await page.until(LIVE)
    await dashboard.row("orders", after)
    await dashboard.row("orders", before)
    assert await page.text("#banners") == ""


async def test_changes_during_a_lost_connection_are_shown_after_it(page: Page, fixed_port_daemon: Daemon) -> None:
    dashboard = Dashboard(page, fixed_port_daemon)
    await dashboard.open()
    order_id = dashboard.waits()
    await dashboard.row("orders", order_id)
    await page.command("Network.enable")
    offline = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    await page.command("Network.emulateNetworkConditions", offline=True, **offline)
    fixed_port_daemon.restart()
    await page.until("document.getElementById('connection').textContent === 'connection lost'")
    assert fixed_port_daemon.ask("DELETE", f"/v1/orders/{order_id}").status == 200
    assert await page.js(f"Boolean({row('orders', order_id)})")
    await page.command("Network.emulateNetworkConditions", offline=False, **offline)
    await dashboard.gone("orders", order_id)


TYPED = "document.querySelector('dialog textarea')?.value"


async def test_a_typed_reason_and_the_focus_stay_over_updates(dashboard: Dashboard) -> None:
    dashboard.lease("staying:1")
    await dashboard.press("locks", "staying:1", "Release")
    await dashboard.page.type("a reason that is long")
    for _ in range(5):
        await dashboard.row("orders", dashboard.rests())
        await dashboard.page.type(" and longer")
    assert await dashboard.page.js(TYPED) == "a reason that is long" + 5 * " and longer"
    assert await dashboard.page.js("document.activeElement.name") == "reason"


async def test_a_typed_reason_stays_when_its_lock_ends(dashboard: Dashboard) -> None:
    lock = dashboard.lease("staying:2")
    await dashboard.press("locks", "staying:2", "Release")
    await dashboard.page.type("too late")
    dashboard.daemon.ask("POST", f"/v1/locks/{lock['lockId']}/release", {"ownerId": "holder"})
    await dashboard.page.until("document.querySelector('dialog').innerText.includes('It has ended in the meantime')")
    assert await dashboard.page.js(TYPED) == "too late"
    await dashboard.page.click("dialog button[type=submit]")
    await dashboard.page.until("document.querySelector('dialog .failure').innerText.includes('has ended already')")
    assert await dashboard.page.js(TYPED) == "too late"


async def test_a_typed_reason_stays_when_the_page_is_reloaded(dashboard: Dashboard) -> None:
    dashboard.lease("staying:3")
    await dashboard.press("locks", "staying:3", "Release")
    await dashboard.page.type("typed before")
    await dashboard.page.command("Page.reload")
    await dashboard.page.until(f"{TYPED} === 'typed before'")
    await dashboard.page.click("dialog button[type=submit]")
    await dashboard.gone("locks", "staying:3")


async def test_the_focus_stays_on_a_row_that_moves_and_goes_to_the_heading_if_the_row_is_removed(
    dashboard: Dashboard,
) -> None:
    order_id = dashboard.waits()
    await dashboard.row("orders", order_id)
    await dashboard.page.js(f"{row('orders', order_id)}.querySelector('a').focus()")
    await dashboard.row("orders", dashboard.waits())
    await dashboard.row("orders", dashboard.rests())
    assert await dashboard.page.js("document.activeElement.textContent") == order_id
    dashboard.daemon.ask("DELETE", f"/v1/orders/{order_id}")
    await dashboard.gone("orders", order_id)
    assert await dashboard.page.js("document.activeElement.id") == "orders-title"
