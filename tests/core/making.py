"""Makes values for tests: each is complete and ordinary except for what the test changes."""

from decimal import Decimal
from typing import Any

import msgspec

from daemon.config.tables import Config
from daemon.config.trading_tables import GuardsTable
from daemon.core.rules.idempotency import identity_of
from daemon.core.rules.trading_rules import Rules
from daemon.core.values.attempts import Attempt
from daemon.core.values.exchange_replies import Advice, OrderReport, Placed, QueryResult, Refused, Source, Unclear
from daemon.core.values.ids import client_order_id, new_id
from daemon.core.values.locks import Lock, OwnerType, TransactionType
from daemon.core.values.orders import Order, OrderType, Side
from daemon.core.values.signals import Signal, SignalRequest, normalise
from daemon.core.values.states import State
from daemon.core.values.symbols import ALL, SymbolRules
from daemon.core.values.waiters import LeaseRequest

NOON_MS = 1_790_000_000_000
"""The time at which tests begin, in Unix milliseconds."""

RULES = Rules(Config(guards=GuardsTable(repeat_window_ms=0)))
"""Rules with the defaults, except that one owner may buy in quick succession."""


def rules(**tables: dict[str, Any]) -> Rules:
    """Make rules; a table is given as the keys that differ: ``rules(queue={"max_in_flight": 1})``."""
    changed = {name: msgspec.structs.replace(getattr(RULES.config, name), **keys) for name, keys in tables.items()}
    return Rules(msgspec.structs.replace(RULES.config, **changed))


def request(**changes: Any) -> SignalRequest:
    """Make an ordinary request: a market buy for ten USDT."""
    fields: dict[str, Any] = {"symbol": "FOOUSDT", "side": "BUY", "type": "MARKET", "owner_id": "anna"}
    if not changes.keys() & {"quantity", "quote_order_qty"}:
        fields["quote_order_qty"] = Decimal(10)
    return SignalRequest(**(fields | changes))


def signal(now_ms: int = NOON_MS, **changes: Any) -> Signal:
    """Make a signal in normal form, with changes to its request."""
    return normalise(request(**changes), RULES.config, now_ms=now_ms)


def order(state: State = State.QUEUED, **changes: Any) -> Order:
    """Make an order as intake would, in any state."""
    asked = signal()
    identity = identity_of(asked, per_symbol=False, one_buy_per_target=False)
    fields: dict[str, Any] = {
        "seq": 1,
        "order_id": an_id(1),
        "state": state,
        "symbol": asked.symbol,
        "side": Side.BUY,
        "type": OrderType.MARKET,
        "quantity": None,
        "quote_quantity": asked.quote_quantity,
        "price": None,
        "owner_id": asked.owner_id,
        "target_id": asked.target_id,
        "resource": identity.resource,
        "priority": asked.priority,
        "key": identity.key,
        "fingerprint": identity.fingerprint,
        "accepted_ms": NOON_MS,
        "deadline_ms": NOON_MS + asked.deadline_after_ms,
        "timeout_ms": asked.timeout_ms,
        "updated_ms": NOON_MS,
    }
    return Order(**(fields | changes))


def limit_order(state: State = State.QUEUED, **changes: Any) -> Order:
    """Make a resting order: one unit at ten."""
    resting = {"type": OrderType.LIMIT, "quantity": Decimal(1), "quote_quantity": None, "price": Decimal(10)}
    return order(state, **(resting | changes))


def an_id(number: int, at_ms: int = NOON_MS) -> str:
    """Make an order id without entropy."""
    return new_id(at_ms, number.to_bytes(10))


def attempt(number: int = 1, **changes: Any) -> Attempt:
    """Make an attempt of the order that :func:`order` makes."""
    order_id = changes.pop("order_id", an_id(1))
    fields: dict[str, Any] = {
        "client_order_id": client_order_id(order_id, number),
        "order_id": order_id,
        "number": number,
        "price": None,
        "started_ms": NOON_MS,
    }
    return Attempt(**(fields | changes))


def lock(token: int = 1, **changes: Any) -> Lock:
    """Make a lock as it is on disk."""
    fields: dict[str, Any] = {
        "lock_id": f"lock-{token}",
        "resource": "trade:FOOUSDT:BUY:manual",
        "token": token,
        "owner_id": "anna",
        "owner_type": OwnerType.USER,
        "order_id": an_id(1),
        "key": "k",
        "acquired_ms": NOON_MS,
        "expires_ms": NOON_MS + 30_000,
        "timeout_ms": 30_000,
    }
    return Lock(**(fields | changes))


def placed(exchange_order_id: str = "C02__1") -> Placed:
    """Make the answer that the exchange accepted the order."""
    return Placed(exchange_order_id, "POST /api/v3/order", "HTTP 200")


def refused(advice: Advice = Advice.RETRY, **changes: Any) -> Refused:
    """Make the answer that the order was definitely not executed."""
    fields: dict[str, Any] = {"code": "30001", "message": "not open yet", "asked": "POST", "answered": "HTTP 400"}
    return Refused(advice=advice, **(fields | changes))


def unclear(why: str = "no answer in time") -> Unclear:
    """Make an unknown outcome."""
    return Unclear(why, "POST /api/v3/order", "")


def report(state: State = State.OPEN, executed: str = "0", quote: str | None = None, **changes: Any) -> OrderReport:
    """Make an order report; the executed quantity was executed at ten."""
    fields: dict[str, Any] = {
        "client_order_id": None,
        "exchange_order_id": "C02__1",
        "state": state,
        "executed_quantity": Decimal(executed),
        "executed_quote": 10 * Decimal(executed) if quote is None else Decimal(quote),
    }
    return OrderReport(**(fields | changes))


def query(
    seen: OrderReport | None = None, *, source: Source = Source.ORDER, failed: bool = False, at_ms: int = NOON_MS
) -> QueryResult:
    """Make a query's result: a miss, unless it found something or failed."""
    return QueryResult(source=source, at_ms=at_ms, asked="GET", answered="HTTP", failed=failed, report=seen)


def everywhere(*, failed: bool = False, at_ms: int = NOON_MS) -> list[QueryResult]:
    """Make a complete search without a result, for an order whose exchange order id is not known."""
    places = [source for source in Source if source is not Source.ORDER_ID]
    return [query(source=source, failed=failed, at_ms=at_ms) for source in places]


def symbol_rules(**changes: Any) -> SymbolRules:
    """Make the limits of an ordinary pair."""
    fields: dict[str, Any] = {
        "symbol": "FOOUSDT",
        "base_asset": "FOO",
        "quote_asset": "USDT",
        "price_decimals": 4,
        "quantity_decimals": 2,
        "quote_decimals": 4,
        "min_quantity": Decimal(0),
        "min_notional": Decimal(5),
        "min_notional_market": Decimal(1),
        "max_notional": Decimal(2_000_000),
        "max_notional_market": Decimal(100_000),
        "order_types": frozenset({"LIMIT", "MARKET", "LIMIT_MAKER"}),
        "trade_sides": ALL,
        "online": True,
        "api_tradable": True,
        "first_open_ms": None,
    }
    return SymbolRules(**(fields | changes))


def lease(**changes: Any) -> LeaseRequest:
    """Make a caller's request for a resource."""
    fields: dict[str, Any] = {
        "resource": "ledger:anna",
        "owner_id": "anna",
        "owner_type": OwnerType.USER,
        "transaction_type": TransactionType.UPDATE,
        "transaction_data": None,
        "timeout_ms": 30_000,
        "priority": 5,
        "key": None,
    }
    return LeaseRequest(**(fields | changes))
