"""What the loss and the change of an owner cost, beside the goals: a fleet of two members, PostgreSQL beside them.

- A machine is lost: the owner is killed, and not started again. How long until the next owner's first order request
  reaches the exchange, with the default lease and with a lease of 2,500 ms, a window of 1,000 and a renewal of 500.
- The account is handed over, by ``sniperd fleet hand-over`` and by SIGTERM, as an upgrade does: the longest silence
  between two order requests. The process that ended is started again at once, and takes its part of the cores.
- The owner is killed and started again at once. This comes after the hand-overs: one that follows it soon waits until
  the killed process's lease would have ended.
- Many signals at once at the owner: the longest time from an entry's commit, as PostgreSQL recorded it, to its being in
  the standby's database, as another process reads it there. PostgreSQL takes that time before it syncs the entry.
- The log's size, and an empty member that joins a long log: :mod:`tests.bench.long_log`.

During the first three a bot sends 100 signals a second to both members, each again until it is answered. The exchange
says when order requests arrive; its limits are out of the way. All members, the database and the bot share the cores.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from tests.bench.contestants import Exchange
from tests.bench.fleet_members import Ledger, Member, Pair, copied
from tests.bench.long_log import LongLog
from tests.bench.report import Metric, Report, report
from tests.bench.rounds import Figures, Round, Rounds, measure_rounds, progress
from tests.bench.wire import at_once
from tests.support.postgres import postgres_server

SHORT = {"exchange": {"recv_window_ms": 1_000}, "fleet": {"lease_ms": 2_500, "renew_ms": 500}}

LOOK_S = 0.002
"""Between two looks at the standby's database."""

METRICS = {
    "lost_s": Metric("the owner's machine is lost, lease of 5 s: until the next owner's first order, s"),
    "lost_short_s": Metric("the owner's machine is lost, lease of 2.5 s: until the next owner's first order, s"),
    "restarted_s": Metric("the owner is killed and started again on its machine: until its first order, s"),
    "hand_over_s": Metric("hand-over by command: longest silence between orders, s", 3),
    "ended_s": Metric("the owner gets SIGTERM: longest silence between orders, s", 3),
    "lag_s": Metric("many signals at once: longest from an entry's commit to the standby's disk, s", 3),
    "log_kb": Metric("log in PostgreSQL, with index and what is stored aside, KB per order"),
    "bodies_kb": Metric("of it, the entries' bodies, KB per order"),
    "joins_s": Metric("an empty member starts beside a long log: until its copy is complete, s", 1),
    "joins_cpu_s": Metric("its CPU time until then, s", 1),
    "joins_mb": Metric("its memory at the most until then, MB", 0),
}

GOALS = {
    "lost_s": 6.0,
    "lost_short_s": 3.5,
    "restarted_s": 2.0,
    "hand_over_s": 1.0,
    "ended_s": 1.0,
    "lag_s": 0.5,
    "log_kb": 8.0,
    "joins_s": 30.0,
}
"""What each figure must not exceed."""


