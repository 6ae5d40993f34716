"""What was bought at a launch, and when, by the exchange's own book."""

from collections import defaultdict
from collections.abc import Callable, Iterable

import msgspec

from daemon.simulator.exchange import SimulatedExchange
from tests.chaos.trades import Entry, orders_per_signal
from tests.launches.cases import Launch
from tests.simulation.verdict import limited
from tests.support.placing import placed_by

BACKOFF_MS = 2_000
"""How long no order is sent after another client's 429, at most."""


class Bought(msgspec.Struct, frozen=True, kw_only=True):
    """What one buyer got at one launch."""

    launch: Launch
    after_ms: list[int]  # each signal that was bought: its first fill after the reference
    in_time: int
    permitted: int  # how many the instant, the price and the order rate permit in time
    twice: list[str]  # signals with several positions, each with their number
    unknown: list[str]  # client order ids of the book that belong to no signal
    too_many: list[str]  # requests, of any kind, that were refused because of the buyer's own rate

    @property
    def missed(self) -> int:
        """How many orders were permitted in time, and not bought in time."""
        return max(0, self.permitted - self.in_time)


def judge(launch: Launch, exchange: SimulatedExchange, signal_of: Callable[[str], int | None]) -> Bought:
    """Compare a launch with the exchange's book; ``signal_of`` names the signal of a client order id."""
    book = msgspec.convert(exchange.orders(), list[Entry], strict=False)
    known = [(number, entry) for entry in book if (number := signal_of(entry.client_order_id)) is not None]
    first_fills: dict[int, int] = {}
    for number, entry in known:
        for fill in entry.fills:
            first_fills[number] = min(fill.time, first_fills.get(number, fill.time))
    after_ms = {number: at_ms - launch.reference_ms for number, at_ms in first_fills.items()}
    in_time = {number for number, late_ms in after_ms.items() if late_ms <= launch.soon_ms}
    counts = orders_per_signal((entry for _, entry in known), lambda entry: signal_of(entry.client_order_id))
    sent = _sent(exchange)
    return Bought(
        launch=launch,
        after_ms=sorted(after_ms.values()),
        in_time=len(in_time),
        permitted=_permitted(launch, sent, in_time, signal_of),
        twice=[f"signal {number} has {count} positions" for number, count in sorted(counts.items()) if count > 1],
        unknown=[entry.client_order_id for entry in book if signal_of(entry.client_order_id) is None],
        too_many=limited(exchange.requests()),
    )


class _Sent(msgspec.Struct, frozen=True):
    """An order in a request, as the exchange received it."""

    client_order_id: str
    at_ms: int
    status: int  # 0: not answered
    by_others: bool  # refused because of other clients' requests


def _sent(exchange: SimulatedExchange) -> list[_Sent]:
    return [
        _Sent(client_order_id, each.received_ms, each.status, "rate_limited" in each.faults)
        for each in exchange.requests()
        for client_order_id in placed_by(each.method, each.path, each.query)
    ]


def _permitted(launch: Launch, sent: Iterable[_Sent], in_time: set[int], signal_of: Callable[[str], int | None]) -> int:
    """Return how many orders could be bought in time.

    A signal does not count if its request was refused for other clients' requests, or if a reply that placed nothing
    was lost: nobody knows that it may be repeated. None counts if the exchange asked to wait just before the open.
    """
    hampered = set()
    for each in sent:
        if not launch.reference_ms - BACKOFF_MS < each.at_ms <= launch.reference_ms + launch.soon_ms:
            continue
        if each.by_others and each.at_ms < launch.reference_ms:
            return len(in_time)
        if each.by_others or not each.status:
            hampered.add(signal_of(each.client_order_id))
    return max(len(in_time), min(launch.budget, launch.orders) - len(hampered - in_time))


ENOUGH = 0.99
NOT_YET = frozenset({"429 for others"})
"""The cases in which fewer may be bought in time. In all others at least ENOUGH of the permitted orders must be."""


class Total(msgspec.Struct):
    """The launches of one case."""

    launches: int = 0
    orders: int = 0
    permitted: int = 0
    in_time: int = 0
    bought: int = 0
    twice: int = 0
    too_many: int = 0

    @property
    def share(self) -> float:
        """The share of the permitted orders that was bought in time; 1 if none was permitted."""
        return self.in_time / self.permitted if self.permitted else 1.0

    def add(self, one: Bought) -> None:
        """Count a launch."""
        self.launches += 1
        self.orders += one.launch.orders
        self.permitted += one.permitted
        self.in_time += min(one.in_time, one.permitted)
        self.bought += len(one.after_ms)
        self.twice += len(one.twice)
        self.too_many += len(one.too_many)


def by_case(all_bought: Iterable[Bought]) -> dict[str, Total]:
    """Sum up launches by their case."""
    totals: dict[str, Total] = defaultdict(Total)
    for each in all_bought:
        totals[each.launch.case].add(each)
    return totals
