"""ccxt's MEXC object for orders, over the daemon: a script that trades with ccxt becomes safe by one changed line.

::

    from sniperd_client import ccxt          # was: import ccxt.async_support as ccxt

    mexc = ccxt.mexc({"apiKey": "…", "secret": "…"})     # both are ignored: the daemon has the key
    order = await mexc.create_order("BTC/USDT", "limit", "buy", 0.01, 90_000)

A call sends its request again with the same key, over lost answers and restarts of the daemon. If its outcome is
unknown at the end, it raises ``RequestTimeout``, and the next equal call is a repetition, not a second order.
"""

# ruff: noqa: A002  # the arguments have ccxt's names

import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import anyio
import msgspec

from daemon.client.ccxt_errors import (
    AccountSuspended,
    ArgumentsRequired,
    AuthenticationError,
    BadRequest,
    BadSymbol,
    BaseError,
    DDoSProtection,
    DuplicateOrderId,
    ExchangeError,
    ExchangeNotAvailable,
    InsufficientFunds,
    InvalidNonce,
    InvalidOrder,
    NetworkError,
    NotSupported,
    OnMaintenance,
    OperationFailed,
    OperationRejected,
    OrderNotFound,
    PermissionDenied,
    RateLimitExceeded,
    RequestTimeout,
    of_code,
    of_refusal,
)
from daemon.client.ccxt_shapes import HAS, Number, market_id, order_structure, signal_of, trade_structure, unified
from daemon.client.client import Client
from daemon.client.errors import Refused, Unreachable, WrongState
from daemon.client.shapes import Order, Signal

__all__ = [
    "AccountSuspended",
    "ArgumentsRequired",
    "AuthenticationError",
    "BadRequest",
    "BadSymbol",
    "BaseError",
    "DDoSProtection",
    "DuplicateOrderId",
    "ExchangeError",
    "ExchangeNotAvailable",
    "InsufficientFunds",
    "InvalidNonce",
    "InvalidOrder",
    "NetworkError",
    "NotSupported",
    "OnMaintenance",
    "OperationFailed",
    "OperationRejected",
    "OrderNotFound",
    "PermissionDenied",
    "RateLimitExceeded",
    "RequestTimeout",
    "mexc",
]

TIMEOUT_MS = 30_000
REMEMBERED_S = 600.0
"""How long the next equal call counts as a repetition of one whose outcome is unknown."""

_RESTING = ("open", "partially_filled")
_RAISED = frozenset({"rejected", "dead_letter", "expired"})

Params = Mapping[str, Any] | None


