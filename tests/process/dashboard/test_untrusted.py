"""The page shows the texts of a signal as text: they run no script and add no elements."""

import json

import pytest

from tests.process.dashboard.dashboard import Dashboard
from tests.support import Exchange
from tests.support.pending import Pending
from tests.support.signals import market_buy, market_sell

ATTACKS = {
    "an image": '<img src=x onerror="window.pwned=1;alert(1)">',
    "a script": "<script>window.pwned=1;alert(1)</script>",
    "an end of an attribute": '"><svg onload=window.pwned=1>',
    "an end of a field": "</textarea></style><iframe srcdoc='<script>parent.pwned=1</script>'>",
    "an address": "javascript:window.pwned=1",
    "a template": "{{constructor.constructor('window.pwned=1')()}}${window.pwned=1}",
}

STRANGERS = "document.querySelectorAll('img, iframe, svg[onload], script:not([src]), base, style, [onerror]').length"


async def look_everywhere(dashboard: Dashboard, *order_ids: str) -> None:
    """Open every part of the page, and check that it has no foreign elements."""
    page = dashboard.page
    for order_id in order_ids:
        await page.js(f"location.hash = '#/orders/{order_id}'")
        await page.until(f"document.querySelector('#explain .facts')?.innerText.includes('{order_id}')")
        await page.js("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
        assert await page.js(STRANGERS) == 0
    await page.js("location.hash = '#/'")
    await page.js("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert await page.js(STRANGERS) == 0
    assert await page.js("window.pwned") is None


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
async def test_a_signals_fields_are_shown_as_text(dashboard: Dashboard, attack: str) -> None:
    fields = {"ownerId": attack, "snipeTargetId": attack, "idempotencyKey": f"{attack}"[:128]}
    order_id = dashboard.waits(**fields)
    assert attack in await dashboard.row("orders", order_id)
    await dashboard.row("history", order_id)
    await look_everywhere(dashboard, order_id)
    reason = json.dumps(attack)[1:-1].replace("\\", "")
    assert dashboard.daemon.ask("DELETE", f"/v1/orders/{order_id}?reason={_quoted(reason)}").status == 200
    await dashboard.page.until(
        "[...document.querySelectorAll('#history tbody tr')].some((row) => "
        f"row.textContent.includes('{order_id}') && row.textContent.includes('withdrawn'))"
    )
    await look_everywhere(dashboard, order_id)


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
async def test_a_locks_fields_are_shown_as_text(dashboard: Dashboard, attack: str) -> None:
    lock = dashboard.lease(attack, ownerId=attack, idempotencyKey=attack, transactionData={attack: attack})
    waiting = Pending(
        dashboard.daemon.signals,
        "POST",
        "/v1/locks",
        {"resourceId": attack, "ownerId": f"{attack}2", "timeoutMs": 500},
        headers={"Prefer": "wait=30"},
    )
    assert attack in await dashboard.row("locks", attack)
    await dashboard.row("queue", f"{attack}2")
    await dashboard.press("locks", attack, "Release")
    assert attack in await dashboard.page.text("dialog")
    await dashboard.give(attack)
    await dashboard.page.until("!document.getElementById('dialog').open")
    assert waiting.answer().status == 201
    await dashboard.gone("queue", f"{attack}2")
    await dashboard.page.js("document.getElementById('ended').open = true")
    await dashboard.page.until(f"document.getElementById('ended').textContent.includes({json.dumps(attack)})")
    assert dashboard.daemon.get(f"/v1/locks/{lock['lockId']}")["status"] == "failed"
    await look_everywhere(dashboard)


async def test_reasons_of_the_operator_and_of_the_exchange_are_shown_as_text(
    dashboard: Dashboard, exchange: Exchange
) -> None:
    attack = ATTACKS["an image"]
    exchange.inject({"kind": "refused", "code": 30002, "count": 1})
    letter = dashboard.daemon.accept(market_sell(ownerId=attack, snipeTargetId=attack + "1"))
    dashboard.daemon.until(letter, "dead_letter")
    exchange.inject("request_lost", "forbidden_after")
    doubt = dashboard.daemon.accept(market_buy(ownerId=attack, snipeTargetId=attack + "2"))
    dashboard.daemon.until(doubt, "in_doubt", "filled")
    dashboard.daemon.ask("POST", "/v1/admin/halt", {"reason": attack})
    await dashboard.page.until(f"document.getElementById('summary').textContent.includes({json.dumps(attack)})")
    assert attack in await dashboard.row("dead", letter)
    await look_everywhere(dashboard, letter, doubt)
    dashboard.daemon.ask("DELETE", f"/v1/orders/{letter}?reason={_quoted(attack)}")
    ruled = {"ruling": "canceled", "reason": attack}
    dashboard.daemon.ask("POST", f"/v1/admin/orders/{doubt}/resolve", ruled)
    await look_everywhere(dashboard, letter, doubt)


@pytest.mark.parametrize("field", ["symbol", "side", "type"])
async def test_a_refused_signal_runs_no_script(dashboard: Dashboard, field: str) -> None:
    attack = ATTACKS["an image"]
    assert dashboard.daemon.submit(market_buy(**{field: attack})).status == 400
    await dashboard.row("orders", dashboard.rests())  # the events of the refusal have arrived by now
    await look_everywhere(dashboard)


async def test_an_inserted_script_does_not_run(dashboard: Dashboard) -> None:
    """The content security policy alone blocks a script that is not a file of the page."""
    await dashboard.page.js(
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.pwned = 1'}))"
    )
    await dashboard.page.js("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.pwned=1\">')")
    for _ in range(2):
        await dashboard.row("orders", dashboard.rests())
    assert await dashboard.page.js("window.pwned") is None
    alarms = [alarm for alarm in dashboard.page.alarms if alarm.startswith("policy")]
    assert len(alarms) >= 2
    dashboard.page.alarms.clear()


def _quoted(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())
