"""Doors: whichever member is asked, the owner answers, and the answer reads the same."""

import pytest

from tests.support import at_once
from tests.support.fleet_stage import Fleet
from tests.support.signals import market_buy, resting_buy

pytestmark = pytest.mark.needs("postgresql")


def test_the_same_key_at_all_members_at_once_is_one_order(fleet: Fleet) -> None:
    signal = market_buy(idempotencyKey="launch")
    members = [each.daemon for each in fleet.members] * 3
    answers = at_once(len(members), lambda number: members[number].submit(signal, wait_s=10))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.json["id"] for answer in answers}) == 1
    assert [answer.json["replayed"] for answer in answers].count(False) == 1
    assert len(fleet.exchange.orders()) == 1


def test_answers_read_the_same_at_every_member(fleet: Fleet) -> None:
    owner = fleet.owner()
    [other] = fleet.others(owner)
    signal = market_buy(idempotencyKey="k")
    first = other.daemon.submit(signal, wait_s=10)
    assert (first.status, first.json["state"]) == (200, "filled")
    requests = [
        ("POST", "/v1/signals", signal),
        ("POST", "/v1/signals", market_buy(idempotencyKey="k", quoteOrderQty="26")),
        ("POST", "/v1/signals", {"symbol": "BTCUSDT"}),
        ("POST", "/v1/signals", market_buy(symbol="NOSUCHUSDT")),
        ("GET", "/v1/orders/no-such-order", None),
        ("GET", f"/v1/orders/{first.json['id']}", None),
        ("GET", "/v1/orders?limit=1", None),
        ("POST", f"/v1/admin/orders/{first.json['id']}/requeue", {"reason": "no dead letter"}),
        ("DELETE", f"/v1/orders/{first.json['id']}", None),
    ]
    for method, target, body in requests:
        at_owner, at_other = (each.daemon.ask(method, target, body) for each in (owner, other))
        assert (at_owner.status, at_owner.json) == (at_other.status, at_other.json), (method, target)
    other.daemon.ask("POST", "/v1/admin/halt", {"reason": "stop"})
    for body, status in ((market_buy(), 409), (signal, 200)):
        at_owner, at_other = (each.daemon.submit(body) for each in (owner, other))
        assert (at_owner.status, at_owner.json) == (at_other.status, at_other.json)
        assert at_other.status == status
    assert len(fleet.exchange.orders()) == 1


def test_a_halt_at_another_members_door_stops_the_owner(fleet: Fleet) -> None:
    owner = fleet.owner()
    [other] = fleet.others(owner)
    halted = other.daemon.ask("POST", "/v1/admin/halt", {"reason": "stop"})
    assert (halted.status, halted.json["halted"]) == (200, "stop")
    refused = owner.daemon.submit(resting_buy())
    assert (refused.status, refused.json["error"]) == (409, "halted")
    assert fleet.exchange.orders() == []
