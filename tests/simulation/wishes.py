"""What the bot wants in a simulated day: each wish is signalled several times, late and at once."""

from collections.abc import Iterator
from decimal import Decimal
from random import Random

import msgspec

from daemon.core.values.signals import SignalRequest

TRADES = 0.4
"""Share of wishes that are sent as a trade."""

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "DOGEUSDT")


class Wish(msgspec.Struct, frozen=True):
    """One order that the bot wants."""

    number: int
    request: SignalRequest
    at_s: float
    repeats: tuple[float, ...]  # seconds after the first signal at which it is repeated
    gives_up_s: float  # for how long an unacknowledged signal is sent again
    trades: bool  # the bot waits for the outcome, and gets the trade route's answer


def wishes(dice: Random, count: int, day_s: float, epoch_ms: int) -> Iterator[Wish]:
    """Draw a day's wishes."""
    for number in range(count):
        at_s = dice.uniform(0, day_s)
        repeats = tuple(
            dice.choice((0.0, 0.0, dice.uniform(0, 2), dice.uniform(0, 30))) for _ in range(dice.randrange(4))
        )
        yield Wish(
            number, _request(dice, number, at_s, epoch_ms), at_s, repeats, dice.uniform(0, 20), dice.random() < TRADES
        )


def batches(dice: Random, day: list[Wish], count: int) -> Iterator[list[Wish]]:
    """Draw groups of consecutive wishes that are sent in one batch, besides the signals that are sent alone."""
    by_time = sorted(day, key=lambda wish: wish.at_s)
    for _ in range(count):
        first = dice.randrange(len(by_time))
        yield by_time[first : first + dice.choice((2, 3, 5))]


def _request(dice: Random, number: int, at_s: float, epoch_ms: int) -> SignalRequest:
    symbol = dice.choice(SYMBOLS)
    keyed = dice.random() < 0.7  # the others' keys are derived
    side = dice.choice(("BUY", "BUY", "sell"))
    kind = dice.choice(("MARKET", "MARKET", "MARKET", "LIMIT", "IOC", "FOK"))
    common = SignalRequest(
        symbol=dice.choice((symbol, symbol.lower())),
        side=side,
        type=kind,
        owner_id=dice.choice(("u1", "u2")),
        snipe_target_id=dice.choice((f"T{number}", f"T{number // 3}", "shared")) if keyed else f"alone-{number}",
        idempotency_key=f"wish-{number}" if keyed else None,
        deadline_ms=dice.choice((None, None, 200, 30_000)),
        timeout_ms=dice.choice((None, 500)),
        execute_at=dice.choice((None, None, None, epoch_ms + int((at_s + dice.uniform(0, 8)) * 1_000))),
    )
    if kind == "MARKET" and side == "BUY":
        return msgspec.structs.replace(common, quote_order_qty=Decimal(dice.randrange(5, 50)))
    quantity = {"BTCUSDT": "0.001", "ETHUSDT": "0.02", "SOLUSDT": "0.5", "XRPUSDT": "30", "DOGEUSDT": "200"}[symbol]
    if kind == "MARKET":
        return msgspec.structs.replace(common, quantity=Decimal(quantity))
    return msgspec.structs.replace(common, quantity=Decimal(quantity), price=_price(dice, symbol))


def _price(dice: Random, symbol: str) -> Decimal:
    """Draw a price near the market: some orders rest, some fill in part, some are refused."""
    middle = {"BTCUSDT": 95_000, "ETHUSDT": 3_300, "SOLUSDT": 180, "XRPUSDT": 2.4, "DOGEUSDT": 0.35}[symbol]
    return Decimal(str(round(middle * dice.uniform(0.97, 1.03), 4)))
