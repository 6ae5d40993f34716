"""The page's section "Result": what this day's orders bought, sold, cost and earned."""

from tests.process.dashboard.dashboard import Dashboard
from tests.support.signals import market_buy, market_sell

PAIR = "DOTUSDT"
VISIBLE_AGAIN = "document.dispatchEvent(new Event('visibilitychange'))"


async def test_the_result_of_this_day_is_shown_by_pair_with_its_total(dashboard: Dashboard) -> None:
    bought = dashboard.daemon.submit(market_buy(symbol=PAIR), wait_s=10).json
    sold = dashboard.daemon.submit(market_sell(symbol=PAIR, quantity="1"), wait_s=10).json
    assert (bought["state"], sold["state"]) == ("filled", "filled")
    await dashboard.page.js(VISIBLE_AGAIN)
    await dashboard.page.until("document.querySelector('#result').innerText.includes('SELL 1 filled')")
    shown = await dashboard.row("result", PAIR)
    assert f"1\nat {float(sold['averagePrice']):,g}" in shown
    assert "BUY 1 filled; SELL 1 filled" in shown
    whole = await dashboard.row("result", "Total")
    assert "in USDT" in whole
    await dashboard.page.picture("result")
