"""What a launch is like, drawn from its seed: one peculiarity, or several at once."""

from decimal import Decimal
from random import Random

import msgspec

from daemon.simulator.faults import Fault
from daemon.simulator.listings import Listing
from tests.simulation.seams import EPOCH_MS

SYMBOL = "NEWUSDT"
PLANNED_MS = EPOCH_MS + 150_000
"""When the pair is first said to open, by the exchange's clock."""

PRICE, QUANTITY = Decimal("0.0512"), Decimal("400.55")
FIRST_PRICE, CAP = Decimal("0.045"), Decimal("0.05")
SIGNALLED_AHEAD_MS = (80_000, 120_000)
"""How long before its instant a signal is sent: before the pair appears, and before the open is postponed."""

ORDER_RATE_PER_S = 10
SOON_MS, SOON_AFTER_EARLY_MS, SOON_UNANNOUNCED_MS = 100, 60, 300
"""Within this time after the open, or after its instant if that is later, an order is bought in time: in general, if
it was early, and if it was early and nobody announced the open. In the last case attempts before the open have used a
part of the rate, in a rhythm of at most 275 ms."""

LEFT_UNANNOUNCED = 6
"""How many of ten orders per second such a rhythm leaves."""

FIRST_COUNT_MS = 1_400
"""For how long the first requests, all at the signals' instant, keep others from being sent."""

AT_ONCE = 8 + 2 * 20
"""How many orders the exchange permits at one instant: with ten requests, of which two are batches of twenty."""

MANY = "many"
MIXED = "several at once"
CASES = (
    "exact",
    "early",
    "late",
    "exact, unannounced",
    "early, unannounced",
    "postponed",
    "postponed twice",
    "shown late",
    "decimals at the open",
    "decimals before",
    "price above the cap",
    "replies lost",
    "orders invisible",
    "429 for others",
    "clock off",
    MIXED,
    MANY,
)


class Launch(msgspec.Struct, frozen=True, kw_only=True):
    """One launch."""

    seed: int
    case: str
    orders: int
    early_ms: int = 0  # by how much the instant is before the first announced open; negative: after it
    announced: bool = True  # exchangeInfo has firstOpenTime
    postponed_ms: tuple[int, ...] = ()  # by how much, each time
    notice_ms: int = 0  # how long before the open a postponement is shown
    shown_ms: int | None = None  # how long before the open the pair is shown; None: always
    decimals_ms: int | None = None  # how long before the open its decimals change; None: never
    capped: bool = False
    lost: float = 0.0  # share of replies to orders that are lost
    invisible: float = 0.0  # share of orders that no query shows at first
    limited: float = 0.0  # share of orders that are refused because of other clients' requests
    clock_ahead_ms: int = 0  # the exchange's clock
    counts_each: bool = False  # the exchange counts each order of a batch in its rate, which no document says

    @property
    def execute_at_ms(self) -> int:
        """The signals' instant, by the exchange's clock."""
        return PLANNED_MS - self.early_ms

    @property
    def opens_ms(self) -> int:
        """When the pair really opens, by the exchange's clock."""
        return PLANNED_MS + sum(self.postponed_ms)

    @property
    def reference_ms(self) -> int:
        """The first instant at which an order can be bought: the open, or its own instant if that is later."""
        return max(self.opens_ms, self.execute_at_ms)

    @property
    def soon_ms(self) -> int:
        """How long after the reference an order is bought in time."""
        if self.early_ms <= 0:
            return SOON_MS
        return SOON_AFTER_EARLY_MS if self.announced else SOON_UNANNOUNCED_MS

    @property
    def budget(self) -> int:
        """How many orders the exchange's order rate permits within that time."""
        left = AT_ONCE
        if self.capped or self.decimals_ms == 0:
            left = ORDER_RATE_PER_S
        if self.early_ms > 0 and not self.announced:
            left = LEFT_UNANNOUNCED
            if self.early_ms < FIRST_COUNT_MS:
                left -= self.orders
        if self.capped or self.decimals_ms == 0:  # the first request of each order is refused
            left -= self.orders
        if self.capped and self.decimals_ms == 0:  # and the second one of an order, which shows the cap to all
            left -= 1
        return max(0, left)

    def listing(self, opens_ms: int) -> Listing:
        """Return the pair's listing for an open."""
        return Listing(SYMBOL, opens_ms, cap=CAP if self.capped else None, price=FIRST_PRICE)

    def faults(self) -> list[Fault]:
        """Return what goes wrong at the exchange."""
        shown = [] if self.announced else [Fault("field_missing", "GET /api/v3/exchangeInfo", field="firstOpenTime")]
        return [
            *shown,
            *(
                fault
                for endpoint in ("POST /api/v3/order", "POST /api/v3/batchOrders")
                for fault in (
                    Fault("rate_limited", endpoint, self.limited),
                    Fault("reply_lost", endpoint, self.lost),
                    Fault("invisible", endpoint, self.invisible),
                )
            ),
        ]


def draw(seed: int) -> Launch:
    """Draw a launch; the cases take turns, so that a few dozen seeds have all of them."""
    dice = Random(seed)  # noqa: S311  # a simulation
    case = CASES[seed % len(CASES)]
    orders = dice.choice((20, 40)) if case == MANY else dice.choice((1, 1, 2, 3, 5, 8, 20))
    has = {name for name in CASES if name == case or (case == MIXED and dice.random() < 0.25)}
    unannounced = bool(has & {"exact, unannounced", "early, unannounced"})
    if unannounced:  # an open that nobody announces can neither be postponed
        has -= {"postponed", "postponed twice"}
    early_ms = 0
    if has & {"early", "early, unannounced"}:
        early_ms = dice.randint(1, 3_000)
    elif "late" in has:
        early_ms = -dice.randint(1, 500)
    times = 2 if "postponed twice" in has else int("postponed" in has)
    return Launch(
        seed=seed,
        case=case,
        orders=orders,
        early_ms=early_ms,
        announced=not unannounced,
        postponed_ms=tuple(dice.choice((2_000, 60_000, 300_000)) for _ in range(times)),
        notice_ms=dice.randint(45_000, 60_000),
        shown_ms=dice.randint(35_000, 60_000) if "shown late" in has else None,
        decimals_ms=0 if "decimals at the open" in has else 45_000 if "decimals before" in has else None,
        capped="price above the cap" in has,
        lost=dice.uniform(0.2, 0.5) if "replies lost" in has else 0.0,
        invisible=dice.uniform(0.2, 1.0) if "orders invisible" in has else 0.0,
        limited=dice.uniform(0.05, 0.3) if "429 for others" in has else 0.0,
        clock_ahead_ms=dice.randint(-300, 300) if "clock off" in has else 0,
    )
