"""The operator's actions on the page need a reason and the token, and the daemon may refuse them."""

import itertools
import json
from typing import Any

import pytest

from tests.process.dashboard.dashboard import Dashboard
from tests.support import Exchange
from tests.support.signals import market_buy, market_sell
from tests.support.tables import read

_numbers = itertools.count(1)


def resource() -> str:
    """Return the name of a resource that no other test uses."""
    return f"acting:{next(_numbers)}"


def dead_letter(dashboard: Dashboard, exchange: Exchange) -> str:
    """Let the exchange refuse an order so that it becomes a dead letter; return its id."""
    exchange.inject({"kind": "refused", "code": 30002, "count": 1})
    order_id = dashboard.daemon.accept(market_sell())
    dashboard.daemon.until(order_id, "dead_letter")
    return order_id


async def test_a_lock_is_released_with_the_reason_that_was_typed(dashboard: Dashboard) -> None:
    name = resource()
    lock = dashboard.lease(name)
    await dashboard.press("locks", name, "Release")
    await dashboard.page.until(f"document.querySelector('dialog').innerText.includes({json.dumps(name)})")
    await dashboard.give("its owner is gone for good")
    await dashboard.gone("locks", name)
    await dashboard.done()
    [kept] = read(
        dashboard.daemon.database,
        "SELECT * FROM events WHERE name = 'lock.force_released' AND lock_id = ?",
        lock["lockId"],
    )
    assert kept["actor"] == "token"
    assert json.loads(kept["detail"])["reason"] == "its owner is gone for good"
    await dashboard.page.until(f"document.getElementById('message').innerText === '{lock['lockId']} is released.'")


async def test_without_a_reason_or_when_the_dialog_is_closed_nothing_changes(dashboard: Dashboard) -> None:
    name = resource()
    lock = dashboard.lease(name)
    await dashboard.press("locks", name, "Release")
    await dashboard.page.click("dialog button[type=submit]")
    assert await dashboard.page.js("document.querySelector('dialog textarea').validity.valueMissing")
    await dashboard.page.press("Escape")
    await dashboard.done()
    assert dashboard.daemon.get(f"/v1/locks/{lock['lockId']}")["status"] == "active"


async def test_a_lock_of_an_unknown_outcome_is_released_only_with_exchange_checked(
    dashboard: Dashboard, exchange: Exchange
) -> None:
    exchange.inject("request_lost")
    order_id = dashboard.daemon.accept(market_buy())
    dashboard.daemon.until(order_id, "in_doubt")
    await dashboard.press("locks", order_id, "Release")
    await dashboard.give("I want it gone")
    await dashboard.page.until("document.querySelector('dialog .failure').innerText.includes('look on the exchange')")
    assert await dashboard.page.js("document.querySelector('dialog textarea').value") == "I want it gone"
    await dashboard.page.click("dialog input[type=checkbox]")
    await dashboard.page.click("dialog button[type=submit]")
    await dashboard.done()
    await dashboard.gone("locks", order_id)
    ruled = {"ruling": "canceled", "reason": "the test is over"}
    dashboard.daemon.ask("POST", f"/v1/admin/orders/{order_id}/resolve", ruled)


async def test_a_dead_letter_is_requeued_or_discarded(dashboard: Dashboard, exchange: Exchange) -> None:
    again, away = dead_letter(dashboard, exchange), dead_letter(dashboard, exchange)
    dashboard.daemon.submit(market_buy(quoteOrderQty="200"), wait_s=5)  # the sell needs a balance
    await dashboard.press("dead", again, "Send again")
    await dashboard.give("the minimum was lowered")
    assert dashboard.daemon.until(again, "filled")["attempts"] == 2
    await dashboard.press("dead", away, "Discard")
    await dashboard.give("not worth it")
    assert dashboard.daemon.until(away, "withdrawn")["reason"] == "not worth it"
    await dashboard.gone("dead", again)
    await dashboard.gone("dead", away)


