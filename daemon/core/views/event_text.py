"""Events for people: one line of words each, for the log at a terminal and for ``sniperd tail``.

::

    ACCEPTED BUY BTCUSDT for 25 USDT, owner bot, order 01M81Y2MZRN8P5YEHEBN2DHAV6
    FILLED BUY BTCUSDT 0.000249 @ 95600.89 = 23.80 USDT (8 ms)

Events about trades have words of their own; every other one gets its meaning in the catalogue and its keys. A text from
outside is shown as one printable line.
"""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from daemon.core.values.events import CATALOGUE, DAEMON, Event, Level, level_of
from daemon.core.values.orders import Side
from daemon.core.values.quote_assets import quote_asset
from daemon.core.values.resources import TRADE
from daemon.core.values.states import State
from daemon.core.values.texts import one_line
from daemon.core.views.wording import duration, fill, request

At = Callable[[int], str]
"""Writes an instant, in Unix ms, as a time of day."""

MAX_TEXT = 500
"""Characters of one value that are shown. A traceback is shown whole: in text it is nowhere else."""

_FOR_DEBUG = frozenset({"order.sent", "order.key_freed"})
"""Events of level info that repeat what another line says."""

_QUIET = frozenset({"lock.acquired", "lock.released", "lock.abandoned", "store.cleaned"})
"""Events of level info that are shown faintly."""

_MAIN = ("reason", "error", "message", "summary", "doubts")
"""Keys whose value says what happened, the first that an event has."""

_INSTANTS = 10**11
"""From this on a number of milliseconds is an instant, after 1973; below, a duration of at most three years."""

_MAX_AMOUNT = Decimal(10) ** 60
"""Larger amounts are no amounts."""


class EventText(NamedTuple):
    """An event in words. ``rest`` follows after a space, unless it begins with a colon or comma."""

    title: str
    rest: str
    is_quiet: bool = False
    is_good: bool = False


def shown_level(name: str, level: Level) -> Level:
    """Return from which level on an event is shown to people; ``level`` is the event's own."""
    return Level.DEBUG if name in _FOR_DEBUG else level


def event_text(event: Event, at: At) -> EventText:
    """Return an event in words, both parts printable. It never raises, whatever the event's values are."""
    write = _WORDS.get(event.name)
    if write is not None:
        found = write(event, at)
    elif event.name.startswith("order."):
        found = EventText(_title(event), f"{_subject(event)}{_explained(event, at)}")
    else:
        found = EventText(_title(event), f"{_named(event.resource)}{_explained(event, at)}")
    title, rest = one_line(found.title), one_line(f"{found.rest}{_who(event)}{_order(event)}")
    return found._replace(title=title, rest=rest, is_quiet=_is_quiet(event))


# --- events about trades


def _accepted(event: Event, at: At) -> EventText:
    detail = event.detail
    side, symbol = _pair(event)
    asked = request(
        side,
        symbol,
        order_type=_text(detail.get("type")),
        quantity=_optional(detail.get("quantity")),
        quote_quantity=_optional(detail.get("quote_quantity")),
        price=_optional(detail.get("price")),
        asset=quote_asset(symbol, _optional(detail.get("quote_asset"))),
    )
    instant, owner = detail.get("execute_at_ms"), _optional(detail.get("owner_id"))
    waits = "" if instant is None else f", at {_value('execute_at_ms', instant, at)}"
    return EventText("ACCEPTED", f"{asked}{waits}{'' if owner is None else f', owner {owner}'}")


def _placed(event: Event, at: At) -> EventText:
    took, number = event.detail.get("took_ms"), _optional(event.detail.get("exchange_order_id"))
    name = "" if number is None else f" as {number}"
    return EventText("PLACED", f"{_subject(event)}{name}{_in_brackets(took, at)}")


def _sent(event: Event, _at: At) -> EventText:
    return EventText("SENT", f"{_subject(event)}, attempt {_text(event.detail.get('attempt'))}")


def _armed(event: Event, at: At) -> EventText:
    return EventText("ARMED", f"{_subject(event)}, leaves at {_value('fire_ms', event.detail.get('fire_ms'), at)}")


def _replayed(event: Event, _at: At) -> EventText:
    return EventText("REPEATED", f"{_subject(event)}: the signal came again, and is the same order")


def _seen(event: Event, at: At) -> EventText:
    title, what = _found(event)
    after = _in_brackets(event.detail.get("after_ms"), at) if _amount(event.detail.get("executed_quantity")) else ""
    return EventText(title, f"{what}{after}", is_good=event.state in {State.FILLED, State.PARTIALLY_FILLED})


def _seen_late(event: Event, _at: At) -> EventText:
    title, what = _found(event)
    was = _text(event.detail.get("was")).replace("_", " ")
    return EventText("SEEN LATE", f": {title} {what}; it counted as {was}: compare with the exchange at once")


def _found(event: Event) -> tuple[str, str]:
    """Return what a query found: the state, and the order with its fills."""
    subject = _subject(event)
    quantity = _amount(event.detail.get("executed_quantity"))
    filled = ""
    if quantity:
        _, symbol = _pair(event)
        asset = quote_asset(symbol, _optional(event.detail.get("quote_asset")))
        filled = fill(quantity, _amount(event.detail.get("executed_quote")), asset)
    match event.state:
        case State.FILLED:
            return "FILLED", f"{subject} {filled}" if filled else subject
        case State.PARTIALLY_FILLED:
            return "PARTLY FILLED", f"{subject} {filled}" if filled else subject
        case State.CANCELED | State.PARTIALLY_CANCELED:
            return "CANCELED", f"{subject} after {filled}" if filled else f"{subject}, nothing was filled"
        case State.OPEN:
            return "OPEN", f"{subject}, it rests on the exchange"
        case _:
            return "SEEN", subject


