"""The private streams: keys, lifetimes, and the pushed messages byte for byte."""

import aiohttp
import pytest

from daemon.simulator.book import Book
from daemon.simulator.faults import Fault, parse_fault
from daemon.simulator.server import serving
from daemon.simulator.streams import Stream
from tests.simulator.listener import Listener, decoded
from tests.simulator.trader import NOW_MS, Trader, new_exchange

ORDERS, DEALS, ACCOUNT = (f"spot@private.{name}.v3.api.pb" for name in ("orders", "deals", "account"))
MINUTE_MS = 60_000


def test_every_state_of_an_order_is_pushed(trader: Trader) -> None:
    listener = Listener(trader, ORDERS)
    trader.offer(asks=[("94000", "0.004")])
    order_id = trader.place(price="95000", newClientOrderId="mine")
    trader.ask("DELETE", "order", symbol="BTCUSDT", orderId=order_id)
    accepted, filled, cancelled = listener.received()
    assert accepted == {
        1: ORDERS.encode(),
        3: b"BTCUSDT",
        5: NOW_MS,
        6: NOW_MS,
        304: {
            1: order_id.encode(),
            2: b"mine",
            3: b"95000",
            4: b"0.01",
            5: b"950",
            6: b"0",
            7: 1,
            8: 1,
            10: b"950",
            11: b"0.01",
            13: b"0",
            14: b"0",
            15: 1,
            16: NOW_MS,
        },
    }
    assert filled[304] == accepted[304] | {
        6: b"94000",
        10: b"570",
        11: b"0.006",
        12: b"0.004",
        13: b"0.004",
        14: b"376",
        15: 3,
    }
    assert (cancelled[304][15], cancelled[304][13], 12 in cancelled[304]) == (5, b"0.004", False)


def test_a_trade_is_pushed(trader: Trader) -> None:
    listener = Listener(trader, DEALS)
    trader.offer(bids=[("94000", "1")])
    order_id = trader.place(side="SELL", price="93000", newClientOrderId="mine")
    (deal,) = listener.received()
    (trade,) = trader.ask("GET", "myTrades", symbol="BTCUSDT")
    assert (deal[1], deal[3]) == (DEALS.encode(), b"BTCUSDT")
    assert deal[306] == {
        1: b"94000",
        2: b"0.01",
        3: b"940",
        4: 2,
        7: trade["id"].encode(),
        8: b"mine",
        9: order_id.encode(),
        10: b"0.47",
        11: b"USDT",
        12: NOW_MS,
    }


def test_a_self_trade_is_pushed_for_both_sides(trader: Trader) -> None:
    listener = Listener(trader, DEALS)
    trader.offer()
    trader.place(side="SELL", price="95000")
    trader.place(price="95000")
    taker, maker = listener.received()
    assert (5 in taker[306], maker[306][5]) == (False, 1)
    assert taker[306][6] == maker[306][6] == 1


def test_balances_are_pushed_with_their_changes(trader: Trader) -> None:
    listener = Listener(trader, ACCOUNT)
    trader.offer(asks=[("94000", "0.004")])
    trader.place(price="95000")
    bitcoin, usdt = listener.received()
    assert (usdt[1], 3 in usdt) == (ACCOUNT.encode(), False)
    assert usdt[307] == {
        1: b"USDT",
        2: b"simulated-USDT",
        3: b"999054",
        4: b"-946",
        5: b"570",
        6: b"570",
        7: b"ENTRUST",
        8: NOW_MS,
    }
    assert (bitcoin[307][1], bitcoin[307][4]) == (b"BTC", b"0.003998")


@pytest.mark.parametrize(
    ("order_type", "number", "last_status"),
    [
        ("LIMIT", 1, 2),
        ("LIMIT_MAKER", 2, 4),
        ("IMMEDIATE_OR_CANCEL", 3, 2),
        ("FILL_OR_KILL", 4, 2),
        ("MARKET", 5, 2),
    ],
)
def test_types_and_states_have_their_numbers(trader: Trader, order_type: str, number: int, last_status: int) -> None:
    listener = Listener(trader, ORDERS)
    trader.offer(asks=[("94000", "1")])
    trader.place(type=order_type, price="95000", quantity="0.01")
    received = listener.received()
    assert received[-1][304][7] == number
    assert received[-1][304][15] == last_status


