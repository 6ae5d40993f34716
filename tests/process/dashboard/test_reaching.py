"""The page works with the keyboard alone, on a phone, and in the dark scheme."""

import itertools
import json
from collections.abc import AsyncIterator

import pytest

from tests.process.dashboard.browser import Page
from tests.process.dashboard.dashboard import Dashboard, row
from tests.support import Exchange
from tests.support.signals import market_buy, market_sell

_numbers = itertools.count(1)

FOCUSED = """(() => {
  const node = document.activeElement;
  const style = getComputedStyle(node);
  const box = node.getBoundingClientRect();
  return {
    id: node.id, text: node.textContent, name: node.name ?? '', tag: node.tagName,
    inDialog: node.closest('dialog') !== null,
    outlined: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
    inView: box.bottom > 0 && box.top < innerHeight && box.width > 0,
  };
})()"""

CONTRAST = """(() => {
  const numbers = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, index) => sum + c * [0.2126, 0.7152, 0.0722][index], 0);
  const behind = (node) => {
    for (let each = node; each; each = each.parentElement) {
      const colour = numbers(getComputedStyle(each).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const node of document.querySelectorAll('body *')) {
    const says = [...node.childNodes].some((each) => each.nodeType === 3 && each.textContent.trim());
    if (!says || !node.checkVisibility() || node.closest('svg, :disabled, option')) continue;
    const [one, other] = [light(numbers(getComputedStyle(node).color)), light(behind(node))].sort((a, b) => b - a);
    const ratio = (one + 0.05) / (other + 0.05);
    if (ratio < 4.5) poor.push(`${node.tagName} ${node.textContent.slice(0, 30)}: ${ratio.toFixed(2)}`);
  }
  return poor;
})()"""


@pytest.fixture
async def trouble(dashboard: Dashboard, exchange: Exchange) -> AsyncIterator[tuple[str, str]]:
    """Yield a dead letter and an order in doubt, with the longest names; other orders exist as well."""
    long_name = "an-owner-without-any-place-to-break-" + 80 * "x"
    exchange.inject({"kind": "refused", "code": 30002, "count": 1})
    letter = dashboard.daemon.accept(market_sell(ownerId=long_name))
    dashboard.daemon.until(letter, "dead_letter")
    exchange.inject("request_lost")
    doubt = dashboard.daemon.accept(market_buy(ownerId=long_name, snipeTargetId=f"{next(_numbers)}{120 * 'y'}"))
    dashboard.daemon.until(doubt, "in_doubt")
    dashboard.waits(ownerId=long_name)
    dashboard.rests()
    dashboard.daemon.submit(market_buy(), wait_s=5)
    yield letter, doubt
    dashboard.daemon.ask("DELETE", f"/v1/orders/{letter}")
    ruled = {"ruling": "canceled", "reason": "the test is over"}
    dashboard.daemon.ask("POST", f"/v1/admin/orders/{doubt}/resolve", ruled)


async def tab_until(page: Page, expression: str) -> None:
    """Press Tab until an expression is true; check that every element on the way shows its focus."""
    for _ in range(200):
        await page.press("Tab")
        focused = await page.js(FOCUSED)
        if focused["tag"] not in {"BODY", "HTML"}:
            assert focused["outlined"], focused
            assert focused["inView"], focused
        if await page.js(expression):
            return
    raise AssertionError(f"Tab does not lead there: {expression}")


async def test_a_lock_is_released_with_the_keyboard_alone(dashboard: Dashboard) -> None:
    page = dashboard.page
    dashboard.lease("keyboard:1")
    await dashboard.row("locks", "keyboard:1")
    await page.press("Tab")
    assert (await page.js(FOCUSED))["text"].startswith("Skip")
    await tab_until(page, "document.activeElement.id === 'halt'")
    await tab_until(
        page,
        f"{row('locks', 'keyboard:1')}.contains(document.activeElement) && document.activeElement.matches('button')",
    )
    await page.press("Enter")
    await page.until("document.getElementById('dialog').open")
    assert (await page.js(FOCUSED))["name"] == "reason"
    await page.press("Escape")
    await dashboard.done()
    assert (await page.js(FOCUSED))["text"] == "Release lock…"
    await page.press("Enter")
    await page.type("by hand")
    await tab_until(page, "document.activeElement.matches('dialog button[type=submit]')")
    await page.press("Enter")
    await dashboard.gone("locks", "keyboard:1")
    await dashboard.done()


