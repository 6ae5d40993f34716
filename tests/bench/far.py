"""Orders for one instant over TLS, at a server 50 ms away that closes idle connections after 5, 10 or 30 seconds.

One, five and twenty orders are armed for one instant: as the first burst after a start, and after a time without any
request in which the server closes every connection. A handshake after the instant makes an order late by 50 ms, and an
order on a connection that the server is closing is lost. "Lost" are orders that did not reach the server at all.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from daemon.clock import wall_ms
from tests.bench.contestants import Contestant, Exchange, daemon
from tests.bench.instant import arm_daemon
from tests.bench.report import Metric, Report, report
from tests.bench.rounds import Figures, Round, measure_rounds
from tests.bench.wire import numbers
from tests.support.far_tls import FarServer
from tests.support.tls import certificate

WAY_MS = 25
COUNTS = (1, 5, 20)
IDLE_S = (5, 10, 30)
AHEAD_MS = 6_000
"""How long before its instant an order's signal is sent."""

APART_MS = 300
"""Between the instants of two daemons, so that they do not meet."""

SETTLES_MS = 2_000
"""How long after the instant the last order may arrive."""

METRICS = {
    f"{burst}_{number}_{name}": Metric(f"{number} for one instant, {title}, {text}", digits)
    for burst, title in (("first", "first after a start"), ("idle", "after idle time"))
    for number in COUNTS
    for name, text, digits in (
        ("handshakes", "handshakes after the instant", 0),
        ("late_ms", "latest, ms late", 2),
        ("spread_ms", "first to last, ms (goal: 2)", 2),
        ("lost", "lost", 0),
    )
}


class Far(NamedTuple):
    """A daemon and its server."""

    contestant: Contestant
    server: FarServer
    number: int  # of orders for one instant
    idle_s: int


class Burst(NamedTuple):
    """What became of orders for one instant."""

    handshakes: int  # begun after the instant, until the last order arrived
    late_ms: float  # the latest
    spread_ms: float
    lost: int

    def figures(self, burst: str, number: int) -> Figures:
        """Return them as figures of a round."""
        return {f"{burst}_{number}_{name}": float(value) for name, value in self._asdict().items()}


def measure(
    directory: Path, *, counts: tuple[int, ...], idle_s: tuple[int, ...], rounds: int, against: Path | None = None
) -> Report:
    """Measure a daemon for each number of orders and each server, all at the same time.

    Args:
        directory: on a disk.
        counts: how many orders for one instant.
        idle_s: after how long the servers close idle connections.
        rounds: how many are to count; each has a new start.
        against: another checkout, whose daemon is measured afterwards in the same rounds.

    """

    def one(number: int) -> Round:
        found: Round = {}
        for name, checkout in {"sniperd": None, **({"against": against} if against else {})}.items():
            place = directory / f"{name}-{number}"
            place.mkdir()
            found = {**found, **_all(place, name, counts, idle_s, checkout)}
        return found

    return report("instant → wire, far", measure_rounds("far", one, wanted=rounds), METRICS, [])


@contextmanager
def far_daemon(directory: Path, number: int, idle_s: int, checkout: Path | None = None) -> Iterator[Far]:
    """Run a daemon against a far server of its own."""
    directory.mkdir()
    pem = certificate(directory, 60)
    with ExitStack() as stack:
        exchange = stack.enter_context(Exchange(directory))
        server = stack.enter_context(FarServer(exchange.port, pem, way_ms=WAY_MS, idle_s=idle_s))
        contestant = stack.enter_context(
            daemon(
                directory / "sniperd",
                exchange,
                {"exchange": {"base_url": server.url}},
                checkout=checkout,
                environment={"SSL_CERT_FILE": str(pem)},
            )
        )
        yield Far(contestant, server, number, idle_s)


def burst(daemons: list[Far]) -> list[Burst]:
    """Arm each daemon's orders for an instant of its own; return what became of them."""
    first_ms = wall_ms() + AHEAD_MS
    instants = [first_ms + place * APART_MS for place in range(len(daemons))]
    for each, at_ms in zip(daemons, instants, strict=True):
        each.server.seen()
        arm_daemon(each.contestant.signals, at_ms, [next(numbers) for _ in range(each.number)])
    time.sleep((instants[-1] + SETTLES_MS - wall_ms()) / 1_000)
    return [_judged(each, at_ms) for each, at_ms in zip(daemons, instants, strict=True)]


def _judged(far: Far, at_ms: int) -> Burst:
    seen, at_ns = far.server.seen(), at_ms * 1_000_000
    arrived_ns = sorted(seen.orders_ns.values())
    if not arrived_ns:
        return Burst(0, 0.0, 0.0, far.number)
    return Burst(
        handshakes=sum(at_ns < began_ns < arrived_ns[-1] for began_ns in seen.handshakes_ns),
        late_ms=(arrived_ns[-1] - at_ns) / 1e6 + WAY_MS,
        spread_ms=(arrived_ns[-1] - arrived_ns[0]) / 1e6,
        lost=far.number - len(arrived_ns),
    )


def _all(directory: Path, name: str, counts: tuple[int, ...], idle_s: tuple[int, ...], checkout: Path | None) -> Round:
    """Start a daemon for each case, let each send a burst, idle, and send another."""
    with ExitStack() as stack:
        daemons = [
            stack.enter_context(far_daemon(directory / f"{number}-{idle}", number, idle, checkout))
            for idle in idle_s
            for number in counts
        ]
        first = burst(daemons)
        time.sleep(max(idle_s) + 1)
        later = burst(daemons)
    found: dict[str, dict[str, float]] = {}
    for far, at_first, after in zip(daemons, first, later, strict=True):
        figures = found.setdefault(f"{name}, {far.idle_s} s", {})
        figures |= {**at_first.figures("first", far.number), **after.figures("idle", far.number)}
    return found
