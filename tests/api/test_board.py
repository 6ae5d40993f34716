"""The board: unfinished orders, locks and the queue in one answer."""

from tests.support import Daemon, Exchange
from tests.support.signals import market_buy, resting_buy


def test_the_board_agrees_with_the_routes_of_its_parts(daemon: Daemon) -> None:
    rests = daemon.accept(resting_buy())
    daemon.until(rests, "open")
    lock = daemon.ask("POST", "/v1/locks", {"resourceId": "board:1", "ownerId": "me", "timeoutMs": 60_000}).json
    board = daemon.get("/v1/board")
    assert board["status"].keys() == daemon.get("/v1/status").keys()
    [shown] = [order for order in board["orders"] if order["id"] == rests]
    alone = daemon.order(rests)
    assert alone.items() <= shown.items()
    assert shown["next"]["what"] == daemon.explain(rests)["next"]["what"]
    assert shown["search"]["nextAtMs"] > 0
    assert shown["position"] is None
    assert daemon.get(f"/v1/locks/{lock['lockId']}") in board["locks"]
    assert board["queue"] == daemon.get("/v1/locks")["queue"]


def test_an_order_in_doubt_comes_first_with_its_search(daemon: Daemon, exchange: Exchange) -> None:
    daemon.until(daemon.accept(resting_buy()), "open")
    exchange.inject("request_lost")
    doubted = daemon.accept(market_buy())
    daemon.until(doubted, "in_doubt")
    first = daemon.get("/v1/board")["orders"][0]
    assert first["state"] in {"in_doubt", "lost"}
    [shown] = [order for order in daemon.get("/v1/board")["orders"] if order["id"] == doubted]
    assert shown["search"]["rounds"] >= 0
    assert shown["inDoubtSinceMs"] is not None


def test_a_finished_order_is_not_on_the_board(daemon: Daemon) -> None:
    filled = daemon.submit(market_buy(), wait_s=10).json["id"]
    assert filled not in [order["id"] for order in daemon.get("/v1/board")["orders"]]