class mexc:  # noqa: N801  # ccxt's name
    """ccxt's ``mexc`` for spot orders. It connects with the first call, and works in ``async with`` too.

    Args:
        config: ``socket`` is the path of ``signals.sock``; where absent, the user's daemon or the machine's. ``owner``
            is the owner of the orders (default ``ccxt``). ``timeout``: how long a call waits for the daemon and for
            the outcome, ms. What else ccxt takes is ignored.

    """

    id = "mexc"
    name = "MEXC Global"

    def __init__(self, config: Params = None) -> None:
        given = config or {}
        self._timeout_s = given.get("timeout", TIMEOUT_MS) / 1_000
        self._owner_id: str = given.get("owner", "ccxt")
        self._client = Client(given.get("socket") or _socket(), retry_s=self._timeout_s)
        self._is_open = False
        self._symbols: dict[str, str] = {}  # as the script wrote them, by MEXC's
        self._unknown: dict[Signal, list[tuple[str, float]]] = {}  # keys with the time until which they are remembered
        self.has = dict(HAS)

    async def __aenter__(self) -> Self:
        """Return the object itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection."""
        await self.close()

    async def close(self) -> None:
        """Close every connection."""
        if self._is_open:
            self._is_open = False
            await self._client.__aexit__(None, None, None)

    async def create_order(
        self,
        symbol: str,
        type: str,
        side: str,
        amount: Number | None,
        price: Number | None = None,
        params: Params = None,
    ) -> dict[str, Any]:
        """Place an order, and return it with its outcome: filled, resting or cancelled.

        With ``params["clientOrderId"]`` the same call is the same order for ever, also after a restart of the script.

        Raises:
            RequestTimeout: the outcome is unknown. The next equal call within ten minutes is a repetition.
            InsufficientFunds, InvalidOrder, …: nothing was placed; the class is ccxt's for MEXC's code.

        """
        asked = signal_of(symbol, type, side, amount, price, params or {}, self._owner_id)
        self._symbols[asked.symbol] = symbol
        key = asked.idempotency_key or self._remembered(asked) or f"ccxt-{uuid4().hex}"
        is_known = False
        try:
            order = await self._placed(msgspec.structs.replace(asked, idempotency_key=key))
            is_known = True
        except Refused as refused:
            is_known = True
            raise of_refusal(refused) from refused
        except Unreachable as error:
            raise RequestTimeout(f"sniperd {error}") from error
        finally:
            if not is_known and asked.idempotency_key is None:  # a cancelled call, too
                self._unknown.setdefault(asked, []).append((key, anyio.current_time() + REMEMBERED_S))
        if order.state in _RAISED:
            raise await self._why_not(order)
        return self._shown(order)

    async def cancel_order(self, id: str | None, symbol: str | None = None, params: Params = None) -> dict[str, Any]:
        """Cancel an order; return it as it is then: cancelled, or filled meanwhile.

        Raises:
            OrderNotFound: there is no such order, or nothing of it is left to cancel.
            RequestTimeout: the outcome is unknown; call it again.

        """
        order = await self._found(id, symbol, params)
        try:
            order = await self._client.cancel(order.id)
        except WrongState as refused:
            error = RequestTimeout if order.unknown else OrderNotFound
            raise error(f"sniperd {refused}") from refused
        except Refused as refused:
            raise of_refusal(refused) from refused
        except Unreachable as unreachable:
            raise RequestTimeout(f"sniperd {unreachable}") from unreachable
        if order.state in _RESTING:
            raise RequestTimeout(f"sniperd does not know yet whether order {order.id} is cancelled")
        return self._shown(order)

    async def fetch_order(self, id: str | None, symbol: str | None = None, params: Params = None) -> dict[str, Any]:
        """Read an order by its id, or by ``params["clientOrderId"]``.

        Raises:
            OrderNotFound: there is no such order.

        """
        return self._shown(await self._found(id, symbol, params))

    async def fetch_open_orders(
        self, symbol: str | None = None, since: int | None = None, limit: int | None = None, params: Params = None
    ) -> list[dict[str, Any]]:
        """Read this owner's orders that rest on the exchange, oldest first."""
        _none_of(params, "fetch_open_orders")
        wanted = None if symbol is None else market_id(symbol)
        found: dict[str, Order] = {}
        try:
            await self._open()
            for state in _RESTING:  # in this order: a fill between the two reads hides no order
                async for order in self._client.orders(state=state, symbol=wanted, owner_id=self._owner_id):
                    found[order.id] = order
        except Unreachable as error:
            raise RequestTimeout(f"sniperd {error}") from error
        shown = sorted(found.values(), key=lambda order: (order.accepted_at_ms or 0, order.id))
        shown = [order for order in shown if since is None or (order.accepted_at_ms or 0) >= since]
        return [self._structure(order) for order in shown[:limit]]

    async def fetch_order_trades(
        self,
        id: str | None,
        symbol: str | None = None,
        since: int | None = None,
        limit: int | None = None,
        params: Params = None,
    ) -> list[dict[str, Any]]:
        """Read the trades of an order with their fees, oldest first; the daemon knows them a second after its end.

        Raises:
            OrderNotFound: there is no such order.

        """
        order = await self._found(id, symbol, params)
        try:
            fills = (await self._client.explain(order.id)).fills
        except Refused as refused:
            raise of_refusal(refused) from refused
        except Unreachable as error:
            raise RequestTimeout(f"sniperd {error}") from error
        named = self._symbol(order)
        trades = [trade_structure(order, fill, named) for fill in fills if since is None or fill["at"] >= since]
        return trades[-limit:] if limit and since is None else trades[:limit]  # as ccxt: the newest, unless since

    # ccxt's short forms.

    async def create_limit_order(
        self, symbol: str, side: str, amount: Number, price: Number, params: Params = None
    ) -> dict[str, Any]:
        """Place a limit order."""
        return await self.create_order(symbol, "limit", side, amount, price, params)

    async def create_limit_buy_order(
        self, symbol: str, amount: Number, price: Number, params: Params = None
    ) -> dict[str, Any]:
        """Place a limit order that buys."""
        return await self.create_order(symbol, "limit", "buy", amount, price, params)

    async def create_limit_sell_order(
        self, symbol: str, amount: Number, price: Number, params: Params = None
    ) -> dict[str, Any]:
        """Place a limit order that sells."""
        return await self.create_order(symbol, "limit", "sell", amount, price, params)

    async def create_market_order(
        self, symbol: str, side: str, amount: Number, price: Number | None = None, params: Params = None
    ) -> dict[str, Any]:
        """Place a market order; with a price, for ``amount`` times ``price`` of the quote currency."""
        return await self.create_order(symbol, "market", side, amount, price, params)

    async def create_market_buy_order(self, symbol: str, amount: Number, params: Params = None) -> dict[str, Any]:
        """Place a market order that buys an amount of the base currency."""
        return await self.create_order(symbol, "market", "buy", amount, None, params)

    async def create_market_sell_order(self, symbol: str, amount: Number, params: Params = None) -> dict[str, Any]:
        """Place a market order that sells an amount of the base currency."""
        return await self.create_order(symbol, "market", "sell", amount, None, params)

    async def create_market_order_with_cost(
        self, symbol: str, side: str, cost: Number, params: Params = None
    ) -> dict[str, Any]:
        """Place a market order for an amount of the quote currency."""
        return await self.create_order(symbol, "market", side, None, None, {**(params or {}), "cost": cost})

    async def create_market_buy_order_with_cost(
        self, symbol: str, cost: Number, params: Params = None
    ) -> dict[str, Any]:
        """Place a market order that spends an amount of the quote currency."""
        return await self.create_market_order_with_cost(symbol, "buy", cost, params)

    async def create_market_sell_order_with_cost(
        self, symbol: str, cost: Number, params: Params = None
    ) -> dict[str, Any]:
        """Place a market order that sells for an amount of the quote currency."""
        return await self.create_market_order_with_cost(symbol, "sell", cost, params)

    async def create_post_only_order(
        self, symbol: str, type: str, side: str, amount: Number, price: Number | None = None, params: Params = None
    ) -> dict[str, Any]:
        """Place a limit order that only rests."""
        return await self.create_order(symbol, type, side, amount, price, {**(params or {}), "postOnly": True})

    # Parts.

    async def _open(self) -> None:
        if not self._is_open:
            self._is_open = True
            await self._client.__aenter__()

    async def _placed(self, signal: Signal) -> Order:
        """Submit a signal.

        Raises:
            Unreachable: the outcome is not known.

        """
        await self._open()
        order = await self._client.submit(signal, wait_s=self._timeout_s)
        if not order.outcome_known or order.unknown:
            raise Unreachable(f"does not know yet what became of order {order.id} ({order.state})")
        return order

    async def _why_not(self, order: Order) -> Exception:
        """Return the exception for an order that was not placed."""
        try:
            attempts = (await self._client.explain(order.id)).attempts
        except (Refused, Unreachable):
            attempts = []
        code = attempts[-1].get("code") if attempts else None
        return of_code(code, order.reason or order.state, expired=order.state == "expired")

    async def _found(self, id: str | None, symbol: str | None, params: Params) -> Order:
        """Read an order by id, or the newest one with a key among this owner's."""
        key = (params or {}).get("clientOrderId")
        _none_of({name: value for name, value in (params or {}).items() if name != "clientOrderId"}, "this call")
        wanted = None if symbol is None else market_id(symbol)
        try:
            await self._open()
            if key is None and id is not None:
                order = await self._client.order(id)
                if wanted in {None, order.symbol}:
                    return order
            elif key is not None:
                async for order in self._client.orders(symbol=wanted, owner_id=self._owner_id):
                    if order.idempotency_key == key:
                        return order
            else:
                raise ArgumentsRequired("sniperd requires an id or a clientOrderId")
        except Refused as refused:
            raise of_refusal(refused) from refused
        except Unreachable as error:
            raise RequestTimeout(f"sniperd {error}") from error
        raise OrderNotFound(f"sniperd has no order {key or id} of {symbol or self._owner_id}")

    def _shown(self, order: Order) -> dict[str, Any]:
        """Return ccxt's structure. The script knows what became of the order, so the next equal call is a new one."""
        for asked, keys in list(self._unknown.items()):
            left = [each for each in keys if each[0] != order.idempotency_key]
            self._unknown[asked] = left
            if not left:
                del self._unknown[asked]
        return self._structure(order)

    def _structure(self, order: Order) -> dict[str, Any]:
        return order_structure(order, self._symbol(order))

    def _symbol(self, order: Order) -> str:
        return self._symbols.get(order.symbol) or unified(order.symbol)

    def _remembered(self, asked: Signal) -> str | None:
        """Take the key of an equal call whose outcome is unknown."""
        keys = [each for each in self._unknown.pop(asked, []) if each[1] > anyio.current_time()]
        if len(keys) > 1:
            self._unknown[asked] = keys[1:]
        return keys[0][0] if keys else None


def _camel(name: str) -> str:
    """Return ccxt's other name of a method: ``createOrder`` for ``create_order``."""
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)


for _name, _method in list(vars(mexc).items()):
    if not _name.startswith("_") and callable(_method):
        setattr(mexc, _camel(_name), _method)


def _none_of(params: Params, call: str) -> None:
    """Refuse parameters that would be ignored."""
    if params:
        raise NotSupported(f"sniperd: {call} does not know the parameter {', '.join(sorted(params))}")


def _socket() -> Path:
    """Return the socket of the user's daemon, or else the machine's."""
    own = Path(os.environ.get("XDG_RUNTIME_DIR", "/nonexistent")) / "sniperd" / "signals.sock"
    return own if own.exists() else Path("/run/sniperd/signals.sock")
