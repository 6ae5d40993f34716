"""The page shows the current state."""

import itertools
import re

import pytest

from tests.process.dashboard.browser import Page
from tests.process.dashboard.conftest import CALM
from tests.process.dashboard.dashboard import Dashboard, row
from tests.process.poller.bot import Bot, running
from tests.process.poller.conftest import polling
from tests.support import Exchange, wall_ms
from tests.support.daemon_process import Tables, merged
from tests.support.pending import Pending
from tests.support.signals import market_buy, market_sell, resting_buy
from tests.support.stage import Stage
from tests.support.tables import read

_numbers = itertools.count(1)

TILES = """Object.fromEntries([...document.querySelectorAll('#tiles > div')].map(
  (tile) => [tile.dataset.tile, tile.querySelector('.figure').textContent]
))"""


def resource() -> str:
    """Return the name of a resource that no other test uses."""
    return f"showing:{next(_numbers)}"


async def test_the_tiles_show_the_counts_of_the_database(dashboard: Dashboard) -> None:
    dashboard.lease(resource())
    dashboard.waits()
    dashboard.daemon.submit(market_buy(), wait_s=5)
    name = resource()
    lock = dashboard.lease(name)
    dashboard.daemon.ask("POST", f"/v1/locks/{lock['lockId']}/release", {"ownerId": "holder", "error": "on purpose"})
    dashboard.lease(resource(), timeoutMs=100)
    dashboard.daemon.wait_for("lock.expired")
    rows = read(dashboard.daemon.database, "SELECT status, count(*) AS many FROM transaction_locks GROUP BY status")
    locks = {each["status"]: each["many"] for each in rows}
    [waiting] = read(
        dashboard.daemon.database, "SELECT count(*) AS many FROM transaction_queue WHERE status = 'pending'"
    )
    expected = {
        "activeLocks": locks["active"],
        "queueLength": waiting["many"],
        "expiredLocks": locks["expired"],
        "recentlyCompleted": locks["released"],
        "recentlyFailed": locks["failed"],
    }
    assert all(expected.values())
    shown = {name: f"{count:,}" for name, count in expected.items()}
    await dashboard.page.until(f"JSON.stringify({TILES}) === JSON.stringify({shown})")


async def test_an_order_shows_its_state_its_age_its_deadline_and_what_it_waits_for(dashboard: Dashboard) -> None:
    waits, rests = dashboard.waits(ownerId="waiting-owner"), dashboard.rests(ownerId="resting-owner")
    said = await dashboard.row("orders", waits)
    assert said.startswith("queued")
    assert "waiting-owner" in said
    assert "it waits for its time in " in said.replace("\n", " ")
    assert "in 1 h " in said  # the deadline: ten minutes after its instant
    resting = await dashboard.row("orders", rests)
    assert resting.startswith("open")
    assert "it is followed until filled or cancelled" in resting
    dashboard.daemon.ask("DELETE", f"/v1/orders/{waits}")
    await dashboard.gone("orders", waits)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_waiting_order_shows_what_is_known_of_its_pair_and_what_it_lacks(
    dashboard: Dashboard, exchange: Exchange, scheme: str
) -> None:
    symbol, at_ms = f"COUNT{scheme.upper()}USDT", wall_ms() + 240_000
    exchange.list_symbol(symbol, at_ms, cap="0.05")
    order_id = dashboard.daemon.accept(resting_buy(symbol=symbol, quantity="30000000", price="0.05", executeAt=at_ms))
    await dashboard.page.until(f"{row('orders', order_id)}?.innerText.includes('missing: funds')")
    await dashboard.page.look_like(scheme=scheme)
    await dashboard.page.picture(f"waiting-{scheme}")
    await dashboard.page.js(f"location.hash = '#/orders/{order_id}'")
    found = await dashboard.page.until(
        "document.querySelector('#explain .pair')?.innerText.includes('pair closed, opens ')"
        " && document.getElementById('explain').innerText"
    )
    assert re.search(r"^instant \S+ of the exchange's clock$", found, re.MULTILINE), found
    assert "funded no, permitted " in found
    assert "missing: funds" in found
    await dashboard.page.picture(f"countdown-{scheme}")
    dashboard.daemon.ask("DELETE", f"/v1/orders/{order_id}")