def _halted(event: Event, _at: At) -> EventText:
    return EventText("HALTED", f": nothing new is sent{_because(event)}")


def _resumed(event: Event, _at: At) -> EventText:
    return EventText("RESUMED", f": orders are sent again{_because(event)}")


# --- other events with words of their own


def _lease(event: Event, at: At) -> EventText:
    until = _value("expires_ms", event.detail.get("expires_ms"), at)
    return EventText("lock", f"{_text(event.resource)} granted to {_text(event.detail.get('owner_id'))} until {until}")


def _released(event: Event, _at: At) -> EventText:
    how = ", which failed" if event.detail.get("failed") else ""
    return EventText("lock", f"{_text(event.resource)} released by its owner{how}")


def _firing(event: Event, _at: At) -> EventText:
    named = (_optional(event.detail.get(key)) for key in ("summary", "todo", "orders"))
    return EventText("ALERT", f"{_alert(event)}: {'; '.join(each for each in named if each)}")


def _resolved(event: Event, _at: At) -> EventText:
    return EventText("ALERT OVER", f"{_alert(event)}: {_text(event.detail.get('summary'))}")


def _alert(event: Event) -> str:
    return f"{_text(event.detail.get('alert'))} ({_text(event.detail.get('severity'))})"


def _turned_away(event: Event, at: At) -> EventText:
    until = _value("next_ms", event.detail.get("next_ms"), at)
    return EventText(
        _title(event), f": the exchange refused an order at its edge, nothing is sent until {until}{_because(event)}"
    )


_WORDS: Mapping[str, Callable[[Event, At], EventText]] = {
    "order.accepted": _accepted,
    "order.replayed": _replayed,
    "order.armed": _armed,
    "order.sent": _sent,
    "order.placed": _placed,
    "order.seen": _seen,
    "order.seen_late": _seen_late,
    "trading.halted": _halted,
    "trading.resumed": _resumed,
    "lock.acquired": _lease,
    "lock.released": _released,
    "alert.firing": _firing,
    "alert.resolved": _resolved,
    "exchange.turned_away": _turned_away,
}


# --- parts


def _title(event: Event) -> str:
    """Return an event's name in words; capitals for an order, and the level for what is wrong elsewhere."""
    kind, _, what = event.name.partition(".")
    if kind == "order":
        return what.replace("_", " ").upper()
    name = event.name.replace(".", " ").replace("_", " ")
    level = level_of(event.name)
    return f"{level.name} {name}" if level >= Level.WARNING else name


def _is_quiet(event: Event) -> bool:
    return event.name in _QUIET or shown_level(event.name, level_of(event.name)) is Level.DEBUG


def _explained(event: Event, at: At) -> str:
    """Return what an event says: its main text, or else its meaning; and its other keys."""
    kind = CATALOGUE.get(event.name)
    main = next((key for key in _MAIN if event.detail.get(key) not in {None, ""}), None)
    parts = [] if kind is None or (main is not None and event.name.startswith("order.")) else [kind.meaning]
    if main is not None:
        parts.append(_value(main, event.detail[main], at))
    others = ", ".join(_keys(event, at, without=main))
    said = "".join(f": {part}" for part in parts)
    return f"{said} ({others})" if others else said


def _keys(event: Event, at: At, *, without: str | None) -> Iterator[str]:
    for key, value in event.detail.items():
        if key != without and value is not None and value != "":
            name = key.removesuffix("_ms").replace("_", " ")
            yield f"{name} {_value(key, value, at)}"


def _value(key: str, value: object, at: At) -> str:
    """Return a value in words; one in milliseconds is a duration or an instant."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if key.endswith("_ms") and isinstance(value, int):
        return at(value) if abs(value) >= _INSTANTS else duration(value)
    text = _text(value)
    return text if key == "traceback" or len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"


def _subject(event: Event) -> str:
    """Return the trade of an order: ``BUY BTCUSDT``; the pair alone if its resource names no side."""
    return " ".join(part for part in _pair(event) if part)


def _pair(event: Event) -> tuple[str, str]:
    """Return side and pair of an order's event: its own, or those in the name of its resource."""
    kind, _, rest = (event.resource or "").partition(":")
    symbol, _, more = rest.partition(":") if kind == TRADE else ("", "", "")
    side = more.partition(":")[0]
    side = side if side in {Side.BUY, Side.SELL} else ""
    return _optional(event.detail.get("side")) or side, _optional(event.detail.get("symbol")) or symbol


def _because(event: Event) -> str:
    reason = _value("reason", event.detail.get("reason"), str)
    return f": {reason}" if reason else ""


def _in_brackets(ms: object, at: At) -> str:
    return "" if ms is None else f" ({_value('took_ms', ms, at)})"


def _named(resource: str | None) -> str:
    return "" if resource is None else resource


def _who(event: Event) -> str:
    """Name who caused an event, where it is not the daemon, nor the bot that trades."""
    is_usual = event.actor == DAEMON or event.name in {"order.accepted", "order.replayed", *_QUIET}
    return "" if is_usual else f", by {event.actor}"


def _order(event: Event) -> str:
    """Name the order where the operator may want to look it up: at its acceptance, and where something is wrong."""
    if event.order_id is None or not (event.name == "order.accepted" or level_of(event.name) >= Level.WARNING):
        return ""
    return f", order {event.order_id}"


def _amount(value: object) -> Decimal | None:
    """Read an amount; ``None`` if it is none."""
    try:
        found = Decimal(_text(value))
    except InvalidOperation:
        return None
    return found if found.is_finite() and abs(found) < _MAX_AMOUNT else None


def _optional(value: object) -> str | None:
    return None if value is None else str(value)


def _text(value: object) -> str:
    return "" if value is None else str(value)