def test_only_subscribed_channels_are_pushed(trader: Trader) -> None:
    listener = Listener(trader, ORDERS, ACCOUNT)
    trader.place()
    assert [message[1] for message in listener.received()] == [ORDERS.encode(), ACCOUNT.encode()]
    assert listener.say(method="UNSUBSCRIPTION", params=[ACCOUNT]) == ACCOUNT
    trader.place()
    assert [message[1] for message in listener.received()] == [ORDERS.encode()]


def test_fills_by_the_moving_market_are_pushed(trader: Trader) -> None:
    trader.offer()
    trader.place(price="95000")
    listener = Listener(trader, ORDERS)
    trader.offer(asks=[("94000", "1")])
    (filled,) = listener.received()
    assert (filled[304][15], filled[304][9]) == (2, 1)


def test_a_refused_order_is_not_pushed(trader: Trader) -> None:
    listener = Listener(trader, ORDERS, DEALS, ACCOUNT)
    trader.refused(quantity="30")
    assert listener.received() == []


def test_an_invisible_order_is_pushed(trader: Trader) -> None:
    """The streams can be faster than queries."""
    trader.exchange.set_faults([Fault("invisible")])
    listener = Listener(trader, ORDERS)
    trader.place()
    assert len(listener.received()) == 1


def test_every_connection_of_a_key_gets_the_events(trader: Trader) -> None:
    first = Listener(trader, ORDERS)
    second = Listener(trader, ORDERS, key=first.key)
    trader.place()
    assert first.received() == second.received() != []
    trader.exchange.close_stream(first.stream)
    trader.place()
    assert first.received() == []
    assert len(second.received()) == 1


@pytest.mark.parametrize("method", ["PING", "ping"])
def test_ping_is_answered(trader: Trader, method: str) -> None:
    assert Listener(trader).say(method=method) == "PONG"


@pytest.mark.parametrize("text", ["", "nonsense", "[]", '{"method": 1}', '{"method": "SING"}', '{"params": []}'])
def test_a_malformed_message_is_answered(trader: Trader, text: str) -> None:
    listener = Listener(trader)
    listener.stream.receive(text, trader.now_ms)
    assert "msg format invalid" in str(listener.stream.outbox.pop())


@pytest.mark.parametrize(
    "channel",
    [
        "spot@public.deals.v3.api.pb@BTCUSDT",
        "spot@public.aggre.deals.v3.api.pb@100ms@NOPEUSDT",
        "spot@public.aggre.deals.v3.api.pb@1ms@BTCUSDT",
        "spot@public.limit.depth.v3.api.pb@BTCUSDT@7",
        "spot@private.orders.v3.api",
    ],
)
def test_an_unknown_channel_cannot_be_subscribed(trader: Trader, channel: str) -> None:
    answer = Listener(trader).say(method="SUBSCRIPTION", params=[channel])
    assert answer.startswith(f"Not Subscribed successfully! [{channel}].")


@pytest.mark.parametrize("key", ["", "wrong"])
def test_without_a_key_nothing_can_be_subscribed(trader: Trader, key: str) -> None:
    assert Listener(trader, key=key).say(method="SUBSCRIPTION", params=[ORDERS]).startswith("Not Subscribed")


def over_at(stream: Stream, *moments_ms: int) -> list[bool]:
    return [stream.is_over(NOW_MS + moment_ms) for moment_ms in moments_ms]


def test_a_connection_without_a_subscription_ends_after_thirty_seconds(trader: Trader) -> None:
    listener = Listener(trader)
    assert over_at(listener.stream, 29_999, 30_000) == [False, True]
    listener = Listener(trader, ORDERS)
    trader.now_ms += 10_000
    listener.say(method="UNSUBSCRIPTION", params=[ORDERS])
    assert over_at(listener.stream, 39_999, 40_000) == [False, True]


def ping_at(listener: Listener, moment_ms: int) -> None:
    """Keep a connection alive at a time."""
    listener.trader.now_ms = NOW_MS + moment_ms
    assert listener.say(method="PING") == "PONG"


def test_a_connection_ends_after_a_minute_of_silence(trader: Trader) -> None:
    listener = Listener(trader, ORDERS)
    assert over_at(listener.stream, 59_999, 60_000) == [False, True]
    ping_at(listener, 50_000)
    assert over_at(listener.stream, 109_999, 110_000) == [False, True]
    trader.now_ms = NOW_MS + 100_000
    trader.place()
    assert over_at(listener.stream, 159_999, 160_000) == [False, True]