async def test_a_lock_shows_its_owner_its_token_and_the_time_left_of_its_lease(dashboard: Dashboard) -> None:
    name = resource()
    lock = dashboard.lease(name, ownerId="lock-owner", timeoutMs=50_000)
    said = (await dashboard.row("locks", name)).split()
    assert {"lock-owner", str(lock["fencingToken"])} <= set(said)
    lease = f"{row('locks', name)}.querySelector('time').textContent"
    first = await dashboard.page.js(lease)
    assert first.endswith(" s")
    later = await dashboard.page.until(f"{lease} !== '{first}' && {lease}")
    assert float(later.split()[0]) < float(first.split()[0]) <= 50


async def test_the_queue_is_shown_in_the_order_of_service_with_its_positions(dashboard: Dashboard) -> None:
    name = resource()
    dashboard.lease(name)
    waiting = []
    for priority in (7, 3, 5):
        asked = {"resourceId": name, "ownerId": f"rank-{priority}", "timeoutMs": 1_000, "priority": priority}
        waiting.append(Pending(dashboard.daemon.signals, "POST", "/v1/locks", asked, headers={"Prefer": "wait=60"}))
        await dashboard.row("queue", f"rank-{priority}")
    rows = await dashboard.page.js(
        f"[...document.querySelectorAll('#queue tbody tr')].filter((row) => row.textContent.includes('{name}'))"
        ".map((row) => row.textContent)"
    )
    for text, priority, place in zip(rows, (3, 5, 7), (1, 2, 3), strict=True):
        assert f"rank-{priority}" in text
        assert f"no. {place} for this resource" in text
    numbers = "[...document.querySelectorAll('#queue td:first-child')].map((cell) => Number(cell.textContent))"
    positions = await dashboard.page.js(numbers)
    assert positions == list(range(1, len(positions) + 1))
    for each in waiting:
        each.leave()


async def test_an_order_in_doubt_comes_first_with_its_evidence_and_its_next_query(
    dashboard: Dashboard, exchange: Exchange
) -> None:
    exchange.inject("request_lost")
    order_id = dashboard.daemon.accept(market_buy())
    dashboard.daemon.until(order_id, "in_doubt")
    said = await dashboard.row("doubts", order_id)
    assert said.startswith("in doubt")
    assert "Server disconnected" in said
    await dashboard.row("doubts", "order: not found")
    await dashboard.row("doubts", "Order does not exist")
    assert "searches" in said
    sections = "[...document.querySelectorAll('#overview > section:not([hidden])')].map((node) => node.id)"
    order = [each for each in await dashboard.page.js(sections) if each != "alerts"]
    assert order[0] == "doubts"
    assert order_id not in await dashboard.page.text("#orders")
    assert "in doubt" in await dashboard.page.js("document.title")
    ruled = {"ruling": "canceled", "reason": "the test is over"}
    dashboard.daemon.ask("POST", f"/v1/admin/orders/{order_id}/resolve", ruled)
    await dashboard.gone("doubts", order_id)


async def test_the_history_is_filtered_by_state_and_pair(dashboard: Dashboard) -> None:
    filled = dashboard.daemon.accept(market_buy(symbol="ETHUSDT"))
    dashboard.daemon.until(filled, "filled")
    rests = dashboard.rests()
    await dashboard.row("history", filled)
    await dashboard.row("history", rests)
    await dashboard.page.js("document.querySelector('#filter [name=symbol]').focus()")
    await dashboard.page.type("ethusdt")
    await dashboard.page.press("Enter")
    await dashboard.gone("history", rests)
    assert "filled" in await dashboard.row("history", filled)
    choose = "(node, value) => { node.value = value; node.dispatchEvent(new Event('change', {bubbles: true})); }"
    await dashboard.page.js(f"({choose})(document.querySelector('#filter [name=state]'), 'rejected')")
    await dashboard.gone("history", filled)
    assert "No matching orders" in await dashboard.page.text("#history .empty")


