"""What the bot wants in a simulated day: each wish is signalled several times, late and at once."""

from collections.abc import Iterator
from decimal import Decimal
from random import Random

import msgspec

from daemon.core.values.fields import Amount
from daemon.core.values.signals import SignalRequest

TRADES = 0.4
"""Share of wishes that are sent as a trade."""

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "DOGEUSDT")
QUANTITIES = {"BTCUSDT": "0.001", "ETHUSDT": "0.02", "SOLUSDT": "0.5", "XRPUSDT": "30", "DOGEUSDT": "200"}


class Wish(msgspec.Struct, frozen=True):
    """One order that the bot wants."""

    number: int
    request: SignalRequest
    at_s: float
    repeats: tuple[float, ...]  # seconds after the first signal at which it is repeated
    gives_up_s: float  # for how long an unacknowledged signal is sent again
    trades: bool  # the bot waits for the outcome, and gets the trade route's answer
    disturbed: float = 0.6  # how probable it is that the operator does something to it at its instant


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


def launches(dice: Random, first: int, count: int, day_s: float, epoch_ms: int) -> Iterator[Wish]:
    """Draw wishes for one pair and instant, more than the rate has room for in a second, some times in a day."""
    number = first
    for _ in range(count):
        symbol, at_s = dice.choice(SYMBOLS), dice.uniform(0, day_s - 10)
        execute_at = epoch_ms + int((at_s + dice.uniform(1, 6)) * 1_000)
        for _ in range(dice.choice((6, 9, 14))):
            request = msgspec.structs.replace(
                _limit(symbol, _price(dice, symbol)),
                snipe_target_id=f"L{number}",
                allow_repeat=True,
                execute_at=execute_at,
                deadline_ms=dice.choice((None, 200, 30_000)),
            )
            repeats = (0.0, dice.uniform(0, 2)) if dice.random() < 0.2 else ()
            yield Wish(number, request, at_s + dice.uniform(0, 0.8), repeats, 5.0, trades=False, disturbed=0.15)
            number += 1


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
    quantity = QUANTITIES[symbol]
    if kind == "MARKET":
        return msgspec.structs.replace(common, quantity=Decimal(quantity))
    return msgspec.structs.replace(common, quantity=Decimal(quantity), price=_price(dice, symbol))


def _limit(symbol: str, price: Decimal) -> SignalRequest:
    quantity = Amount(QUANTITIES[symbol])
    return SignalRequest(symbol=symbol, side="BUY", type="LIMIT", quantity=quantity, price=Amount(price), owner_id="u1")


def _price(dice: Random, symbol: str) -> Decimal:
    """Draw a price near the market: some orders rest, some fill in part, some are refused."""
    middle = {"BTCUSDT": 95_000, "ETHUSDT": 3_300, "SOLUSDT": 180, "XRPUSDT": 2.4, "DOGEUSDT": 0.35}[symbol]
    return Decimal(str(round(middle * dice.uniform(0.97, 1.03), 4)))
