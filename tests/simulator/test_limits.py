"""Rate limits: what is counted, what is refused, and when requests are allowed again."""

from collections.abc import Iterator

import msgspec
import pytest

from daemon.simulator.limits import UNLIMITED, Limits
from daemon.simulator.messages import Reply
from tests.simulator.trader import Trader, order


def limited(**limits: int) -> Trader:
    """Return a trader with these limits only."""
    return Trader(limits=msgspec.structs.replace(UNLIMITED, **limits))


@pytest.fixture
def usual() -> Iterator[Trader]:
    trader = Trader(limits=Limits())
    yield trader
    trader.book.close()


def retry_after(reply: Reply) -> int:
    assert reply.status in {418, 429}
    return int(reply.headers["Retry-After"])


def test_an_address_can_use_a_weight_of_300_in_ten_seconds() -> None:
    trader = limited(weight_per_ip=300)
    for _ in range(12):
        trader.ask("GET", "exchangeInfo", symbol="BTCUSDT")
        trader.now_ms += 100
    reply = trader.send("GET", "ping")
    assert reply.body == b'{"msg":"Too Many Requests","code":429}'
    assert retry_after(reply) == 9
    trader.now_ms += 8_799
    assert trader.send("GET", "ping").status == 429
    trader.now_ms += 1
    assert trader.send("GET", "ping").status == 200
    trader.book.close()


def test_a_heavy_request_waits_until_enough_light_ones_have_expired() -> None:
    trader = limited(weight_per_ip=30)
    for _ in range(30):
        trader.ask("GET", "ping")
        trader.now_ms += 100
    reply = trader.send("GET", "exchangeInfo", symbol="BTCUSDT")
    assert retry_after(reply) == 10
    trader.now_ms += 9_400
    assert trader.send("GET", "exchangeInfo", symbol="BTCUSDT").status == 200
    trader.book.close()


def test_the_account_can_use_a_weight_of_500_in_ten_seconds() -> None:
    trader = limited(weight_per_account=500)
    for _ in range(25):
        trader.ask("GET", "tradeFee", symbol="BTCUSDT")
    assert retry_after(trader.send("GET", "order", symbol="BTCUSDT", orderId="x")) == 10
    assert trader.ask("GET", "ping") == {}
    trader.book.close()


def test_placing_and_cancelling_share_twelve_a_second() -> None:
    trader = limited(orders_per_s=12)
    for _ in range(4):
        order_id = trader.place()
        trader.ask("DELETE", "order", symbol="BTCUSDT", orderId=order_id)
        trader.ask("DELETE", "openOrders", symbol="BTCUSDT")
    assert retry_after(trader.send("POST", "order", **order())) == 1
    assert trader.ask("GET", "openOrders") == []
    trader.now_ms += 999
    assert trader.send("POST", "order", **order()).status == 429
    trader.now_ms += 1
    assert trader.place()
    trader.book.close()


def test_two_batches_a_second() -> None:
    trader = limited(batches_per_s=2)
    for expected in (200, 200, 429):
        assert (
            trader.send("POST", "batchOrders", batchOrders=f"[{msgspec.json.encode(order()).decode()}]").status
            == expected
        )
    trader.book.close()


def batch_of(count: int) -> str:
    return f"[{','.join([msgspec.json.encode(order()).decode()] * count)}]"


def test_a_batch_counts_as_one_of_the_orders_per_second() -> None:
    trader = limited(orders_per_s=3, batches_per_s=2)
    trader.place()
    for expected in (200, 200, 429):
        assert trader.send("POST", "batchOrders", batchOrders=batch_of(20)).status == expected
    assert trader.send("POST", "order", **order()).status == 429
    assert len(trader.exchange.orders()) == 41
    trader.book.close()


def test_the_orders_of_a_batch_can_count_one_by_one() -> None:
    trader = limited(orders_per_s=12, batch_counts_orders=True)
    trader.place()
    for count, expected in ((12, 429), (11, 200), (1, 429)):
        assert trader.send("POST", "batchOrders", batchOrders=batch_of(count)).status == expected
    assert trader.send("POST", "batchOrders", batchOrders="{}").status == 429, "a malformed one counts as one"
    trader.book.close()


def test_each_endpoint_takes_twenty_requests_a_second(usual: Trader) -> None:
    statuses = [usual.send("GET", "ping").status for _ in range(21)]
    assert statuses == [200] * 20 + [429]
    assert usual.send("GET", "time").status == 200


def test_the_limit_of_requests_can_be_shared_by_all_endpoints() -> None:
    trader = limited(requests_per_s=20, shared_request_limit=True)
    for _ in range(10):
        trader.ask("GET", "ping")
        trader.ask("GET", "time")
    assert trader.send("GET", "ping").status == trader.send("GET", "depth", symbol="BTCUSDT").status == 429
    trader.book.close()