async def test_figures_are_drawn_over_time(dashboard: Dashboard) -> None:
    dashboard.daemon.submit(market_buy(), wait_s=5)
    await dashboard.page.until("document.querySelectorAll('#plots .line').length >= 4")
    await dashboard.page.until("document.querySelector('#plots figure:first-child').innerText.includes('p99')")
    await dashboard.page.until("document.querySelector('#plots figure:last-child').innerText.includes('filled')")
    await dashboard.page.until("document.querySelectorAll('#plots .bar[data-series=filled]').length > 0")


async def test_a_firing_alert_is_shown(dashboard: Dashboard, exchange: Exchange) -> None:
    exchange.inject({"kind": "refused", "code": 30002, "count": 1})
    order_id = dashboard.daemon.accept(market_sell())
    dashboard.daemon.until(order_id, "dead_letter")
    alerts = "[...document.querySelectorAll('#alerts li')].map((each) => each.innerText)"
    await dashboard.page.until(f"{alerts}.some((each) => each.includes('dead_letter') && each.includes('firing'))")
    dashboard.daemon.ask("DELETE", f"/v1/orders/{order_id}")


async def test_an_explanation_shows_the_events_and_what_comes_next_and_is_updated(dashboard: Dashboard) -> None:
    order_id = dashboard.waits()
    await dashboard.page.js(f"location.hash = '#/orders/{order_id}'")
    await dashboard.page.until("document.querySelector('#explain .events')?.innerText.includes('accepted')")
    said = await dashboard.page.text("#explain section:nth-of-type(2)")
    assert "it waits for its time in " in said
    assert "then it expires, unless it has been sent in 1 h " in said
    assert f"to do sniperd cancel {order_id} withdraws it" in said
    assert await dashboard.page.js("document.activeElement.textContent") == f"Order {order_id}"
    dashboard.daemon.ask("DELETE", f"/v1/orders/{order_id}?reason=no+longer+wanted")
    await dashboard.page.until("document.querySelector('#explain .events').innerText.includes('no longer wanted')")
    assert "withdrawn" in await dashboard.page.text("#explain .head")
    assert await dashboard.page.text("#explain .next") == "nothing: it was withdrawn before it was sent"


FILLS = "document.querySelector('#explain .fills')"


async def test_an_orders_fills_are_a_table_and_said_to_be_missing_until_they_are_known(
    dashboard: Dashboard, exchange: Exchange
) -> None:
    exchange.inject({"kind": "error_before", "endpoint": "GET /api/v3/myTrades", "count": 2})
    exchange.change_market("ETHUSDT", asks=[["3300.5", "0.1"], ["3301", "5"]])
    order_id = dashboard.daemon.accept(resting_buy(symbol="ETHUSDT", quantity="1", price="3310"))
    dashboard.daemon.until(order_id, "filled")
    exchange.change_market("ETHUSDT", price="3300")
    await dashboard.page.js(f"location.hash = '#/orders/{order_id}'")
    await dashboard.page.until(f"{FILLS}?.innerText.trim() === 'not known yet'")
    rows = await dashboard.page.until(
        f"{FILLS}.querySelectorAll('tbody tr').length === 2 && [...{FILLS}.querySelectorAll('tbody tr')]"
        ".map((row) => [...row.children].map((cell) => cell.innerText))"
    )
    fees = [f"{fill['fee']} {fill['feeAsset']}" for fill in dashboard.daemon.explain(order_id)["fills"]]
    assert [cells[1:] for cells in rows] == [
        ["3300.5", "0.1", "330.05", fees[0], "taker"],
        ["3301.0", "0.9", "2970.90", fees[1], "taker"],
    ]
    assert all(re.search(r"\d\d:\d\d:\d\d", cells[0]) for cells in rows)
    assert "known yet" not in await dashboard.page.js(f"{FILLS}.innerText")
    assert re.search(r"^after \d+ ms$", await dashboard.page.text("#explain .events"), re.MULTILINE)
    await dashboard.page.picture("fills")


@pytest.mark.parametrize("fragment", ["/orders/nobody", "/orders/%E0%A4%A", "/orders/<img src=x onerror=alert(1)>"])
async def test_an_unknown_order_id_shows_an_error(dashboard: Dashboard, fragment: str) -> None:
    await dashboard.page.js(f"location.hash = {fragment!r}")
    said = "document.querySelector('#explain [role=alert]')?.innerText"
    await dashboard.page.until(f"{said}?.includes('there is no order')")


