"""What happens in a day, drawn from a seed: what the bot sends, which faults occur, who is killed when."""

from decimal import ROUND_UP, Decimal
from itertools import takewhile
from random import Random
from typing import Any, Literal

import msgspec

from daemon.simulator.symbols import Symbol, default_symbols

VALUE = Decimal(12)
"""Value of the smallest order of a pair, in USDT."""

TRADES = 0.3
"""Share of wishes that are sent as a trade."""

STARTING = ("daemon.starting", "daemon.recovered", "daemon.reconciling", "daemon.ready")
WORKING = ("order.sent", "order.placed", "order.seen", "order.looked", "order.in_doubt", "order.deferred")

FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "reply_lost", "probability": 0.06},
    {"kind": "error_after", "probability": 0.05},
    {"kind": "error_before", "probability": 0.03},
    {"kind": "request_lost", "probability": 0.03},
    {"kind": "junk_body", "probability": 0.03},
    {"kind": "no_order_id", "probability": 0.02},
    {"kind": "forbidden_after", "probability": 0.02},
    {"kind": "invisible", "probability": 0.25, "delay_ms": 2_500},
    {"kind": "slow_before", "probability": 0.04, "delay_ms": 1_500},
    {"kind": "slow_after", "probability": 0.05, "delay_ms": 1_500},
    {"kind": "refusal_with_order", "probability": 0.02, "status": 400, "code": 30001},
    {"kind": "client_id_hidden", "probability": 0.05},
    {"kind": "filled_early", "probability": 0.3, "delay_ms": 1_500},
    {"kind": "odd_row", "probability": 0.3},
    {"kind": "rows_twice", "probability": 0.3},
    {"kind": "rate_limited", "probability": 0.01},
    {"kind": "refused", "probability": 0.05},
    {"kind": "refused", "probability": 0.02, "code": 30002},  # becomes a dead letter
    {"kind": "error_before", "endpoint": "GET /api/v3/order", "probability": 0.1},
    {"kind": "reply_lost", "endpoint": "GET /api/v3/order", "probability": 0.05},
    {"kind": "rate_limited", "endpoint": "GET /api/v3/order", "probability": 0.001},
)


class Wish(msgspec.Struct, frozen=True):
    """One order that the bot wants. Its quantity is unique for its symbol, so that it can be found in the book."""

    number: int
    signal: dict[str, Any]
    execute_in_ms: int | None = None
    trades: bool = False  # it goes through the bot's own trade route, which waits for the outcome

    @property
    def symbol(self) -> str:
        """The trading pair."""
        return str(self.signal["symbol"])

    @property
    def quantity(self) -> Decimal:
        """The quantity."""
        return Decimal(self.signal["quantity"])


class Delivery(msgspec.Struct, frozen=True):
    """Signals that the bot sends in one request; more than one are a batch."""

    wishes: tuple[Wish, ...]
    wait_s: float | None = None  # how long the bot waits for the outcome
    insists: bool = True  # it is sent again until it is answered

    @property
    def trades(self) -> bool:
        """Return whether it goes through the bot's own trade route."""
        return self.wishes[0].trades


class Deed(msgspec.Struct, frozen=True):
    """Something done to the processes after a number of answers, and then, if an event is named, at the next one."""

    what: Literal["kill", "outage", "halt", "halt and kill"]
    answers: int
    event: str | None = None

    @property
    def kills(self) -> int:
        """The number of kills: for an event of its start, the daemon must be started first."""
        return 0 if self.what in {"outage", "halt"} else 2 if self.event in STARTING else 1


class Plan(msgspec.Struct, frozen=True):
    """A day."""

    wishes: list[Wish]
    deliveries: list[Delivery]
    deeds: list[Deed]

    @property
    def sure(self) -> set[int]:
        """The wishes that are sent until they are answered."""
        return {wish.number for delivery in self.deliveries if delivery.insists for wish in delivery.wishes}


