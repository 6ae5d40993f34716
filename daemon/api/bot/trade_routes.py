"""``POST /api/mexc/trade``: a trade in the bot's JSON shape, answered when its outcome is known.

The answer reports what happened, not what the bot requested. ``success`` means that something was bought or sold, or
that the order rests on the exchange's book. Quantities are executed quantities. An unknown price is null.

The fields ``queued``, ``replayed`` and ``unknown`` are additions to the bot's former API, which could not express these
outcomes. An unknown outcome is never a 4xx or 5xx, because a bot reads those as "nothing happened, try again".
"""

from typing import Any

import msgspec

from daemon.api.bot.bot_errors import BotRefusal, failure
from daemon.api.context import Context
from daemon.api.http.body import Body, key_of, wait_s
from daemon.api.http.request import Request
from daemon.api.http.response import Response, json
from daemon.api.http.routes import KEY, WAIT, Repeated, Route
from daemon.core.state.trading_state import TradingState
from daemon.core.values.decimals import plain
from daemon.core.values.fields import Amount, Text
from daemon.core.values.orders import Order, Side
from daemon.core.values.signals import SignalRequest
from daemon.core.values.states import MEANINGS, REPORT_EVENTS, RESTING, WAITING, State
from daemon.core.verbs.lease_queue import place_of
from daemon.errors import Full, Halted, Invalid, KeyConflict, NotAllowed, NotReady
from daemon.store.bot_tables import iso

WAIT_S = 30.0
"""How long the bot waits for an outcome by default: the time-out of its former API."""


class TradeRequest(msgspec.Struct, rename="camel", kw_only=True):
    """A trade in the bot's JSON shape. Unknown fields are ignored, as in its former API."""

    symbol: str | None = None
    side: str | None = None
    type: str | None = None
    quantity: Amount | None = None
    price: Amount | None = None
    quote_order_qty: Amount | None = None
    user_id: Text | None = None
    snipe_target_id: Text | None = None
    idempotency_key: Text | None = None
    skip_lock: bool | None = None


_trade = Body[TradeRequest](TradeRequest, blank_is_absent=True)


class BotTrade:
    """The route that trades."""

    def __init__(self, context: Context) -> None:
        self._context = context

    @Route(
        "POST",
        "/api/mexc/trade",
        fast=True,
        body=_trade,
        lasts_s=WAIT_S,
        repeated=Repeated.SAME_WITH_KEY,
        parameters=[WAIT, KEY],
        answers={200: dict[str, Any], 202: dict[str, Any]},
        refuses=[BotRefusal, Invalid, NotAllowed, Halted, Full, KeyConflict, NotReady],
    )
    async def trade(self, request: Request) -> Response:
        """Trade; waits for the outcome for 30 s, or as ``Prefer: wait=SECONDS`` says."""
        asked = _trade.decode(request.body)
        signal = _signal(asked, key_of(request, asked.idempotency_key))
        order_commands, clock = self._context.order_commands, self._context.engine.clock
        began_ms = clock.now_ms()
        accepted = await order_commands.submit(signal, self._context.caller(request))
        wait = wait_s(request)
        order = await order_commands.outcome(accepted.order, WAIT_S if wait is None else wait)
        now_ms = clock.now_ms()
        state = self._context.engine.state
        view, status = trade_answer(state, order, now_ms, replayed=accepted.replayed, took_ms=now_ms - began_ms)
        return json(view, status)


def trade_answer(
    state: TradingState, order: Order, now_ms: int, *, replayed: bool, took_ms: int
) -> tuple[dict[str, Any], int]:
    """Return the bot's answer for an order in its state on disk, and the HTTP status."""
    if _succeeded(order):
        return _placed(order, now_ms, replayed=replayed), 200
    if order.state in WAITING:
        queued = {
            "success": False,
            "queued": True,
            "queueId": order.order_id,
            "queuePosition": place_of(state, order),
            "lockId": order.lock_id,
            "error": "Resource locked, added to queue",
        }
        return queued, 202
    if order.state is State.IN_FLIGHT and replayed:
        progress = failure("Trade already in progress", f"order {order.order_id} is on its way", order)
        return {**progress, "lockStatus": _lock_status(state, order)}, 409
    if why_unknown := MEANINGS[order.state].bot_unknown:
        message = f"order {order.order_id}: {order.reason or why_unknown}"
        unknown = failure("Outcome unknown", f"{message}; do not repeat it under another key", order)
        return {**unknown, "unknown": True}, 202
    failed = failure(_why_nothing(order), "Trade execution failed", order) | {"executionTimeMs": took_ms}
    return failed | {"replayed": True} if replayed else failed, 400


def _lock_status(state: TradingState, order: Order) -> dict[str, Any]:
    lock = state.locks.blocker(order.resource)
    return {
        "isLocked": lock is not None,
        "lockId": None if lock is None else lock.lock_id,
        "expiresAt": None if lock is None else iso(lock.expires_ms),
        "queueLength": state.waiting_for(order.resource),
    }


def _signal(trade: TradeRequest, key: str | None) -> SignalRequest:
    if trade.user_id is None:
        raise BotRefusal("User ID required")
    amount = trade.quote_order_qty if trade.quantity is None else trade.quantity
    if not trade.symbol or not trade.side or not trade.type or not amount:
        raise BotRefusal("Missing required trading parameters", "Symbol, side, type, and quantity are required")
    market = trade.type.strip().upper() == "MARKET"
    by_quote = market and bool(trade.quote_order_qty)
    return SignalRequest(
        symbol=trade.symbol,
        side=trade.side,
        type=trade.type,
        quantity=None if by_quote else trade.quantity,  # the former API requires it even with a quote amount
        quote_order_qty=trade.quote_order_qty if by_quote else None,
        price=None if market else trade.price,
        owner_id=trade.user_id,
        snipe_target_id=trade.snipe_target_id,
        idempotency_key=key,
        skip_lock=bool(trade.skip_lock),
    )


def _succeeded(order: Order) -> bool:
    """Whether something was bought or sold, or the order was seen on the exchange's book."""
    if order.state not in REPORT_EVENTS:
        return False
    rests = order.state in RESTING and order.outcome_known
    ruled_filled = order.state is State.FILLED and order.finished_ms is not None  # an operator may give no quantity
    return rests or ruled_filled or order.executed_quantity > 0


def _why_nothing(order: Order) -> str:
    """Return why nothing was bought or sold."""
    if order.state is State.CANCELED:
        verb = "bought" if order.side is Side.BUY else "sold"
        nothing = f"the exchange accepted the order and cancelled it without a fill: nothing was {verb}"
        again = "the same trade may be sent again"
        return f"{nothing}; " + (again if order.ended_empty else f"once it was seen so again, {again}")
    return order.reason or order.state.value


def _placed(order: Order, now_ms: int, *, replayed: bool) -> dict[str, Any]:
    seen_as = MEANINGS[order.state].shown
    assert seen_as is not None
    is_unsaid = order.state is State.FILLED and not order.executed_quantity
    price = order.average_price if order.executed_quantity else order.price  # what rests, rests at its limit
    shown = {
        "success": True,
        "orderId": order.exchange_order_id,
        "symbol": order.symbol,
        "side": order.side.value,
        "quantity": None if is_unsaid else plain(order.executed_quantity),
        "price": None if price is None else plain(price),
        "status": seen_as.word,
        "timestamp": iso(order.sent_ms or order.accepted_ms),
    }
    placed = {
        "success": True,
        "message": "Order placed successfully",
        "order": shown,
        "data": shown,
        "timestamp": iso(now_ms),
    }
    return placed | {"replayed": True} if replayed else placed