def test_a_ping_does_not_replace_a_subscription(trader: Trader) -> None:
    listener = Listener(trader)
    ping_at(listener, 29_000)
    assert over_at(listener.stream, 30_000) == [True]


def test_a_key_takes_five_connections(trader: Trader) -> None:
    first = Listener(trader, ORDERS)
    others = [Listener(trader, ORDERS, key=first.key) for _ in range(5)]
    assert [each.stream.is_over(NOW_MS) for each in (first, *others)] == [False] * 5 + [True]
    trader.exchange.close_stream(first.stream)
    trader.exchange.close_stream(others.pop().stream)
    assert not Listener(trader, ORDERS, key=first.key).stream.is_over(NOW_MS)


def test_connections_without_a_key_are_not_counted(trader: Trader) -> None:
    assert not any(Listener(trader, key="").stream.is_over(NOW_MS) for _ in range(6))


def test_a_connection_takes_thirty_subscriptions(trader: Trader) -> None:
    names = [row["symbol"] for row in trader.ask("GET", "exchangeInfo")["symbols"]]
    channels = [f"spot@public.aggre.deals.v3.api.pb@100ms@{name}" for name in names[:30]]
    listener = Listener(trader, ORDERS, *channels[:29])
    assert listener.say(method="SUBSCRIPTION", params=[channels[29]]).startswith("Not Subscribed")
    assert listener.say(method="SUBSCRIPTION", params=[channels[0]]) == channels[0]
    listener.say(method="UNSUBSCRIPTION", params=[channels[0]])
    assert listener.say(method="SUBSCRIPTION", params=[channels[29]]) == channels[29]


def test_a_connection_ends_with_its_key_after_an_hour(trader: Trader) -> None:
    listener = Listener(trader, ORDERS)
    ping_at(listener, 60 * MINUTE_MS - 1)
    assert over_at(listener.stream, 60 * MINUTE_MS - 1, 60 * MINUTE_MS) == [False, True]


def test_a_key_is_extended_for_an_hour_from_then(trader: Trader) -> None:
    listener = Listener(trader, ORDERS)
    trader.now_ms += 30 * MINUTE_MS
    assert trader.ask("PUT", "userDataStream", listenKey=listener.key) == {"listenKey": listener.key}
    ping_at(listener, 90 * MINUTE_MS - 1)
    assert over_at(listener.stream, 90 * MINUTE_MS - 1, 90 * MINUTE_MS) == [False, True]


def test_a_connection_ends_after_a_day(trader: Trader) -> None:
    listener = Listener(trader, ORDERS)
    for _ in range(24):
        trader.now_ms += 59 * MINUTE_MS
        trader.ask("PUT", "userDataStream", listenKey=listener.key)
    ping_at(listener, 24 * 60 * MINUTE_MS - 1)
    assert over_at(listener.stream, 24 * 60 * MINUTE_MS - 1, 24 * 60 * MINUTE_MS) == [False, True]


def test_closing_a_key_ends_its_connections(trader: Trader) -> None:
    listener = Listener(trader, ORDERS)
    assert trader.ask("DELETE", "userDataStream", listenKey=listener.key) == {"listenKey": listener.key}
    assert over_at(listener.stream, 0) == [True]


def test_the_valid_keys_are_listed(trader: Trader) -> None:
    first, second = Listener(trader).key, Listener(trader).key
    assert first != second
    assert len(first) == 64
    assert trader.ask("GET", "userDataStream") == {"listenKey": [first, second]}
    trader.ask("DELETE", "userDataStream", listenKey=first)
    assert trader.ask("GET", "userDataStream") == {"listenKey": [second]}


def test_an_account_has_sixty_keys_at_most(trader: Trader) -> None:
    for _ in range(60):
        trader.ask("POST", "userDataStream")
    assert trader.code("POST", "userDataStream") == 730002
    trader.now_ms += 60 * MINUTE_MS
    assert trader.ask("POST", "userDataStream")


