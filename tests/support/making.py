"""Complete values for tests; a test names only the fields that matter to it."""

from decimal import Decimal
from typing import Any

from daemon.core.values.attempts import Attempt
from daemon.core.values.fills import Fill
from daemon.core.values.locks import Lock, OwnerType
from daemon.core.values.orders import Order, OrderType, Side
from daemon.core.values.states import State

NOW_MS = 1_800_000_000_000


def order(number: int = 1, **changes: Any) -> Order:
    """Make an order; ``number`` is its sequence number and makes its id and key unique."""
    given: dict[str, Any] = {
        "seq": number,
        "order_id": f"{number:026d}",
        "state": State.QUEUED,
        "symbol": "BTCUSDT",
        "side": Side.BUY,
        "type": OrderType.MARKET,
        "quantity": None,
        "quote_quantity": Decimal(25),
        "price": None,
        "owner_id": "bot",
        "target_id": f"T{number}",
        "resource": f"trade:BTCUSDT:BUY:T{number}",
        "priority": 5,
        "key": f"key-{number}",
        "fingerprint": f"{number:064x}",
        "accepted_ms": NOW_MS,
        "deadline_ms": NOW_MS + 5_000,
        "timeout_ms": 30_000,
        "updated_ms": NOW_MS,
    }
    return Order(**given | changes)


def attempt(of: Order, number: int = 1, **changes: Any) -> Attempt:
    """Make an attempt of an order."""
    given: dict[str, Any] = {
        "client_order_id": f"{of.order_id}-{number}",
        "order_id": of.order_id,
        "number": number,
        "price": of.price,
        "started_ms": of.accepted_ms,
    }
    return Attempt(**given | changes)


def fill(of: Order, number: int = 1, **changes: Any) -> Fill:
    """Make a fill of an order; ``number`` makes its trade id unique."""
    given: dict[str, Any] = {
        "symbol": of.symbol,
        "trade_id": f"{of.seq}X{number}",
        "order_id": of.order_id,
        "at_ms": of.accepted_ms,
        "price": Decimal(64_000),
        "quantity": Decimal("0.001"),
        "quote": Decimal(64),
        "fee": Decimal("0.0000005"),
        "fee_asset": "BTC",
        "is_maker": False,
    }
    return Fill(**given | changes)


def lock(token: int = 1, **changes: Any) -> Lock:
    """Make a lock."""
    given: dict[str, Any] = {
        "lock_id": f"lock-{token}",
        "resource": f"trade:BTCUSDT:BUY:T{token}",
        "token": token,
        "owner_id": "bot",
        "owner_type": OwnerType.USER,
        "order_id": None,
        "key": f"key-{token}",
        "acquired_ms": NOW_MS,
        "expires_ms": NOW_MS + 30_000,
        "timeout_ms": 30_000,
    }
    return Lock(**given | changes)