async def test_a_dialog_keeps_the_focus(dashboard: Dashboard) -> None:
    page = dashboard.page
    await page.click("#halt")
    seen = set()
    for shift in (False, True):
        for _ in range(8):
            await page.press("Tab", shift=shift)
            focused = await page.js(FOCUSED)
            assert focused["inDialog"] or focused["tag"] == "BODY", focused  # BODY: the browser's own bars
            seen.add(focused["text"] or focused["name"])
    assert {"reason", "Close", "Halt"} <= seen
    await page.press("Escape")
    await dashboard.done()
    assert (await page.js(FOCUSED))["id"] == "halt"


async def test_an_order_page_is_opened_and_left_with_the_keyboard(dashboard: Dashboard) -> None:
    order_id = dashboard.waits()
    await dashboard.row("orders", order_id)
    await tab_until(dashboard.page, f"document.activeElement.textContent === {json.dumps(order_id)}")
    await dashboard.page.press("Enter")
    await dashboard.page.until("document.querySelector('#explain .events li')")
    await dashboard.page.press("Tab", shift=True)
    assert (await dashboard.page.js(FOCUSED))["text"] == "← Overview"
    await dashboard.page.press("Enter")
    await dashboard.page.until("document.getElementById('explain').hidden")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_text_has_enough_contrast(dashboard: Dashboard, trouble: tuple[str, str], scheme: str) -> None:
    letter, doubt = trouble
    await dashboard.row("doubts", "order: not found")
    await dashboard.row("dead", letter)
    await dashboard.page.look_like(scheme=scheme)
    await dashboard.page.picture(f"trouble-{scheme}")
    assert await dashboard.page.js(CONTRAST) == []
    colour = await dashboard.page.js("getComputedStyle(document.body).backgroundColor.match(/[0-9]+/)[0]")
    assert (int(colour) < 64) == (scheme == "dark")
    await dashboard.page.js(f"location.hash = '#/orders/{doubt}'")
    await dashboard.page.until("document.querySelector('#explain .events li')")
    await dashboard.page.picture(f"explain-{scheme}")
    assert await dashboard.page.js(CONTRAST) == []
    await dashboard.page.click("#halt")
    await dashboard.page.picture(f"halt-{scheme}", whole=False)
    assert await dashboard.page.js(CONTRAST) == []


WIDTH = "document.documentElement.scrollWidth"


async def test_a_phone_shows_everything_without_scrolling_sideways(
    dashboard: Dashboard, trouble: tuple[str, str]
) -> None:
    letter, doubt = trouble
    await dashboard.page.look_like(width=360, height=740)
    await dashboard.row("doubts", "order: not found")
    await dashboard.row("dead", letter)
    assert await dashboard.page.js(WIDTH) == 360
    tables = "[...document.querySelectorAll('.table')].filter((each) => each.scrollWidth > each.clientWidth).length"
    assert await dashboard.page.js(tables) == 0
    await dashboard.page.picture("trouble-phone")
    await dashboard.press("doubts", doubt, "Resolve")
    assert await dashboard.page.js("document.getElementById('dialog').getBoundingClientRect().right") <= 360
    await dashboard.page.picture("rule-phone", whole=False)
    await dashboard.page.press("Escape")
    await dashboard.page.js(f"location.hash = '#/orders/{doubt}'")
    await dashboard.page.until("document.querySelector('#explain .events li')")
    assert await dashboard.page.js(WIDTH) == 360
    await dashboard.page.picture("explain-phone")
