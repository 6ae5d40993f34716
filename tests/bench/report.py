"""A measurement's result: medians and quartiles of each metric, and of its ratios to other contestants."""

from collections.abc import Mapping, Sequence

import msgspec

from tests.bench.machine import CALM_CORES
from tests.bench.rounds import Rounds, Spread, figures, ratios

NAME_WIDTH, CELL_WIDTH = 22, 25


class Metric(msgspec.Struct, frozen=True):
    """How a metric is shown."""

    title: str  # with its unit
    digits: int = 2


class Report(msgspec.Struct):
    """The result of one measurement."""

    name: str
    rounds: int
    repeated: int  # rounds that were measured again, because other processes used the cores
    disturbed: int  # of the rounds that count: nonzero when there were too few calm ones
    others_cores: list[float]  # in each round that counts
    figures: dict[str, dict[str, Spread]]  # metric, contestant
    ratios: dict[str, dict[str, dict[str, Spread]]]  # metric, base, contestant
    shows_range: bool = False  # the least and the most in place of the quartiles: of few rounds, each counts


def report(
    name: str, rounds: Rounds, metrics: Mapping[str, Metric], bases: Sequence[str], *, shows_range: bool = False
) -> Report:
    """Sum up rounds: each metric, and its ratio to each base within the same round."""
    return Report(
        name,
        rounds=len(rounds.used),
        repeated=rounds.measured - len(rounds.used),
        disturbed=sum(cores > CALM_CORES for cores in rounds.others_cores),
        others_cores=rounds.others_cores,
        figures={metric: figures(rounds.used, metric) for metric in metrics},
        ratios={metric: {base: ratios(rounds.used, metric, base) for base in bases} for metric in metrics},
        shows_range=shows_range,
    )


def table(found: Report, metrics: Mapping[str, Metric]) -> str:
    """Write a report: a line for each metric and contestant, with the ratios to each base."""
    bases = list(next(iter(found.ratios.values()), {}))
    lines = [f"{found.name}: {calmness(found)}"]
    spread = "median [least to most]" if found.shows_range else "median [25 % to 75 %]"
    heads = [spread, *(f"times {base}" for base in bases)]
    lines.append(" " * NAME_WIDTH + "".join(f"{head:>{CELL_WIDTH}}" for head in heads))
    for metric, shown in metrics.items():
        if not found.figures[metric]:
            continue
        lines.append(shown.title)
        for name, value in found.figures[metric].items():
            beside = (found.ratios[metric][base].get(name) for base in bases)
            cells = [
                _cell(value, shown.digits, found.shows_range),
                *(_cell(each, 3, found.shows_range) if each else "" for each in beside),
            ]
            shown_cells = "".join(f" {cell:>{CELL_WIDTH - 1}}" for cell in cells)
            lines.append(f"  {name:<{NAME_WIDTH - 2}}{shown_cells}".rstrip())
    return "\n".join(lines)


def calmness(found: Report) -> str:
    """Say how many rounds count, how many were repeated, and whether those that count were calm."""
    text = f"{found.rounds} rounds count, {found.repeated} were repeated because of other processes"
    if found.disturbed:
        text += (
            f"; too few were calm: of the calmest, {found.disturbed} are disturbed "
            f"(other processes used up to {max(found.others_cores):.2f} cores)"
        )
    return text


def _cell(value: Spread, digits: int, shows_range: bool) -> str:
    low, high = (value.least, value.most) if shows_range else (value.q25, value.q75)
    return f"{value.median:,.{digits}f} [{low:,.{digits}f} {high:,.{digits}f}]"
