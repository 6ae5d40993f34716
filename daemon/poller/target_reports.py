"""Builds the reports about targets: pure functions of the order on disk, or of the reason for a refusal.

The fields and values are the bot's: ``status`` executing, completed, failed or cancelled; ``executionStatus`` success,
partial or failed, and beside them placed, unknown and duplicate. Instants are Unix seconds and the position size is in
base units, as the bot itself writes them.
"""

from decimal import Context

import msgspec

from daemon.core.values.decimals import canonical
from daemon.core.values.orders import Order
from daemon.core.values.states import MEANINGS, RESTING, State
from daemon.poller.targets import Reason

MAX_MESSAGE = 500
_ROUNDED = Context(prec=18)


def report(order: Order, rearmed: bool = False) -> bytes | None:
    """Return the body of the report, JSON; ``None`` while the outcome is not known."""
    target = MEANINGS[order.state].target
    if target is None or not order.outcome_known:
        return None
    found: dict[str, object] = {"status": target.status, "executionStatus": target.execution_status}
    if order.executed_quantity:
        if order.average_price is not None:  # reported later if it is not known yet
            found["executionPrice"] = canonical(_ROUNDED.plus(order.average_price))
        found["actualPositionSize"] = order.executed_quantity
        found["actualExecutionTime"] = (order.sent_ms or order.updated_ms) // 1_000
    message = already_traded(order) if rearmed else _message(order)
    return _encode(found | ({"errorMessage": message[:MAX_MESSAGE]} if message else {}))


def refusal(reason: Reason) -> bytes:
    """Return the body of a refusal."""
    message = f"sniperd: {reason.why}"[:MAX_MESSAGE]
    return _encode({"status": reason.status, "executionStatus": reason.execution_status, "errorMessage": message})


def remark(order: Order) -> bytes:
    """Return the body for a target that was set ready again; it leaves the bot's status unchanged."""
    return _encode({"errorMessage": already_traded(order)})


def already_traded(order: Order) -> str:
    """Return the message for a target that was set ready again. It names the order, by which it is recognised later."""
    if order.state is State.CANCELED and not order.executed_quantity:
        return (
            f"sniperd: order {order.order_id} was cancelled with nothing executed. Once the exchange has shown so for "
            "ten seconds, the target may be set ready again to try again."
        )
    return f"sniperd: traded already, as order {order.order_id}; not traded again. To buy once more, make a new target."


def _message(order: Order) -> str | None:
    if order.state is State.LOST:
        return f"sniperd: the outcome of order {order.order_id} is unknown; do not send it again. {order.reason or ''}"
    if order.state in RESTING or order.state is State.FILLED:
        return None
    return f"sniperd: order {order.order_id} is {order.state.value}: {order.reason or 'the exchange says so'}"


_encode = msgspec.json.Encoder(decimal_format="number").encode
