"""Handlers without a socket: each takes a request and returns a response, on an engine with a real database."""

from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from daemon.api.event_stream import UNREAD
from daemon.api.http.peer import TCP, Peer
from daemon.api.http.response import Response
from daemon.errors import Held, Invalid, KeyConflict, NotAllowed, Unknown, WrongState
from tests.api.api_in_process import STRANGER, Api, running, value_of
from tests.support import wall_ms
from tests.support.signals import market_buy, resting_buy


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    async with running(tmp_path / "x.db") as made:
        yield made


async def test_a_signal_is_on_disk_when_its_handler_returns(api: Api) -> None:
    response = await api.ask("POST", "/v1/signals", resting_buy(executeAt=wall_ms() + 3_600_000))
    order = value_of(response)
    assert (response.status, response.headers["Location"]) == (202, f"/v1/orders/{order['id']}")
    assert response.headers["Content-Type"] == "application/json"
    assert api.count("SELECT count(*) FROM orders WHERE order_id = ?", order["id"]) == 1
    shown = await api.ask("GET", "/v1/orders/{id}", name=order["id"])
    assert value_of(shown)["state"] == "queued"


async def test_prefer_waits_for_the_outcome(api: Api) -> None:
    response = await api.ask("POST", "/v1/signals", market_buy(), headers={"Prefer": "wait=5"})
    assert (response.status, value_of(response)["state"]) == (200, "filled")
    assert response.headers["Preference-Applied"] == "wait=5"


async def test_a_replayed_signal_gets_the_first_order(api: Api) -> None:
    signal = market_buy(executeAt=wall_ms() + 3_600_000)
    first = value_of(await api.ask("POST", "/v1/signals", signal, headers={"Idempotency-Key": '"k"'}))
    again = await api.ask("POST", "/v1/signals", signal, headers={"idempotency-key": "k"})
    assert (again.status, again.headers["Idempotent-Replayed"]) == (200, "true")
    assert (value_of(again)["id"], value_of(again)["replayed"]) == (first["id"], True)
    with pytest.raises(KeyConflict):
        await api.ask("POST", "/v1/signals", signal | {"symbol": "ETHUSDT"}, headers={"Idempotency-Key": "k"})
    assert api.count("SELECT count(*) FROM orders") == 1


async def test_a_batch_with_a_wrong_signal_takes_none(api: Api) -> None:
    with pytest.raises(Invalid, match="quantity") as raised:
        await api.ask("POST", "/v1/signals/batch", [market_buy(), resting_buy(quantity=-1)])
    assert raised.value.field == "[1].quantity"
    assert api.count("SELECT count(*) FROM orders") == 0


async def test_a_lease_is_acquired_renewed_and_released(api: Api) -> None:
    asked = {"resourceId": "r", "ownerId": "me"}
    acquired = await api.ask("POST", "/v1/locks", asked)
    lock_id = value_of(acquired)["lockId"]
    assert (acquired.status, acquired.headers["Location"]) == (201, f"/v1/locks/{lock_id}")
    with pytest.raises(Held):
        await api.ask("POST", "/v1/locks", asked | {"ownerId": "another"})
    with pytest.raises(NotAllowed):
        await api.ask("POST", "/v1/locks/{id}/renew", {"ownerId": "another"}, name=lock_id)
    assert (await api.ask("POST", "/v1/locks/{id}/renew", {"ownerId": "me"}, name=lock_id)).status == 200
    assert [each["lockId"] for each in value_of(await api.ask("GET", "/v1/locks"))["locks"]] == [lock_id]
    released = await api.ask("POST", "/v1/locks/{id}/release", {"ownerId": "me", "result": [1]}, name=lock_id)
    assert (value_of(released)["status"], value_of(released)["result"]) == ("released", [1])
    with pytest.raises(WrongState):
        await api.ask("POST", "/v1/locks/{id}/release", {"ownerId": "me"}, name=lock_id)


async def test_listed_users_and_holders_of_the_token_may_administer(api: Api) -> None:
    async def requeue(peer: Peer) -> Response:
        return await api.ask("POST", "/v1/admin/orders/{id}/requeue", {"reason": "why"}, name="none", peer=peer)

    with pytest.raises(NotAllowed):
        await requeue(STRANGER)
    for peer in (TCP, Peer(uid=0)):
        with pytest.raises(Unknown):
            await requeue(peer)
    api.context.admin_uids = [12_345]
    with pytest.raises(Unknown):
        await requeue(STRANGER)


async def test_an_unreadable_body_changes_nothing(api: Api) -> None:
    twice = b'{"resourceId":"r","ownerId":"a","ownerId":"b"}'
    for body, complaint in ((b"{", "not JSON"), (b"[]", "Expected `object`"), (twice, "there twice")):
        with pytest.raises(Invalid, match=complaint):
            await api.ask("POST", "/v1/locks", body)
    assert api.count("SELECT count(*) FROM transaction_locks") == 0


async def test_the_bots_trade_is_answered_in_the_bots_shape(api: Api) -> None:
    trade = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quoteOrderQty": "50", "userId": "bot"}
    response = await api.ask("POST", "/api/mexc/trade", trade)
    assert (response.status, value_of(response)["success"], value_of(response)["order"]["status"]) == (
        200,
        True,
        "FILLED",
    )


async def test_a_page_of_orders_takes_its_filters_from_the_query(api: Api) -> None:
    for symbol in ("BTCUSDT", "ETHUSDT"):
        await api.ask("POST", "/v1/signals", market_buy(symbol=symbol, executeAt=wall_ms() + 3_600_000))
    page = value_of(await api.ask("GET", "/v1/orders", query={"symbol": "ethusdt", "state": "queued"}))
    assert [order["symbol"] for order in page["orders"]] == ["ETHUSDT"]
    with pytest.raises(Invalid, match="cursr"):
        await api.ask("GET", "/v1/orders", query={"cursr": "1"})


class Sink:
    """A stream's connection that keeps what is written to it."""

    def __init__(self) -> None:
        self.written = b""
        self.waiting = 0
        self.closed = False

    def write(self, piece: bytes) -> None:
        self.written += piece

    def unread(self) -> int:
        return self.waiting

    def is_closing(self) -> bool:
        return self.closed

    def abort(self) -> None:
        self.closed = True


async def follow(response: Response, sink: Sink) -> None:
    assert response.stream is not None
    await response.stream.run(sink)


async def test_the_stream_of_events_is_written_to_any_connection(api: Api) -> None:
    response = await api.ask("GET", "/v1/events", query={"name": "order."})
    assert response.stream is not None
    assert response.stream.first.split(b"\n")[1] == b"event: hello"
    sink = Sink()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(follow, response, sink)
        await api.ask("POST", "/v1/signals", market_buy(executeAt=wall_ms() + 3_600_000))
        with anyio.fail_after(10):
            while b"event: order.accepted" not in sink.written:
                await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()


async def test_a_reader_that_does_not_read_is_disconnected(api: Api) -> None:
    response = await api.ask("GET", "/v1/events")
    sink = Sink()
    sink.waiting = UNREAD + 1
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(follow, response, sink)
        await anyio.wait_all_tasks_blocked()
        api.events.close()  # the daemon ends
    assert (sink.closed, sink.written) == (True, b"")