async def test_shadow_mode_is_shown_as_shadow(page: Page, own_stage: Stage) -> None:
    market = own_stage.exchange()
    shadow: Tables = {"exchange": {"shadow": True, "base_url": market.url}, "http": {"listen": "127.0.0.1:0"}}
    daemon = own_stage.daemon(None, shadow)
    daemon.start(with_rules=True)
    dashboard = Dashboard(page, daemon)
    await dashboard.open()
    assert (await page.text("#mode"), await page.js("document.getElementById('mode').dataset.mode")) == (
        "SHADOW",
        "shadow",
    )
    assert market.url in await page.text("#facts")
    await page.picture("shadow", whole=False)


async def test_the_state_of_the_poller_is_shown(page: Page, own_stage: Stage) -> None:
    exchange = own_stage.exchange()
    with running(Bot()) as bot:
        daemon = own_stage.daemon(exchange, merged(polling(bot), {"http": {"listen": "127.0.0.1:0"}}))
        daemon.start(with_rules=True)
        bot.wait_for_polls()
        dashboard = Dashboard(page, daemon)
        await dashboard.open()
        await page.until("document.getElementById('facts').innerText.includes('0 targets shown')")
        bot.answer = (503, b"busy")
        failing = "document.querySelector('#facts [data-tone=bad]')?.innerText"
        await page.until(f"{failing}?.includes('failing for')")
        assert "HTTP 503" in await page.js(failing)


async def test_the_first_line_says_that_all_is_well_with_what_was_done_today(page: Page, own_stage: Stage) -> None:
    limited: Tables = {"http": {"listen": "127.0.0.1:0"}, "guards": {"max_notional_per_day": 500.0}}
    daemon = own_stage.daemon(own_stage.exchange(), limited)
    daemon.start(with_rules=True)
    dashboard = Dashboard(page, daemon)
    await dashboard.open()
    await page.until("document.querySelector('header').dataset.tone === 'good'")
    assert await dashboard.headline() == ("good", "All well: ready for signals, nothing needs you")
    tried = "sniperd submit BUY BTCUSDT --quote 25"
    for section in ("orders", "history"):
        await page.until(f"document.querySelector('#{section} .empty').innerText.includes('{tried}')")
    daemon.submit(market_buy(), wait_s=5)
    dashboard.rests()
    await page.until(
        "document.getElementById('summary').innerText.includes('1 filled today, 1 open, nothing needs you')"
    )
    figures = TILES.replace("#tiles", "#figures")
    assert await page.js(figures) == {
        "filledToday": "1",
        "spending": "75 USDT",
        "open": "1",
        "needsAttention": "0",
        "result": "\N{EN DASH}",
    }
    around = " ".join((await page.text("#around")).split())
    assert re.fullmatch(r"Bot last signal \S+ \(\S+ s ago\) Exchange answers Spent today 75 of 500 USDT", around), (
        around
    )
    assert await page.text("#connection") == "connected"


async def test_the_head_is_never_green_while_anything_is_wrong(page: Page, own_stage: Stage) -> None:
    exchange = own_stage.exchange()
    daemon = own_stage.daemon(exchange, CALM)
    daemon.start(with_rules=True)
    dashboard = Dashboard(page, daemon)
    await dashboard.open()
    exchange.inject({"kind": "refused", "code": 30002, "count": 1})
    letter = daemon.accept(market_sell())
    daemon.until(letter, "dead_letter")
    await page.until("document.querySelector('#alerts li')?.innerText.includes('firing')")
    assert await dashboard.headline() == ("warn", "1 order set aside (dead letters): needs you today")
    daemon.ask("POST", "/v1/admin/halt", {"reason": "a rehearsal"})
    await page.until("document.querySelector('header').dataset.tone === 'bad'")
    assert await dashboard.headline() == ("bad", "Trading is halted (a rehearsal): needs you")
    daemon.kill()
    await page.until("document.getElementById('connection').textContent === 'connection lost'")
    assert await dashboard.headline() == ("bad", "Not connected to the daemon: what is shown may be old")