async def test_the_kill_switch_needs_a_reason_and_is_shown_until_it_is_released(dashboard: Dashboard) -> None:
    await dashboard.page.click("#halt")
    await dashboard.give("the market is mad")
    await dashboard.page.until("document.getElementById('summary').innerText.includes('the market is mad')")
    assert dashboard.daemon.get("/v1/status")["halted"] == "the market is mad"
    assert await dashboard.headline() == ("bad", "Trading is halted (the market is mad): needs you")
    await dashboard.page.until("document.title.startsWith('HALTED')")
    await dashboard.done()
    await dashboard.page.until("document.getElementById('halt').textContent === 'Resume trading…'")
    await dashboard.page.click("#halt")
    await dashboard.give("it is calm again")
    await dashboard.page.until("!document.getElementById('summary').innerText.includes('halted')")
    assert dashboard.daemon.get("/v1/status")["halted"] is None
    assert await dashboard.page.text("#banners") == ""


async def test_the_operator_resolves_an_unknown_outcome(dashboard: Dashboard, exchange: Exchange) -> None:
    exchange.inject("request_lost")
    order_id = dashboard.daemon.accept(market_buy())
    dashboard.daemon.until(order_id, "in_doubt")
    await dashboard.press("doubts", order_id, "Resolve")
    await dashboard.page.js("document.querySelector('dialog select').value = 'not_placed'")
    await dashboard.give("looked there: nothing")
    early = "document.querySelector('dialog .failure').innerText.includes('cannot be resolved as not_placed yet')"
    await dashboard.page.until(early)
    await dashboard.page.js("document.querySelector('dialog select').value = 'canceled'")
    await dashboard.page.click("dialog button[type=submit]")
    assert dashboard.daemon.until(order_id, "canceled")["reason"] == "looked there: nothing"
    await dashboard.gone("doubts", order_id)


@pytest.mark.parametrize("make", ["waits", "rests"])
async def test_an_order_is_cancelled_from_its_explanation(dashboard: Dashboard, make: str) -> None:
    order_id = getattr(dashboard, make)()
    await dashboard.page.js(f"location.hash = '#/orders/{order_id}'")
    await dashboard.page.until("document.querySelector('#explain button[data-act=cancel]')")
    await dashboard.page.click("#explain button[data-act=cancel]")
    await dashboard.give("changed my mind")
    dashboard.daemon.until(order_id, "withdrawn", "canceled")
    await dashboard.page.until("!document.querySelector('#explain button[data-act=cancel]')")


BUTTONS = "[...document.querySelectorAll('button.act')].map((button) => button.disabled)"


async def test_without_the_token_the_page_only_reads_and_says_how_to_get_it(dashboard: Dashboard) -> None:
    name = resource()
    dashboard.lease(name)
    await dashboard.page.js("sessionStorage.clear()")
    await dashboard.page.open("about:blank")
    await dashboard.open(fragment="/")
    await dashboard.row("locks", name)
    found = await dashboard.page.js(BUTTONS)
    assert len(found) > 1
    assert all(found)
    await dashboard.page.click("#unlock")
    assert "sniperd dashboard" in await dashboard.page.text("dialog")
    await dashboard.page.type(dashboard.token)
    await dashboard.page.press("Enter")
    await dashboard.done()
    assert not any(await dashboard.page.js(BUTTONS))
    await dashboard.press("locks", name, "Release")
    await dashboard.give("with the token that was typed")
    await dashboard.gone("locks", name)


async def test_a_wrong_token_changes_nothing_and_is_reported(dashboard: Dashboard) -> None:
    await dashboard.page.open("about:blank")
    await dashboard.open(fragment="token=wrong")
    await dashboard.page.click("#halt")
    await dashboard.give("never")
    refusal = "document.querySelector('dialog .failure').innerText.includes('does not accept this token')"
    await dashboard.page.until(refusal)
    assert dashboard.daemon.get("/v1/status")["halted"] is None


async def test_the_token_leaves_the_address_and_stays_in_the_tab(dashboard: Dashboard) -> None:
    assert await dashboard.page.js("location.href") == f"{dashboard.address}/"
    assert dashboard.token not in await dashboard.page.js("document.documentElement.outerHTML")
    history: dict[str, Any] = await dashboard.page.command("Page.getNavigationHistory")
    assert not [entry for entry in history["entries"] if dashboard.token in entry["url"]]
    await dashboard.page.command("Page.reload")
    await dashboard.page.until("document.getElementById('halt')?.dataset.act === 'halt'")
    assert not any(await dashboard.page.js(BUTTONS))
