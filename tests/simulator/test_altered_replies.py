"""Faults that alter replies, while the exchange itself is right; and the help about faults."""

from typing import Any, get_args

import msgspec
import pytest
from click.testing import CliRunner

from daemon.cli.exchange import exchange
from daemon.simulator.fault_kinds import KINDS, help_text
from daemon.simulator.faults import Fault, Kind, parse_fault
from tests.simulator.trader import HEADERS, Trader, order

OF_EVERY_KIND = {"kind", "endpoint", "probability", "count"}


def filled(trader: Trader, **parameters: object) -> str:
    """Place a BUY that fills immediately."""
    return trader.place(type="LIMIT", price="110000", quantity="0.01", **parameters)


def inject(trader: Trader, *faults: Fault) -> None:
    trader.exchange.set_faults(faults)


def test_the_client_order_id_can_be_hidden_everywhere(trader: Trader) -> None:
    order_id = filled(trader, newClientOrderId="mine")
    inject(trader, Fault("client_id_hidden"))
    assert trader.code("GET", "order", symbol="BTCUSDT", origClientOrderId="mine") == -2013
    assert trader.query(order_id)["clientOrderId"] is None
    for path in ("allOrders", "myTrades"):
        assert {row["clientOrderId"] for row in trader.ask("GET", path, symbol="BTCUSDT")} == {None}


def test_a_filled_order_can_be_shown_with_a_part_of_its_quantity(trader: Trader) -> None:
    order_id = filled(trader)
    inject(trader, Fault("filled_early", delay_ms=2_000))
    early = trader.query(order_id)
    assert (early["status"], early["executedQty"]) == ("FILLED", "0.006")
    assert trader.ask("GET", "allOrders", symbol="BTCUSDT")[0]["executedQty"] == "0.006"
    trader.now_ms += 2_000
    assert trader.query(order_id)["executedQty"] == "0.01"


@pytest.mark.parametrize(("share", "shown"), [("0", "0"), ("0.5", "0.005"), ("1", "0.01")])
def test_the_shown_share_is_configurable(trader: Trader, share: str, shown: str) -> None:
    order_id = filled(trader)
    inject(trader, parse_fault(f"filled_early:share={share}"))
    assert trader.query(order_id)["executedQty"] == shown


def test_an_order_that_is_not_filled_is_shown_unchanged(trader: Trader) -> None:
    order_id = trader.place()
    inject(trader, Fault("filled_early"))
    assert trader.query(order_id)["status"] == "NEW"


@pytest.mark.parametrize("path", ["allOrders", "openOrders", "myTrades"])
@pytest.mark.parametrize(
    ("setting", "odd"),
    [("", ""), ("field=status,value=null", None), ("field=orderId,value=[1]", [1]), ("field=,value=", None)],
)
def test_a_list_can_begin_with_an_odd_row_of_another_order(
    trader: Trader, path: str, setting: str, odd: object
) -> None:
    filled(trader)
    trader.place()
    before = trader.ask("GET", path, symbol="BTCUSDT")
    inject(trader, parse_fault(f"odd_row:endpoint=GET /api/v3/{path},{setting}"))
    first, *rows = trader.ask("GET", path, symbol="BTCUSDT")
    assert rows == before
    name = "executedQty" if not setting else setting.partition("=")[2].partition(",")[0]
    assert first == {} if not name else first[name] == odd


def test_fills_can_be_shown_twice(trader: Trader) -> None:
    filled(trader)
    once = trader.ask("GET", "myTrades", symbol="BTCUSDT")
    inject(trader, Fault("rows_twice"))
    assert trader.ask("GET", "myTrades", symbol="BTCUSDT") == [row for row in once for _ in range(2)]


@pytest.mark.parametrize(
    ("path", "field", "value", "shown"),
    [
        ("order", "status", "SETTLED", "SETTLED"),
        ("order", "symbol", "ETHUSDT", "ETHUSDT"),
        ("order", "executedQty", "", ""),
        ("order", "clientOrderId", "null", None),
        ("order", "origQty", '"999"', "999"),
        ("account", "canTrade", "null", None),
        ("time", "serverTime", '"1790000000123"', "1790000000123"),
    ],
)
def test_any_field_can_be_shown_with_another_value(
    trader: Trader, path: str, field: str, value: str, shown: object
) -> None:
    order_id = trader.place()
    named = {"symbol": "BTCUSDT", "orderId": order_id} if path == "order" else {}
    inject(trader, Fault("shown_as", endpoint=f"GET /api/v3/{path}", field=field, value=value))
    assert trader.ask("GET", path, **named)[field] == shown
    inject(trader, Fault("field_missing", endpoint=f"GET /api/v3/{path}", field=field))
    assert field not in trader.ask("GET", path, **named)


@pytest.mark.parametrize(
    ("path", "rows", "field"), [("account", "balances", "free"), ("exchangeInfo", "symbols", "status")]
)
def test_a_field_is_changed_everywhere_in_the_reply(trader: Trader, path: str, rows: str, field: str) -> None:
    inject(trader, Fault("shown_as", endpoint=f"GET /api/v3/{path}", field=field, value="ENABLED"))
    assert {row[field] for row in trader.ask("GET", path)[rows]} == {"ENABLED"}


@pytest.mark.parametrize(("settings", "status", "retry_after"), [("", 429, "1"), ("status=400,code=30001", 400, None)])
def test_a_refusal_can_name_the_placed_order(
    trader: Trader, settings: str, status: int, retry_after: str | None
) -> None:
    inject(trader, parse_fault(f"refusal_with_order:{settings}"))
    reply = trader.send("POST", "order", **order())
    (placed,) = trader.exchange.orders()
    assert (reply.status, reply.headers.get("Retry-After")) == (status, retry_after)
    assert msgspec.json.decode(reply.body)["orderId"] == placed["orderId"]


def test_a_page_can_repeat_the_request_with_its_signature(trader: Trader) -> None:
    inject(trader, Fault("echo"))
    request = trader.request("POST", "order", **order())
    reply: Any = trader.exchange.handle(request, trader.now_ms)
    signature = request.query.rpartition("signature=")[2]
    assert (reply.status, reply.body.count(signature.encode())) == (403, 4)
    assert HEADERS["X-MEXC-APIKEY"].encode() in reply.body
    assert trader.exchange.orders() == []


# --- the help


def test_every_kind_of_fault_is_described_once_and_no_other() -> None:
    assert set(KINDS) == set(get_args(Kind))


def test_every_setting_of_a_fault_is_documented_with_its_default() -> None:
    settings = {name for kind in KINDS.values() for name in kind.options}
    assert settings | OF_EVERY_KIND == {field.name for field in msgspec.structs.fields(Fault)}
    for kind in KINDS.values():
        for name, default in kind.options.items():
            own = msgspec.structs.asdict(Fault(kind.name))[name]  # type: ignore[arg-type]
            assert str(own) == default or own in (0, None, ""), f"{kind.name} {name}"


def test_the_commands_help_names_every_fault_and_every_setting() -> None:
    shown = CliRunner().invoke(exchange, ["--help"]).output
    assert help_text() in shown
    for kind in KINDS.values():
        assert f"  {kind.name} " in shown
        assert kind.does in shown
    for name in OF_EVERY_KIND - {"kind"}:
        assert f"  {name} " in shown
    assert all(len(line) <= 120 for line in shown.splitlines())


def test_a_share_must_be_between_0_and_1(trader: Trader) -> None:
    with pytest.raises(Exception, match="share must be between 0 and 1"):
        parse_fault("filled_early:share=1.5")
    assert trader.exchange.faults() == []