async def test_what_needs_the_operator_comes_first_on_a_phone(dashboard: Dashboard, exchange: Exchange) -> None:
    await dashboard.page.look_like(width=390, height=844)
    exchange.inject("request_lost")
    order_id = dashboard.daemon.accept(market_buy())
    dashboard.daemon.until(order_id, "in_doubt")
    await dashboard.row("doubts", order_id)
    tops = "['doubts', 'figures', 'orders'].map((id) => document.getElementById(id).getBoundingClientRect().top)"
    found = await dashboard.page.js(tops)
    assert found == sorted(found)
    assert found[0] < 844
    dashboard.daemon.ask("POST", f"/v1/admin/orders/{order_id}/resolve", {"ruling": "canceled", "reason": "over"})
    await dashboard.page.until("document.getElementById('doubts').hidden")


POINTS = """[...document.querySelectorAll('#history td[data-label=LABEL]')].map((cell) => {
  const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const place = texts.currentNode.textContent.indexOf('.');
    if (place < 0) continue;
    const range = document.createRange();
    range.setStart(texts.currentNode, place);
    range.setEnd(texts.currentNode, place + 1);
    return Math.round(range.getBoundingClientRect().left);
  }
  return null;
}).filter((left) => left !== null)"""


@pytest.mark.parametrize("column", ["Executed", "Value"])
async def test_the_decimal_points_of_a_column_are_in_one_line(dashboard: Dashboard, column: str) -> None:
    for amount in ("7", "7.5", "1234.25"):
        dashboard.daemon.submit(market_buy(quoteOrderQty=amount), wait_s=5)
    await dashboard.page.until("document.querySelectorAll('#history tbody tr').length >= 3")
    found = await dashboard.page.until(
        f"({POINTS.replace('LABEL', column)}).length >= 3 && {POINTS.replace('LABEL', column)}"
    )
    assert len(set(found)) == 1


async def test_repeated_queries_are_folded_and_the_last_of_each_source_is_shown(
    dashboard: Dashboard, exchange: Exchange
) -> None:
    exchange.inject("request_lost")
    order_id = dashboard.daemon.accept(market_buy())
    await dashboard.page.js(f"location.hash = '#/orders/{order_id}'")
    await dashboard.page.until("document.querySelector('#explain .folded summary')?.innerText.includes('earlier quer')")
    shown = "[...document.querySelectorAll('#explain .events > li:not(.folded) summary')]"
    sources = await dashboard.page.js(
        f"{shown}.filter((each) => each.checkVisibility()).map((each) => each.innerText.split(':')[0])"
    )
    assert len(sources) == len(set(sources)) > 0
    dashboard.daemon.ask("POST", f"/v1/admin/orders/{order_id}/resolve", {"ruling": "canceled", "reason": "over"})


async def test_without_a_poller_no_state_of_it_is_shown(dashboard: Dashboard) -> None:
    assert "Poller" not in await dashboard.page.text("#facts")


async def test_a_fill_shows_that_its_price_is_not_known(dashboard: Dashboard, exchange: Exchange) -> None:
    exchange.inject({"kind": "no_sum"}, {"kind": "no_sum", "endpoint": "GET /api/v3/myTrades"})
    order_id = dashboard.daemon.submit(market_buy(), wait_s=5).json["id"]
    assert "not known yet" in await dashboard.row("history", order_id)
    exchange.inject()
    await dashboard.page.until(f"!{row('history', order_id)}.innerText.includes('not known')")


async def test_the_days_result_is_among_the_first_figures(page: Page, own_stage: Stage) -> None:
    daemon = own_stage.daemon(own_stage.exchange(), CALM)
    daemon.start(with_rules=True)
    daemon.submit(market_buy(), wait_s=5)
    daemon.submit(market_sell(quantity="0.0001"), wait_s=5)
    dashboard = Dashboard(page, daemon)
    await dashboard.open()
    [total] = daemon.get("/v1/report?limit=1")["totals"]
    tile = "document.querySelector('#figures [data-tile=result] .figure').innerText"
    shown = await page.until(f"{tile} !== '\N{EN DASH}' && {tile}")
    assert re.fullmatch(r"[-+]?[\d.]+ USDT", shown), shown
    assert float(shown.split()[0]) == pytest.approx(float(total["realised"]), rel=1e-6)
