"""What happens in a schedule: the signals that bots want accepted, and the blows that members suffer."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from enum import StrEnum
from random import Random

import msgspec

from daemon.core.values.signals import SignalRequest
from daemon.fleet.entries import FORMAT

SIGNALS_S = (0.3, 3.5)
"""When signals are sent, in seconds after the begin."""

BLOWS_S = (0.5, 4.0)
"""When members suffer blows."""

HEALED_S = 4.5
"""From when on nothing is disturbed."""

OLDER, NEWER = FORMAT, FORMAT + 1
"""The format of entries that an older and a newer release write, and the newest that they read."""

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "DOGEUSDT")

QUANTITIES = ("0.001", "0.02", "0.5", "30", "200")


class Wanted(msgspec.Struct, frozen=True):
    """A signal, and when which members get it for the first time. It is sent again until it is acknowledged."""

    number: int
    request: SignalRequest
    at_s: float
    doors: tuple[tuple[int, float], ...]  # member, and how much later than at_s
    gives_up_s: float


class Kind(StrEnum):
    """What can happen to a member."""

    KILL = "kill"
    LOSE = "lose the machine"  # the next one begins without a database
    STOP = "stop"
    CUT_DATABASE = "cut from the database"
    CUT_EXCHANGE = "cut from the exchange"
    CUT_BOTH = "cut from both"
    SLOW_DATABASE = "slow database"
    LOST_ANSWERS = "answers of the database are lost"
    TAKE = "another member takes over by force"
    SEIZE = "stopped, and another member takes over by force"
    HAND_OVER = "it hands over"
    HALT = "trading is halted at a door"
    UPGRADE = "it is upgraded"


class Blow(msgspec.Struct, frozen=True):
    """Something that happens to a member."""

    kind: Kind
    at_s: float
    for_s: float
    member: int | None  # None: the owner at that moment
    steps: int | None  # it happens so many steps of the member's tasks later; None: at once
    is_hard: bool  # a cut connection is reset, not silent; a process is killed for its upgrade, and does not hand over


class Schedule(msgspec.Struct, frozen=True):
    """All of it."""

    wanted: tuple[Wanted, ...]
    blows: tuple[Blow, ...]
    offsets_ms: tuple[int, ...]  # of the members' clocks
    exchange_offset_ms: int
    farthest_s: float  # the longest way of a message to the exchange
    slowest_s: float  # the longest way of a message to the database
    older: tuple[int, ...] = ()  # members that begin as the older release; each is upgraded


def draw(dice: Random, members: int, epoch_ms: int) -> Schedule:
    """Draw a schedule."""
    exchange_offset_ms = dice.choice((0, -7_000, 600_000))
    begins_ms = epoch_ms + exchange_offset_ms
    wanted = tuple(_wanted(dice, members, begins_ms))
    blows = [*_blows(dice, members), *_blows_at_instants(dice, wanted, begins_ms)]
    older = tuple(sorted(dice.sample(range(members), dice.randrange(members + 1))))
    blows += [_upgrade(dice, member) for member in older]
    return Schedule(
        wanted=wanted,
        blows=tuple(sorted(map(_healed, blows), key=lambda blow: blow.at_s)),
        offsets_ms=tuple(dice.choice((0, dice.randrange(-2_000, 2_000), 40_000, -40_000)) for _ in range(members)),
        exchange_offset_ms=exchange_offset_ms,
        farthest_s=dice.choice((0.004, 0.03, 0.15)),
        slowest_s=dice.choice((0.0015, 0.004, 0.05)),
        older=older,
    )


def _wanted(dice: Random, members: int, exchange_epoch_ms: int) -> Iterator[Wanted]:
    """Draw signals, some of them together: a burst is what a successor finds waiting."""
    burst_s = dice.uniform(*SIGNALS_S)
    for number in range(dice.randrange(5, 11)):
        at_s = burst_s + dice.uniform(0, 0.05) if dice.random() < 0.5 else dice.uniform(*SIGNALS_S)
        first = dice.randrange(members)
        others = [member for member in range(members) if member != first]
        spread = dice.choice(((), others[:1], others))
        yield Wanted(
            number,
            _request(dice, number, at_s, exchange_epoch_ms),
            at_s,
            ((first, 0.0), *((member, dice.choice((0.0, dice.uniform(0, 1.5)))) for member in spread)),
            dice.uniform(1, 5),
        )


def _request(dice: Random, number: int, at_s: float, exchange_epoch_ms: int) -> SignalRequest:
    place = dice.randrange(len(SYMBOLS))
    keyed = dice.random() < 0.6  # the others' keys are derived
    has_instant = dice.random() < 0.3
    common = SignalRequest(
        symbol=SYMBOLS[place],
        side=dice.choice(("BUY", "SELL")),
        type="MARKET",
        owner_id=f"u{number}",
        snipe_target_id=f"target-{number}",
        idempotency_key=f"wish-{number}" if keyed else None,
        execute_at=exchange_epoch_ms + int((at_s + dice.uniform(0.1, 3.5)) * 1_000) if has_instant else None,
    )
    if common.side == "BUY":
        return msgspec.structs.replace(common, quote_order_qty=Decimal(10 + number))
    return msgspec.structs.replace(common, quantity=Decimal(QUANTITIES[place]))


def _healed(blow: Blow) -> Blow:
    """Let a blow end when everything is healed."""
    at_s = min(blow.at_s, HEALED_S - 0.1)
    return msgspec.structs.replace(blow, at_s=at_s, for_s=min(blow.for_s, HEALED_S - at_s))


def _blows(dice: Random, members: int) -> Iterator[Blow]:
    kinds = (
        *(Kind.KILL, Kind.KILL, Kind.LOSE, Kind.STOP, Kind.STOP, Kind.STOP),
        *(Kind.CUT_DATABASE, Kind.CUT_EXCHANGE, Kind.CUT_BOTH, Kind.SLOW_DATABASE, Kind.LOST_ANSWERS),
        *(Kind.TAKE, Kind.SEIZE, Kind.SEIZE, Kind.HAND_OVER, Kind.HALT),
    )
    drawn = [dice.choice(kinds) for _ in range(dice.randrange(2, 6))]
    for place, kind in enumerate(drawn):
        if kind is Kind.HALT and kind in drawn[:place]:
            continue  # one halt, so that it is known when trading is halted
        yield Blow(
            kind,
            dice.uniform(*BLOWS_S),
            dice.choice((dice.uniform(0.1, 1.2), dice.uniform(1.5, 3.5))),
            None if dice.random() < 0.75 else dice.randrange(members),
            dice.choice((None, dice.randrange(10), dice.randrange(200))),
            is_hard=dice.random() < 0.5,
        )


def _blows_at_instants(dice: Random, wanted: Sequence[Wanted], begins_ms: int) -> Iterator[Blow]:
    """Draw blows while an order is armed, which is the half second before its instant, and right after it."""
    for each in wanted:
        if each.request.execute_at is None or dice.random() < 0.4:
            continue
        at_s = (each.request.execute_at - begins_ms) / 1_000 - dice.uniform(-0.05, 0.55)
        kind = dice.choice((Kind.STOP, Kind.STOP, Kind.KILL, Kind.SEIZE, Kind.HAND_OVER, Kind.CUT_BOTH))
        yield Blow(kind, at_s, dice.uniform(0.5, 4), None, dice.choice((None, dice.randrange(20))), is_hard=False)


def _upgrade(dice: Random, member: int) -> Blow:
    """Draw when an older member is upgraded, at the latest when everything is healed."""
    at_s = dice.choice((dice.uniform(*BLOWS_S), HEALED_S))
    steps = dice.choice((None, dice.randrange(200)))
    return Blow(Kind.UPGRADE, at_s, dice.uniform(0.05, 0.5), member, steps, is_hard=dice.random() < 0.5)