def test_each_endpoint_can_have_its_own_weight() -> None:
    trader = limited(weight_per_ip=25, weight_per_endpoint=True)
    assert [trader.send("GET", "exchangeInfo").status for _ in range(2)] == [200, 429]
    assert trader.send("GET", "ticker/24hr").status == 200
    trader.book.close()


def test_the_account_is_answered_twice_a_second() -> None:
    trader = limited(account_per_s=2)
    assert [trader.send("GET", "account").status for _ in range(3)] == [200, 200, 429]
    trader.now_ms += 1_000
    assert trader.send("GET", "account").status == 200
    trader.book.close()


def test_announcements_are_answered_five_times_in_two_seconds() -> None:
    trader = limited(announcements_per_2s=5)
    assert [trader.send("GET", "announcements").status for _ in range(6)] == [200] * 5 + [429]
    trader.now_ms += 2_000
    assert trader.send("GET", "announcements").status == 200
    trader.book.close()


def test_a_refused_request_is_not_executed(usual: Trader) -> None:
    statuses = [usual.send("POST", "order", **order()).status for _ in range(13)]
    assert statuses == [200] * 12 + [429]
    assert len(usual.exchange.orders()) == 12


def test_a_forged_signature_costs_the_account_nothing(usual: Trader) -> None:
    for _ in range(12):
        usual.now_ms += 100
        forged = msgspec.structs.replace(usual.request("POST", "order", **order()), query="signature=x&timestamp=1")
        usual.exchange.handle(forged, usual.now_ms)
    assert usual.place()


def test_weights_are_the_documented_ones() -> None:
    weights = {
        ("GET", "ping"): 1,
        ("GET", "defaultSymbols"): 1,
        ("GET", "symbol/offline"): 10,
        ("GET", "trades"): 5,
        ("GET", "historicalTrades"): 1,
        ("GET", "aggTrades"): 1,
        ("GET", "klines"): 1,
        ("GET", "avgPrice"): 1,
        ("GET", "ticker/price"): 10,
        ("GET", "ticker/bookTicker"): 10,
        ("GET", "capital/config/getall"): 10,
        ("GET", "selfSymbols"): 1,
        ("POST", "order/test"): 1,
        ("DELETE", "openOrders"): 1,
        ("DELETE", "order/all"): 1,
        ("GET", "ticker/24hr"): 25,
        ("GET", "exchangeInfo"): 25,
        ("GET", "time"): 1,
        ("GET", "depth"): 3,
        ("GET", "order"): 2,
        ("GET", "openOrders"): 3,
        ("GET", "account"): 10,
        ("GET", "allOrders"): 10,
        ("GET", "myTrades"): 10,
        ("GET", "tradeFee"): 20,
        ("POST", "order"): 1,
        ("DELETE", "order"): 1,
    }
    for (method, path), weight in weights.items():
        trader = limited(weight_per_ip=100)
        statuses = [trader.send(method, path).status for _ in range(100 // weight + 1)]
        assert statuses.index(429) == 100 // weight, path
        trader.book.close()


def test_each_address_has_its_own_count() -> None:
    trader = limited(weight_per_ip=1)
    request = trader.request("GET", "ping")
    for remote, expected in (("10.0.0.1", 200), ("10.0.0.1", 429), ("10.0.0.2", 200)):
        reply = trader.exchange.handle(msgspec.structs.replace(request, remote=remote), trader.now_ms)
        assert isinstance(reply, Reply)
        assert reply.status == expected
    trader.book.close()


def test_a_request_that_outweighs_the_limit_never_fits() -> None:
    trader = limited(weight_per_ip=5)
    assert retry_after(trader.send("GET", "exchangeInfo")) == 10
    trader.book.close()


def test_a_client_that_ignores_refusals_is_banned_longer_each_time() -> None:
    trader = limited(requests_per_s=1, ban_after=3)
    for ban_s in (120, 240, 480):
        assert trader.ask("GET", "ping") == {}
        assert [trader.send("GET", "ping").status for _ in range(3)] == [429] * 3
        banned = trader.send("GET", "ping")
        assert banned.status == 418
        assert retry_after(banned) == ban_s
        trader.now_ms += ban_s * 1_000 - 1
        assert trader.send("GET", "ping").status == 418
        trader.now_ms += 1
    trader.book.close()


def test_refusals_more_than_a_minute_apart_cause_no_ban() -> None:
    trader = limited(requests_per_s=1, ban_after=2)
    for _ in range(4):
        assert [trader.send("GET", "ping").status for _ in range(2)] == [200, 429]
        trader.now_ms += 60_000
    trader.book.close()


def test_a_control_route_has_no_limits() -> None:
    trader = limited(requests_per_s=1)
    assert [trader.control("GET", "orders")[0] for _ in range(5)] == [200] * 5
    trader.book.close()


def test_an_unknown_path_counts_too() -> None:
    trader = limited(requests_per_s=1)
    assert [trader.send("GET", "nothing").status for _ in range(2)] == [404, 429]
    trader.book.close()
