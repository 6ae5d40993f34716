"""The paper exchange behaves as MEXC: a market buy may spend less than asked, and says so; a setting turns it off."""

import pytest

from tests.support.signals import market_buy
from tests.support.stage import Stage


@pytest.mark.parametrize("spends_all", [False, True])
def test_a_market_buy_that_spends_less_says_why_and_a_setting_makes_it_spend_all(
    own_stage: Stage, spends_all: bool
) -> None:
    daemon = own_stage.daemon(None, {"exchange": {"paper_spends_all": spends_all}})
    daemon.start(with_rules=True)
    order = daemon.submit(market_buy(quoteOrderQty="1000"), wait_s=10).json
    share = float(order["executedQuote"]) / 1_000
    if spends_all:
        assert order["reason"] is None
        assert share == pytest.approx(1, abs=0.01)
    else:
        assert share == pytest.approx(0.95, abs=0.01)
        assert order["reason"].startswith(f"{order['executedQuote']} of 1000 spent: ")
        assert daemon.explain(order["id"])["order"]["reason"] == order["reason"]