def test_an_expired_or_unknown_key_can_be_neither_extended_nor_closed(trader: Trader) -> None:
    key = Listener(trader).key
    trader.now_ms += 60 * MINUTE_MS
    for method in ("PUT", "DELETE"):
        assert trader.code(method, "userDataStream", listenKey=key) == 730708
        assert trader.code(method, "userDataStream", listenKey="never") == 730708
    assert trader.code("PUT", "userDataStream") == 700004
    assert trader.code("DELETE", "userDataStream") == 700004


def test_an_event_can_be_lost(trader: Trader) -> None:
    listener = Listener(trader, ORDERS)
    trader.exchange.set_faults([Fault("event_lost", count=2)])
    trader.place()
    trader.place()
    assert len(listener.received()) == 1


def test_a_connection_can_be_cut(trader: Trader) -> None:
    listener = Listener(trader, ORDERS)
    trader.exchange.set_faults([Fault("stream_cut", count=1)])
    assert not listener.stream.is_over(NOW_MS)
    trader.place()
    assert listener.stream.is_over(NOW_MS)
    assert listener.stream.is_cut


def test_a_fault_of_every_endpoint_does_not_apply_to_the_streams(trader: Trader) -> None:
    listener = Listener(trader, ORDERS)
    trader.exchange.set_faults([Fault("slow_after", endpoint="*", count=1)])
    trader.place()
    assert len(listener.received()) == 1
    assert trader.exchange.faults()[0]["struck"] == 1


def test_a_fault_of_the_streams_has_no_endpoint() -> None:
    with pytest.raises(Exception, match="applies to the streams and takes no endpoint"):
        parse_fault("event_lost:endpoint=*")


def test_the_connections_and_their_subscriptions_are_shown(trader: Trader) -> None:
    public = "spot@public.aggre.deals.v3.api.pb@10ms@BTCUSDT"
    listener, _ = Listener(trader, ORDERS, public), Listener(trader, key="")
    assert trader.control("GET", "streams") == (
        200,
        [{"listenKey": listener.key, "channels": [ORDERS, public]}, {"listenKey": "", "channels": []}],
    )


async def test_the_streams_are_served_over_a_websocket() -> None:
    book = Book()
    trader = Trader(book=book)
    async with serving(trader.exchange, clock=lambda: trader.now_ms) as url, aiohttp.ClientSession() as session:
        key = trader.ask("POST", "userDataStream")["listenKey"]
        async with session.ws_connect(f"{url}/ws?listenKey={key}") as socket:
            await socket.send_json({"method": "SUBSCRIPTION", "params": [ORDERS]})
            assert await socket.receive_json() == {"id": 0, "code": 0, "msg": ORDERS}
            await socket.send_bytes(b"ignored")
            await socket.send_json({"method": "PING"})
            assert (await socket.receive_json())["msg"] == "PONG"
            trader.place(newClientOrderId="mine")
            async with session.get(f"{url}/api/v3/ping") as reply:
                assert reply.status == 200
            pushed = decoded(await socket.receive_bytes())
            assert decoded(pushed[304])[2] == b"mine"
    book.close()


async def test_the_server_closes_a_connection_that_is_over() -> None:
    book = Book()
    trader = Trader(book=book)
    async with (
        serving(trader.exchange, clock=lambda: trader.now_ms) as url,
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{url}/ws") as socket,
    ):
        trader.now_ms += 30_000
        async with session.get(f"{url}/api/v3/ping") as reply:
            assert reply.status == 200
        assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
    book.close()


async def test_a_cut_connection_ends_without_a_close_frame() -> None:
    book = Book()
    trader = Trader(book=book, faults=[Fault("stream_cut")])
    async with serving(trader.exchange, clock=lambda: trader.now_ms) as url, aiohttp.ClientSession() as session:
        key = trader.ask("POST", "userDataStream")["listenKey"]
        async with session.ws_connect(f"{url}/ws?listenKey={key}") as socket:
            trader.place()
            async with session.get(f"{url}/api/v3/ping") as reply:
                assert reply.status == 200
            assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSED
            assert socket.close_code == aiohttp.WSCloseCode.ABNORMAL_CLOSURE
    book.close()


async def test_a_plain_request_to_the_streams_path_is_refused() -> None:
    book = Book()
    async with serving(new_exchange(book)) as url, aiohttp.ClientSession() as session:
        async with session.get(f"{url}/ws") as reply:
            assert reply.status == 400
        async with session.get(f"{url}/api/v3/ping") as reply:
            assert reply.status == 200
    book.close()
