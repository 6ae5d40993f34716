"""Rounds: contestants are measured in turns, and only rounds without other load count.

The order of turns alternates, so that no contestant always follows the same one. A round in which other processes used
the cores is measured again, up to half as many rounds more as wanted; then the calmest rounds count. What is compared
is the ratio within one round, because the machine's speed changes from minute to minute.
"""

import statistics
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

import click
import msgspec

from tests.bench import machine

Figures = Mapping[str, float]
"""One contestant's figures of one round, by metric."""

Round = Mapping[str, Figures]
"""One round: the figures of each contestant, by its name."""


class Spread(msgspec.Struct, frozen=True):
    """The median and the quartiles of some rounds, and the least and the most of them."""

    median: float
    q25: float
    q75: float
    least: float
    most: float


class Rounds(msgspec.Struct):
    """The rounds that count, and what they were chosen from."""

    used: list[Round]
    others_cores: list[float]  # cores that other processes used, in each used round
    measured: int
    disturbed: int  # of the measured ones


def measure_rounds(name: str, one: Callable[[int], Round], *, wanted: int) -> Rounds:
    """Measure rounds until enough of them were calm, at most half as many more as wanted; report progress on stderr.

    Args:
        name: what is measured, for the progress lines.
        one: measures one round; its argument is the round's number, from 0.
        wanted: how many rounds are to count.

    """
    found: list[Round] = []
    others: list[float] = []
    for number in range(wanted + (wanted + 1) // 2):
        watch = machine.Watch()
        found.append(one(number))
        others.append(watch.others_cores())
        calm = sum(cores <= machine.CALM_CORES for cores in others)
        progress(f"{name}: round {number + 1}, {calm} of {wanted} calm, other processes used {others[-1]:.2f} cores")
        if calm == wanted:
            break
    chosen = calmest(others, wanted)
    disturbed = sum(cores > machine.CALM_CORES for cores in others)
    return Rounds([found[each] for each in chosen], [others[each] for each in chosen], len(found), disturbed)


def progress(text: str) -> None:
    """Write a line on standard error."""
    click.echo(f"[{time.perf_counter() - _BEGAN_S:5.0f} s] {text}", err=True)
    sys.stderr.flush()


_BEGAN_S = time.perf_counter()


def turns(names: Iterable[str], number: int) -> list[str]:
    """Return the order of turns in a round: as given, and reversed in every second round."""
    listed = list(names)
    return listed[::-1] if number % 2 else listed


def calmest(others_cores: Sequence[float], wanted: int) -> list[int]:
    """Return the indices of the rounds with the least other load, in their order."""
    by_load = sorted(range(len(others_cores)), key=lambda each: others_cores[each])
    return sorted(by_load[:wanted])


def percentile(values: Iterable[float], share: float) -> float:
    """Return the value below which this share of the values lies (0 to 1); of few values, the largest for 0.99."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def spread(values: Sequence[float]) -> Spread:
    """Return the median, the quartiles and the range."""
    if len(values) == 1:
        return Spread(*[values[0]] * 5)
    q25, median, q75 = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(median, q25, q75, min(values), max(values))


def figures(rounds: Sequence[Round], metric: str) -> dict[str, Spread]:
    """Return a metric's spread for each contestant that has it."""
    values: dict[str, list[float]] = {}
    for each in rounds:
        for name, found in each.items():
            if metric in found:
                values.setdefault(name, []).append(found[metric])
    return {name: spread(some) for name, some in values.items()}


def ratios(rounds: Sequence[Round], metric: str, base: str) -> dict[str, Spread]:
    """Return, for each other contestant, the spread of the ratios to ``base`` within the same round.

    A round in which the metric of either is missing, or 0 for ``base``, has no ratio.
    """
    values: dict[str, list[float]] = {}
    for each in rounds:
        below = each.get(base, {}).get(metric)
        for name, found in each.items():
            if below and name != base and metric in found:
                values.setdefault(name, []).append(found[metric] / below)
    return {name: spread(some) for name, some in values.items()}
