"""Targets: validates rows of the bot's ``snipe_targets`` and turns them into signals.

A row is read twice. :func:`read` reads what identifies it: its id, owner and status, and whether the bot shows it as
traded. :func:`candidate_of` turns it into a signal, or returns why it cannot. No field is trusted: a name may be in
camelCase or snake_case, a number may be a text, an instant may be in seconds, in milliseconds or in ISO 8601, and
ambiguous values are refused.

A target is bought at most once. Its key is ``target:{id}``, a pure function of its id. While targets are polled, a BUY
that another caller sends for the same target gets the same key (:func:`daemon.core.rules.idempotency.key_of`).
"""

import re
from collections.abc import Callable, Sequence
from decimal import ROUND_DOWN, Context, Decimal
from typing import Any

import msgspec

from daemon.config.tables import Config, PollerTable
from daemon.core.rules.idempotency import target_key
from daemon.core.values.decimals import floor_to
from daemon.core.values.fields import Amount, amount_of
from daemon.core.values.instants import instant_ms
from daemon.core.values.orders import Order, Side
from daemon.core.values.signals import MAX_AMOUNT, SignalRequest
from daemon.core.values.states import KEY_FREE

QUOTE = "USDT"
"""The unit of a target's position size, and so the quote asset of its pair."""

MARKET, LIMIT = "market", "limit"
STRATEGIES = {"": MARKET, "market": MARKET, "normal": MARKET, "limit": LIMIT}
"""The bot's entry strategies; a target without one, or with its form's "normal", is bought at the market."""

READY = "ready"
SIZE_DECIMALS = 18
"""Decimals of a quantity that is calculated by a division."""

LEAST = Decimal(1).scaleb(-SIZE_DECIMALS)
MOST_URGENT, LEAST_URGENT, LAST_RANK = 1, 5, 10

_EXACT = Context(prec=100, rounding=ROUND_DOWN)
_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
_CONTRACT = re.compile(r"0x[0-9a-fA-F]{40,64}|[1-9A-HJ-NP-Za-km-z]{32,44}")
_NAME = re.compile(r"\w{1,36}")
_DONE = {"success", "partial", "placed", "unknown", "filled", "executed"}

_row = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Row(msgspec.Struct, frozen=True):
    """A row with a readable id, owner and status."""

    target_id: str
    owner_id: str
    status: str
    executed: bool  # the bot shows it as traded
    shown_error: str  # the error message that it shows
    fields: dict[str, Any]


class Reason(msgspec.Struct, frozen=True):
    """Why a target is not traded; ``why`` is for the operator."""

    target_id: str
    why: str
    status: str = "failed"  # reported to the bot
    execution_status: str = "failed"


class Candidate(msgspec.Struct, frozen=True):
    """A target that is to be traded. ``instants`` are Unix ms at which it was created or is to be sent."""

    row: Row
    request: SignalRequest
    instants: tuple[int, ...]


class Bought(msgspec.Struct, frozen=True):
    """An earlier BUY, as an order or as another target, of which a target may be a duplicate."""

    symbol: str
    owner_id: str
    target_id: str | None
    at_ms: int
    name: str  # for messages


class _Wrong(Exception):
    """A field cannot be used."""


def read(raw: bytes, config: Config) -> Row | None:
    """Read what identifies a row; ``None`` if its id, owner or status cannot be read, so that it cannot be reported."""
    try:
        fields = _row.decode(raw)
        target_id = _text(_field(fields, "id"))
        owner_id = _text(_field(fields, "user_id")) or config.poller.user_id
        status = _text(_field(fields, "status")).lower()
        shown_error = _field(fields, "error_message")
        executed = _is_executed(fields)
    except (*UNREADABLE, _Wrong):
        return None
    if not _ID.fullmatch(target_id):
        return None
    return Row(target_id, owner_id, status, executed, shown_error if isinstance(shown_error, str) else "", fields)


def candidate_of(row: Row, config: Config, pair_of: Callable[[str], str | None], now_ms: int) -> Candidate | Reason:
    """Turn a row into a signal, or return why it cannot be traded.

    Args:
        row: the row.
        config: the rules for targets.
        pair_of: returns the pair that the exchange lists for a contract address.
        now_ms: Unix milliseconds.

    """
    try:
        _check_confidence(row.fields, config.poller)
        execute_at_ms = _instant(row.fields)
        request = _request(row, config, _symbol(row.fields, pair_of), execute_at_ms)
        made_ms = instant_ms(_field(row.fields, "created_at"))
    except _Wrong as wrong:
        return Reason(row.target_id, str(wrong))
    instants = (execute_at_ms,) if execute_at_ms is not None else (now_ms, now_ms if made_ms is None else made_ms)
    return Candidate(row, request, instants)