def measure(
    directory: Path, *, burst: int, orders: int, recorded: int, rounds: int, servers: Path, usual: bool
) -> Report:
    """Measure all of it in each round; the log's size once.

    Args:
        directory: on a disk; each member gets a directory of its own in it.
        burst: signals sent at once.
        orders: in the long log.
        recorded: orders of which the long log is made; they are traded one by one.
        rounds: how many are to count.
        servers: on the same disk; PostgreSQL's directory is made in it, which another user must reach.
        usual: whether members with the default lease are measured; otherwise all is measured with the short one.

    """
    with ExitStack() as stack:
        exchange = stack.enter_context(Exchange(directory))
        server = stack.enter_context(postgres_server(servers))
        server.create()
        progress(f"takeover: recording {recorded:,} orders, and making a log of {orders:,}")
        log = LongLog(server, directory, exchange)
        once = log.record(recorded)
        log.multiply(orders // recorded)
        server.stop()
        server.start(track_commit_timestamp="on")
        short = stack.enter_context(Pair(Ledger("short", server, SHORT), directory, exchange).running())
        pair = stack.enter_context(Pair(Ledger("usual", server), directory, exchange).running()) if usual else short

        def one(number: int) -> Round:
            share = (number * 0.618) % 1  # of the time between two renewals: rounds differ in what is left of the lease
            lost_s = {"lost_s": _lost_s(pair, share)} if usual else {}
            return {
                "sniperd": {
                    **lost_s,
                    "lost_short_s": _lost_s(short, share / 2),
                    "hand_over_s": _hand_over_s(pair),
                    "ended_s": _ended_s(pair),
                    "restarted_s": _restarted_s(pair),
                    "lag_s": _lag_s(pair, burst),
                    **log.join(number),
                }
            }

        found = measure_rounds("takeover", one, wanted=rounds)
    used: list[Round] = [_beside_goals({**each["sniperd"], **once}) for each in found.used]
    every = Rounds(used, found.others_cores, found.measured, found.disturbed)
    return report("takeover", every, METRICS, ["goal"], shows_range=True)


def _beside_goals(figures: Figures) -> Round:
    return {"sniperd": figures, "goal": {name: goal for name, goal in GOALS.items() if name in figures}}


def _lost_s(pair: Pair, after_s: float) -> float:
    """Kill the owner some time after a moment; return when the next one's first order arrived, seconds later."""
    owner, _ = pair.roles()
    with pair.flow() as arrivals:
        time.sleep(after_s)
        killed_ns = owner.kill()
    owner.start()
    return (arrivals.longest_silence()[1] - killed_ns) / 1e9


def _restarted_s(pair: Pair) -> float:
    """Kill the owner and start it again; return when its first order arrived, in seconds from the kill."""
    owner, _ = pair.roles()
    with pair.flow() as arrivals:
        killed_ns = owner.kill()
        owner.start()
    return (arrivals.longest_silence()[1] - killed_ns) / 1e9


def _hand_over_s(pair: Pair) -> float:
    owner, _ = pair.roles()
    return _silence_s(pair, owner, lambda: owner.command("fleet", "hand-over", "--reason", "a measurement"))


def _ended_s(pair: Pair) -> float:
    owner, _ = pair.roles()
    return _silence_s(pair, owner, owner.terminate)


def _silence_s(pair: Pair, owner: Member, deed: Callable[[], object]) -> float:
    """Let the owner end by a deed, and start it again; return the longest silence at the exchange."""
    with pair.flow() as arrivals:
        owner.restart_after(deed)
    began_ns, ended_ns = arrivals.longest_silence()
    return (ended_ns - began_ns) / 1e9


def _lag_s(pair: Pair, burst: int) -> float:
    """Send many signals at once to the owner; return by how much its standby's copy was behind at the most."""
    owner, standby = pair.roles()
    first = pair.ledger.latest() + 1
    with _watching(standby) as seen_ns:
        at_once(owner.contestant, pair.exchange, burst)
        pair.roles()  # the copy is complete
    committed_ns = pair.ledger.committed_ns(first)
    return max(_since(n, seen_ns) - at_ns for n, at_ns in committed_ns.items()) / 1e9


def _since(n: int, seen_ns: Sequence[tuple[int, int]]) -> int:
    """Return when an entry was first seen."""
    return next(at_ns for seen, at_ns in seen_ns if seen >= n)


@contextmanager
def _watching(member: Member) -> Iterator[list[tuple[int, int]]]:
    """Note how far a member's database is, and when, by the wall clock in ns, whenever that has changed."""
    seen_ns: list[tuple[int, int]] = []
    is_over = threading.Event()

    def look() -> None:
        last = -1
        with closing(member.database()) as database:
            while not is_over.wait(LOOK_S):
                n = copied(database)
                if n != last:
                    seen_ns.append((n, time.clock_gettime_ns(time.CLOCK_REALTIME)))
                    last = n

    watcher = threading.Thread(target=look, name="watcher", daemon=True)
    watcher.start()
    try:
        yield seen_ns
    finally:
        is_over.set()
        watcher.join()
