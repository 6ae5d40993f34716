"""``python -m tests.chaos.fleet``: a fleet under load whose members are killed, stopped and cut off; the book judges.

Three daemons, one PostgreSQL, one simulated exchange that loses some answers. A bot sends each signal to one member
after the other, and some to two at once, until one answers. Every few seconds something happens to a member, often to
the owner. A process that ends is started again, as by a service manager.
"""

import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import click
import msgspec

from tests.support import eventually
from tests.support.fleet_load import Load
from tests.support.fleet_stage import Fleet, Member, fleet_stage
from tests.support.postgres import postgres_server

FAULTS = (
    {"kind": "reply_lost", "probability": 0.03},
    {"kind": "error_after", "probability": 0.02},
    {"kind": "error_before", "probability": 0.02},
    {"kind": "invisible", "probability": 0.2, "delay_ms": 300},
    {"kind": "slow_after", "probability": 0.03, "delay_ms": 800},
)

ENDS = {0, 75, -signal.SIGKILL, -signal.SIGTERM}
"""How a member may end: as it was told, also before it obeys signals and after; replaced by another member or cut off
from the database; killed."""

RESTART_S = 0.2
SETTLE_S = 60.0
WATCH_S = 0.02


class Outcome(msgspec.Struct, frozen=True):
    """What a run showed."""

    broken: list[str]
    figures: dict[str, Any]


class Siege:
    """One run."""

    def __init__(self, fleet: Fleet, seed: int, tell: Callable[[str], None]) -> None:
        self._fleet = fleet
        self._dice = Random(seed)  # noqa: S311  # a simulation
        self._tell = tell
        self._load = Load([each.daemon.signals for each in fleet.members], seed=seed)
        self._deeds: Counter[str] = Counter()
        self._ends: Counter[int] = Counter()
        self._owners = 0
        self._down: dict[int, float] = {}  # member → when it is started again
        self._later: list[tuple[float, Callable[[], None]]] = []  # what ends a deed, and when
        self._broken: list[str] = []

    def run(self, seconds: float) -> Outcome:
        """Run, let everything settle, and judge."""
        self._fleet.exchange.inject(*FAULTS)
        self._load.start()
        began_s = time.perf_counter()
        due_s = began_s + 2
        while (now_s := time.perf_counter()) < began_s + seconds:
            self._watch()
            if now_s >= due_s:
                self._do()
                due_s = now_s + self._dice.uniform(2.5, 5)
        self._fleet.exchange.inject()
        eventually(lambda: self._watch() and not self._later and not self._down, "all is mended", 30, pause_s=WATCH_S)
        self._load.finish()
        owner = self._fleet.owner(30).daemon
        eventually(lambda: not owner.get("/v1/status")["inFlight"], "nothing is in flight", SETTLE_S, pause_s=0.1)
        broken = [*self._broken, *self._load.problems(self._fleet.exchange, owner.order)]
        return Outcome(broken, self._figures(owner.get("/v1/status")))

    def _do(self) -> None:
        """Do something to a member, to the owner more often than not."""
        up = [each for number, each in enumerate(self._fleet.members) if number not in self._down]
        owners = [each for each in up if each.owns]
        member = owners[0] if owners and self._dice.random() < 0.7 else self._dice.choice(up)
        deeds = [self._kill, self._kill, self._stop, self._stop, self._end, self._cut_off, self._cut_off, self._reset]
        deed = self._dice.choice(deeds)
        what = deed(member)
        self._deeds[what] += 1
        self._tell(f"{len(self._load.acknowledged):>6} answered; {what}: {member.daemon.config['fleet']['name']}")

    def _kill(self, member: Member) -> str:
        member.daemon.process.send(signal.SIGKILL)
        return "killed"

    def _end(self, member: Member) -> str:
        member.daemon.process.send(signal.SIGTERM)
        return "ended"

    def _stop(self, member: Member) -> str:
        process = member.daemon.process
        process.send(signal.SIGSTOP)

        def go_on() -> None:
            if member.daemon.process is process and process.is_running():
                process.send(signal.SIGCONT)

        self._after(self._dice.uniform(1, 6.5), go_on)
        return "stopped"

    def _cut_off(self, member: Member) -> str:
        from_what = self._dice.choice(("database", "exchange", "both"))
        edges = {"database": [member.to_database], "exchange": [member.to_exchange]}
        for edge in edges.get(from_what, [member.to_database, member.to_exchange]):
            edge.swallow()
            self._after(self._dice.uniform(1, 6), edge.release)
        return f"cut off from {from_what}"

    def _reset(self, member: Member) -> str:
        edge = self._dice.choice((member.to_database, member.to_exchange))
        edge.cut()
        return "reset"

    def _after(self, pause_s: float, work: Callable[[], None]) -> None:
        self._later.append((time.perf_counter() + pause_s, work))

    def _watch(self) -> bool:
        """End what is due, and start processes that ended again."""
        time.sleep(WATCH_S)  # between two looks
        now_s = time.perf_counter()
        for due in [each for each in self._later if each[0] <= now_s]:
            self._later.remove(due)
            due[1]()
        for number, member in enumerate(self._fleet.members):
            if number in self._down:
                if now_s >= self._down[number]:
                    del self._down[number]
                    member.daemon.launch()
            elif not member.daemon.process.is_running():
                self._note_end(member)
                self._down[number] = now_s + RESTART_S
        return True

    def _note_end(self, member: Member) -> None:
        process = member.daemon.process
        code = process.exit_code()
        self._ends[code] += 1
        self._owners += bool(process.events("daemon.ready"))
        if code not in ENDS:
            self._broken.append(f"a member ended with {code}: {process.transcript()[-3_000:]}")

    def _figures(self, settled: dict[str, Any]) -> dict[str, Any]:
        return {
            "signals": self._load.sent,
            "answered": len({each.number for each in self._load.acknowledged}),
            "answers": dict(self._load.figures),
            "orders on the book": len(self._fleet.exchange.orders()),
            "deeds": dict(self._deeds),
            "ends": dict(self._ends),
            "owners that ended": self._owners,
            "longest silence, ms": self._load.longest_silence_ms,
            "in doubt or lost": settled["inDoubt"] + settled["lost"],
        }


def besiege(seconds: float, seed: int, members: int, tell: Callable[[str], None]) -> Outcome:
    """Run a fleet under siege, and judge it."""
    with postgres_server() as server:
        server.create()
        with fleet_stage(server, members) as fleet:
            return Siege(fleet, seed, tell).run(seconds)


@click.command()
@click.option("--seconds", default=600.0, show_default=True, help="How long.")
@click.option("--seed", default=1, show_default=True, help="Of what happens.")
@click.option("--members", default=3, show_default=True, type=click.IntRange(2, 5), help="Daemons.")
def main(seconds: float, seed: int, members: int) -> None:
    """Besiege a fleet, and judge it by the exchange's book. Exit status: 0 if every promise held, else 1."""
    outcome = besiege(seconds, seed, members, click.echo)
    for name, figure in outcome.figures.items():
        shown = ", ".join(f"{key} {value}" for key, value in figure.items()) if isinstance(figure, dict) else figure
        click.echo(f"{name + ':':<24} {shown}")
    for promise in outcome.broken:
        click.echo(f"BROKEN: {promise}")
    click.echo(f"{len(outcome.broken)} promises broken" if outcome.broken else "every promise held")
    sys.exit(1 if outcome.broken else 0)


if __name__ == "__main__":
    main()