def drop_duplicates(
    candidates: Sequence[Candidate], taken: Sequence[Bought], under_way: Sequence[Candidate], config: Config
) -> tuple[list[Candidate], list[Reason]]:
    """Select one of several targets of a coin and owner that are close in time: the one with the lowest id.

    The others are refused as duplicates only once there is an order. Until then they wait for the next poll, because
    the first may turn out not to be tradable.

    Args:
        candidates: targets that are to be traded.
        taken: earlier orders.
        under_way: candidates that are being submitted.
        config: the rules for targets.

    Returns:
        Candidates to submit, and refusals.

    """
    first, duplicates = [], []
    ahead = [each for candidate in under_way for each in _wanted(candidate)]
    for candidate in sorted(candidates, key=lambda candidate: _age(candidate.row.target_id)):
        duplicate = _find_duplicate(candidate, taken, config.poller.duplicate_window_ms)
        if duplicate is not None:
            why = f"a duplicate of {duplicate.name}: the same coin for the same user; not traded"
            duplicates.append(Reason(candidate.row.target_id, why, status="cancelled", execution_status="duplicate"))
        elif _find_duplicate(candidate, ahead, config.poller.duplicate_window_ms) is None:
            first.append(candidate)
            ahead += _wanted(candidate)
    return first, duplicates


def bought(order: Order) -> Bought | None:
    """Return an order for the search for duplicates; ``None`` if it bought nothing and never will."""
    if order.side is not Side.BUY or order.state in KEY_FREE or order.ended_empty:
        return None
    at_ms = order.accepted_ms if order.execute_at_ms is None else order.execute_at_ms
    name = (
        f"order {order.order_id}" if order.target_id is None else f"target {order.target_id} (order {order.order_id})"
    )
    return Bought(order.symbol, order.owner_id, order.target_id, at_ms, name)


def _wanted(candidate: Candidate) -> list[Bought]:
    """Return a candidate for the search for duplicates, once per instant."""
    row = candidate.row
    name = f"target {row.target_id}"
    return [Bought(candidate.request.symbol, row.owner_id, row.target_id, at_ms, name) for at_ms in candidate.instants]


def _find_duplicate(candidate: Candidate, others: Sequence[Bought], window_ms: int) -> Bought | None:
    return next((other for other in others if _is_duplicate(candidate, other, window_ms)), None)


def _is_duplicate(candidate: Candidate, other: Bought, window_ms: int) -> bool:
    return (
        (candidate.request.symbol, candidate.row.owner_id) == (other.symbol, other.owner_id)
        and candidate.row.target_id != other.target_id
        and any(abs(at_ms - other.at_ms) <= window_ms for at_ms in candidate.instants)
    )


def _age(target_id: str) -> tuple[bool, int, str]:
    """Return the sort key of an id: numbers in numeric order, then all others."""
    is_number = target_id.isdigit()
    return not is_number, int(target_id) if is_number else 0, target_id


def _request(row: Row, config: Config, symbol: str, execute_at_ms: int | None) -> SignalRequest:
    size = _amount(row.fields, "position_size_usdt")
    quantity = price = None
    if _strategy(row.fields) == LIMIT:
        price = _amount(row.fields, "entry_price")
        quantity = floor_to(_EXACT.divide(size, price), SIZE_DECIMALS)
        if not quantity:
            raise _Wrong(f"position_size_usdt {size} buys nothing at entry_price {price}")
    max_price = _cap(row.fields, config.poller) if price is None else None
    slippage = config.poller.slippage if price is None and max_price is None else None
    return SignalRequest(
        symbol=symbol,
        side=Side.BUY.value,
        type="MARKET" if price is None else "LIMIT",
        quantity=None if quantity is None else Amount(quantity),
        quote_order_qty=Amount(size) if price is None else None,
        price=None if price is None else Amount(price),
        max_price=None if max_price is None else Amount(max_price),
        slippage_percent=Amount(slippage) if slippage else None,
        owner_id=row.owner_id,
        snipe_target_id=row.target_id,
        idempotency_key=target_key(row.target_id),
        priority=_priority(row.fields, config.queue.buy_priority),
        execute_at=execute_at_ms,
    )


def _cap(fields: dict[str, Any], table: PollerTable) -> Decimal | None:
    has_cap = table.cap_at_entry_price and _field(fields, "entry_price") is not None
    return _amount(fields, "entry_price") if has_cap else None