def plan(seed: int, *, signals: int, symbols: int, kills: int) -> Plan:
    """Draw a day."""
    dice = Random(seed)  # noqa: S311  # a simulation
    pairs = dice.sample(list(default_symbols().values()), symbols)
    wishes = [_wish(dice, number, pairs[number % symbols], 1 + number // symbols) for number in range(signals)]
    deliveries = _deliveries(dice, wishes)
    return Plan(wishes, deliveries, _deeds(dice, len(deliveries), kills))


def _wish(dice: Random, number: int, pair: Symbol, place: int) -> Wish:
    """Draw a wish with its number among those of its symbol."""
    step = Decimal(1).scaleb(-pair.quantity_decimals)
    kind = dice.choice(("MARKET", "MARKET", "MARKET", "LIMIT", "LIMIT", "IOC", "FOK"))
    signal: dict[str, Any] = {
        "symbol": pair.symbol,
        "side": dice.choice(("BUY", "BUY", "SELL")),
        "type": kind,
        "quantity": str((VALUE / pair.price).quantize(step, ROUND_UP) + place * step),
        "ownerId": dice.choice(("u1", "u2")),
        "snipeTargetId": dice.choice((f"T{number}", "shared")),
    }
    if kind != "MARKET":  # near the market: some rest, some are filled, some in part
        price = pair.price * Decimal(str(dice.uniform(0.97, 1.03)))
        signal["price"] = str(price.quantize(Decimal(1).scaleb(-pair.price_decimals)))
    if dice.random() < 0.8:
        signal["idempotencyKey"] = f"wish-{number}"
    if dice.random() < TRADES:
        return Wish(number, signal, trades=True)
    if deadline_ms := dice.choice((None, None, None, 300, 30_000)):
        signal["deadlineMs"] = deadline_ms
    if timeout_ms := dice.choice((None, None, 500)):
        signal["timeoutMs"] = timeout_ms
    return Wish(number, signal, dice.choice((None, None, None, None, dice.randrange(100, 2_000))))


def _deliveries(dice: Random, wishes: list[Wish]) -> list[Delivery]:
    """Draw in which requests, how often and in which order the wishes are sent."""
    placed: list[tuple[float, int, Delivery]] = []
    first = 0
    while first < len(wishes):
        count = dice.choice((1, 1, 1, 1, 1, 2, 5))
        group = _together(wishes[first : first + count])
        first += len(group)
        copies = [Delivery(group, insists=dice.random() < 0.95)]
        copies += [Delivery((dice.choice(group),)) for _ in range(dice.choice((0, 0, 1, 1, 2, 4)))]
        for number, copy in enumerate(copies):
            later = 0 if number == 0 else dice.choice((0, 0, 2, dice.uniform(0, len(wishes) / 2)))
            choices = (0.2, 0.5, 1.0) if copy.trades else (None, None, None, 0.2, 1.0)
            waits = dice.choice(choices) if len(copy.wishes) == 1 else None
            placed.append((first + later, len(placed), msgspec.structs.replace(copy, wait_s=waits)))
    return [delivery for _, _, delivery in sorted(placed, key=lambda each: each[:2])]


def _together(wishes: list[Wish]) -> tuple[Wish, ...]:
    """Return the first of these wishes that may be sent in one request; a trade is sent alone."""
    return tuple(takewhile(lambda wish: not wish.trades, wishes)) or (wishes[0],)


def _deeds(dice: Random, deliveries: int, kills: int) -> list[Deed]:
    """Draw the kills, spread over the day, and two outages of the exchange and a few halts between them."""
    deeds = [Deed("outage", int(deliveries * dice.uniform(0.2, 0.9))) for _ in range(min(2, kills // 2))]
    for _ in range(dice.randint(1, 2)):
        answers = int(deliveries * dice.uniform(0.1, 0.9))
        deeds.append(Deed("halt and kill" if kills > 2 and dice.random() < 0.5 else "halt", answers))
    left = kills - sum(deed.kills for deed in deeds)
    while left:
        answers = int(deliveries * (kills - left + dice.random()) / (kills + 1))
        event = dice.choice((None, None, dice.choice(WORKING), dice.choice(WORKING), dice.choice(STARTING)))
        if event in STARTING and left == 1:
            event = None
        deeds.append(Deed("kill", answers, event))
        left -= deeds[-1].kills
    return sorted(deeds, key=lambda deed: deed.answers)
