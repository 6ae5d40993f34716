"""The defects of the bot's idempotency, each shown impossible."""

import pytest

from tests.process.bot.door import a_trade, book_of, order_of, orders_of, place, queue, resource_of, resting, trade
from tests.process.bot.test_monitor import end, take
from tests.support import Daemon, Exchange, eventually
from tests.support.tables import read


@pytest.mark.parametrize("code", [30004, 30002], ids=["refused", "set aside"])
def test_after_a_failure_the_key_was_unusable_for_a_day(daemon: Daemon, exchange: Exchange, code: int) -> None:
    exchange.inject({"kind": "refused", "code": code, "count": 1})
    wish = a_trade()
    for key in (None, wish["userId"]):
        exchange.inject({"kind": "refused", "code": code, "count": 1})
        refused = trade(daemon, wish, key=key)
        assert (refused.status, refused.json["success"]) == (400, False)
        assert "UNIQUE" not in refused.json["error"]
        again = trade(daemon, wish, key=key)
        assert (again.status, again.json.get("replayed")) == (200, None)
    assert len(book_of(daemon, exchange, wish)) == 2


def test_after_an_expiry_the_key_was_unusable_for_a_day(brisk: Daemon, exchange: Exchange) -> None:
    wish = a_trade()
    lease = take(brisk, resource_of(wish))
    assert trade(brisk, wish).status == 400
    end(brisk, lease)
    assert place(brisk, wish)["status"] == "FILLED"
    assert [order["state"] for order in orders_of(brisk, wish)] == ["expired", "filled"]
    assert len(book_of(brisk, exchange, wish)) == 1


def test_after_an_empty_result_the_key_was_unusable_for_a_day(daemon: Daemon) -> None:
    asked = {"resourceId": "empty:1", "ownerId": "bot", "idempotencyKey": "empty-1"}
    lease = daemon.ask("POST", "/v1/locks", asked).json
    end(daemon, lease)
    again = daemon.ask("POST", "/v1/locks", asked)
    assert (again.status, again.json["status"], again.json["result"]) == (200, "released", None)
    take(daemon, "empty:1", ownerId="bot", idempotencyKey="empty-2")


def test_a_wanted_repetition_silently_got_the_old_order(brisk: Daemon, exchange: Exchange) -> None:
    wish = a_trade(snipeTargetId=None, side="SELL")
    first = place(brisk, wish)
    until_ms = order_of(brisk, wish)["key_until_ms"]
    assert until_ms - order_of(brisk, wish)["finished_ms"] == 50
    told = eventually(lambda: _new(brisk, wish), "the end of the window, within which it is said to be a repetition")
    assert told["orderId"] != first["orderId"]
    assert order_of(brisk, wish)["accepted_ms"] > until_ms
    assert len(book_of(brisk, exchange, wish)) == 2


def test_a_ladders_next_step_silently_got_the_first_ones_order(brisk: Daemon, exchange: Exchange) -> None:
    wish = a_trade(side="SELL")
    first = place(brisk, wish)
    brisk.until(order_of(brisk, wish)["order_id"], "filled")
    told = eventually(lambda: _new(brisk, wish), "the end of the window, within which it is said to be a repetition")
    assert told["orderId"] != first["orderId"]
    earlier, later = orders_of(brisk, wish)
    assert later["accepted_ms"] > earlier["key_until_ms"] == earlier["finished_ms"] + 50
    assert len(book_of(brisk, exchange, wish)) == 2


def _new(daemon: Daemon, wish: dict[str, str]) -> dict[str, str] | None:
    """Trade again; return the order if it is a new one."""
    told = trade(daemon, wish).json
    order: dict[str, str] = told["order"]
    return None if told.get("replayed") else order


def test_a_wanted_repetition_has_a_key_of_its_own(daemon: Daemon, exchange: Exchange) -> None:
    wish = a_trade()
    keys = [f"{wish['userId']}-{number}" for number in range(2)]
    ids = {trade(daemon, wish, key=key).json["order"]["orderId"] for key in keys + keys}
    assert len(ids) == len(book_of(daemon, exchange, wish)) == 2


def test_the_price_was_no_part_of_the_key(daemon: Daemon, exchange: Exchange) -> None:
    wish = resting(price="50000")
    assert place(daemon, wish)["orderId"] != place(daemon, wish | {"price": "50001"})["orderId"]
    assert sorted(float(each["price"]) for each in book_of(daemon, exchange, wish)) == [50_000, 50_001]
    assert trade(daemon, wish | {"price": 50000.0}).json["replayed"] is True


def test_three_spellings_of_an_amount_were_three_keys(daemon: Daemon, exchange: Exchange) -> None:
    wish = resting(symbol="LTCUSDT", price="50")
    answers = [trade(daemon, wish | {"quantity": quantity}).json for quantity in ("1", 1, "1.0")]
    assert [answer.get("replayed", False) for answer in answers] == [False, True, True]
    assert len(book_of(daemon, exchange, wish)) == 1


def test_a_failure_was_kept_and_repeated_as_a_success(daemon: Daemon, exchange: Exchange) -> None:
    exchange.inject({"kind": "refused", "code": 30004, "count": 2})
    wish = a_trade()
    answers = [trade(daemon, wish) for _ in range(2)]
    assert [(answer.status, answer.json["success"], answer.json.get("replayed")) for answer in answers] == [
        (400, False, None)
    ] * 2
    assert [order["state"] for order in orders_of(daemon, wish)] == ["rejected"] * 2
    assert place(daemon, wish)["success"] is True


def test_a_repetition_could_not_be_told_from_a_fresh_result(daemon: Daemon) -> None:
    wish = a_trade()
    told = [trade(daemon, wish).json for _ in range(3)]
    assert ["replayed" in each for each in told] == [False, True, True]
    asked = {"resourceId": wish["userId"], "ownerId": "bot", "idempotencyKey": wish["userId"]}
    leases = [daemon.ask("POST", "/v1/locks", asked).json for _ in range(2)]
    assert [lease["replayed"] for lease in leases] == [False, True]


def test_a_key_is_one_row_however_often_it_waits(daemon: Daemon) -> None:
    wish = a_trade()
    lease = take(daemon, resource_of(wish))
    ids = {queue(daemon, wish)["queueId"] for _ in range(10)}
    end(daemon, lease)
    trade(daemon, wish)
    key = order_of(daemon, wish)["key"]
    rows = read(daemon.database, "SELECT * FROM transaction_queue WHERE idempotency_key = ?", key)
    assert [row["queue_id"] for row in rows] == list(ids)