def _strategy(fields: dict[str, Any]) -> str:
    name = _text(_field(fields, "entry_strategy")).lower()
    if name not in STRATEGIES:
        raise _Wrong(f"entry_strategy {name[:40]!r} is unknown; allowed: market or limit")
    return STRATEGIES[name]


def _symbol(fields: dict[str, Any], pair_of: Callable[[str], str | None]) -> str:
    """Return the pair: ``FOO`` and ``FOOUSDT`` give ``FOOUSDT``; for an address, the pair that the exchange lists."""
    name = _text(_field(fields, "symbol_name"))
    if _CONTRACT.fullmatch(name):
        pair = pair_of(name)
        if pair is None:
            raise _Wrong(f"symbol_name {name} is a contract address, and the exchange lists no {QUOTE} pair for it")
        return pair
    coin = name.upper().removesuffix(QUOTE)
    if not _NAME.fullmatch(coin):
        raise _Wrong(f"symbol_name {name[:60]!r} is not a coin, pair or contract address; allowed: FOO or FOO{QUOTE}")
    return coin + QUOTE


def _priority(fields: dict[str, Any], buy_priority: int) -> int | None:
    """Map the bot's 1 … 5 to a priority: its 1 is as urgent as any BUY, and none precedes a SELL."""
    value = _field(fields, "priority")
    if value is None:
        return None
    number = _number("priority", value)
    if number != int(number) or not MOST_URGENT <= number <= LEAST_URGENT:
        raise _Wrong(f"priority {number} is out of range; allowed: {MOST_URGENT} to {LEAST_URGENT}")
    return min(LAST_RANK, buy_priority + int(number) - MOST_URGENT)


def _check_confidence(fields: dict[str, Any], table: PollerTable) -> None:
    """Compare the score with the configured minimum. Up to 1 it is a share, above 1 a percentage."""
    if not table.least_confidence:
        return
    value = _field(fields, "confidence_score")
    if value is None:
        raise _Wrong("confidence_score is missing, and [poller] min_confidence requires one")
    number = _number("confidence_score", value)
    if number > 100:  # noqa: PLR2004  # per cent
        raise _Wrong(f"confidence_score {number} is out of range; allowed: 0 to 1, or 0 to 100")
    share = number if number <= 1 else number / 100
    if share < table.least_confidence:
        raise _Wrong(f"confidence_score {number} is below [poller] min_confidence = {table.least_confidence}")


def _instant(fields: dict[str, Any]) -> int | None:
    value = _field(fields, "target_execution_time")
    if value is None or value == "":
        return None
    at_ms = instant_ms(value)
    if at_ms is None:
        raise _Wrong(
            f"target_execution_time {str(value)[:40]!r} is not an instant; allowed: ISO 8601 with Z or an offset, or "
            "Unix time in seconds or milliseconds"
        )
    return at_ms


def _is_executed(fields: dict[str, Any]) -> bool:
    """Whether the bot shows the row as traded. Some versions leave such a row ``ready`` for their exit manager."""
    if any(_field(fields, name) for name in ("actual_execution_time", "execution_price", "actual_position_size")):
        return True
    return _field(fields, "execution_status") in _DONE


def _amount(fields: dict[str, Any], name: str) -> Decimal:
    value = _field(fields, name)
    if value is None:
        raise _Wrong(f"{name} is missing")
    number = _number(name, value)
    if not LEAST <= number <= MAX_AMOUNT:
        raise _Wrong(f"{name} {number} is out of range; allowed: above 0, at most 1e18")
    return number


def _number(name: str, value: object) -> Decimal:
    """Read a number exactly, from a number or a text."""
    shown = str(value)[:40]
    if isinstance(value, str):
        try:
            value = Decimal(amount_of(value))
        except ValueError:
            value = None
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_AMOUNT:
        return Decimal(value)
    if isinstance(value, Decimal) and value.is_finite() and 0 <= value <= MAX_AMOUNT:
        return value
    raise _Wrong(f"{name} {shown!r} is not a usable number")


def _text(value: object) -> str:
    """Return a text; the digits of a whole number; the empty text for ``None``."""
    if value is None:
        return ""
    if isinstance(value, str | int) and not isinstance(value, bool):
        return str(value).strip()
    raise _Wrong("a text is expected")


def _field(fields: dict[str, Any], name: str) -> Any:  # noqa: ANN401  # any JSON value
    """Return a field by its name in snake_case or camelCase."""
    head, *rest = name.split("_")
    camel = head + "".join(part.capitalize() for part in rest)
    values = [fields[each] for each in (name, camel) if fields.get(each) is not None]
    if len(values) > 1 and name != camel and values[0] != values[1]:
        raise _Wrong(f"{name} and {camel} contradict each other")
    return values[0] if values else None
