"""The board: unfinished orders, locks and the queue in one answer."""

from typing import Any

from tests.support import Daemon, Exchange, eventually
from tests.support.signals import market_buy, resting_buy

Found = dict[str, Any]


def while_unchanged(daemon: Daemon, order_id: str) -> tuple[Found, Found, Found] | None:
    """Return an order alone, explained and with all others, if no search changed it in between."""
    alone = daemon.order(order_id)
    explained, board = daemon.explain(order_id), daemon.get("/v1/board")
    return (alone, explained, board) if daemon.order(order_id) == alone else None


def test_the_board_agrees_with_the_routes_of_its_parts(daemon: Daemon) -> None:
    rests = daemon.accept(resting_buy())
    daemon.until(rests, "open")
    lock = daemon.ask("POST", "/v1/locks", {"resourceId": "board:1", "ownerId": "me", "timeoutMs": 60_000}).json
    alone, explained, board = eventually(lambda: while_unchanged(daemon, rests), "no search changes the order")
    assert board["status"].keys() == daemon.get("/v1/status").keys()
    [shown] = [order for order in board["orders"] if order["id"] == rests]
    assert alone.items() <= shown.items()
    assert shown["next"]["what"] == explained["next"]["what"]
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
