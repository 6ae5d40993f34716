"""Output for terminals: tables, colours, times. Click removes the colours if the output is no terminal."""

import json
import shutil
import sys
import textwrap
import time
from collections.abc import Callable, Sequence
from typing import Any

import click

from daemon.core.values.states import MEANINGS, Phase, Tone
from daemon.core.values.texts import printable

_TONES = {Tone.GOOD: "green", Tone.BAD: "red"}
_PHASES = {Phase.QUEUED: "blue", Phase.UNDER_WAY: "blue", Phase.UNKNOWN: "yellow", Phase.RESTING: "cyan"}
COLOURS = {
    state.value: colour
    for state, meaning in MEANINGS.items()
    if (colour := _TONES.get(meaning.tone) or _PHASES.get(meaning.phase)) is not None
}
"""The colours of states. If the tone has none, the phase decides."""

_BOLD = frozenset(state.value for state, meaning in MEANINGS.items() if meaning.needs_operator)

_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60))


GAP = "  "
NARROWEST = 16
"""Smallest width of a row's last cell, in columns."""


def answer(found: Any, write: Callable[[Any], None], *, as_json: bool) -> None:  # noqa: ANN401  # JSON
    """Print an answer: as JSON, or with ``write`` as text."""
    if as_json:
        print_json(found)
    else:
        write(escaped(found))


def print_json(value: object) -> None:
    """Print JSON."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def state(word: str) -> str:
    """Colour an order's state."""
    return click.style(word, fg=COLOURS.get(word), bold=word in _BOLD)


def at(ms: int | None) -> str:
    """Format a time in local time, to the millisecond, with its offset from UTC."""
    if ms is None:
        return "-"
    local = time.localtime(ms // 1_000)
    return time.strftime("%Y-%m-%d %H:%M:%S", local) + f".{ms % 1_000:03d} " + time.strftime("%z", local)


def age(since_ms: int, now_ms: int) -> str:
    """Format how long something has lasted, in whole units, like ``4 min``."""
    seconds = max(0, now_ms - since_ms) // 1_000
    unit, length = next(((unit, length) for unit, length in _UNITS if seconds >= length), ("s", 1))
    return f"{seconds // length} {unit}"


def ago(ms: int, now_ms: int) -> str:
    """Format a time relative to now, like ``1.5 min ago`` or ``in 3.0 s``."""
    seconds = abs(now_ms - ms) / 1_000
    for unit, length in _UNITS:
        if seconds >= length:
            text = f"{seconds / length:.1f} {unit}"
            break
    else:
        text = f"{seconds:.1f} s"
    return f"{text} ago" if ms <= now_ms else f"in {text}"


def clock(measured: dict[str, Any]) -> str | None:
    """Format what is known of the exchange's clock; ``None`` if it was not measured."""
    if measured["offsetMs"] is None:
        return None
    known = f"known to {measured['uncertaintyMs']:.1f} ms; round trip {measured['roundTripMs']} ms"
    return f"the exchange's is {measured['offsetMs']:+d} ms from ours, {known}"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table. On a terminal the last column is wrapped to fit, elsewhere each row is one line."""
    for line in table_lines(heads, rows):
        click.echo(line)


def table_lines(heads: Sequence[str], rows: Sequence[Sequence[str]], width: int | None = None) -> list[str]:
    """Format a table. ``width`` is in columns; by default the terminal's, if there is one."""
    widths = [max(len(click.unstyle(row[column])) for row in (heads, *rows)) for column in range(len(heads) - 1)]
    indent = sum(widths) + len(GAP) * len(widths)
    columns = width or (shutil.get_terminal_size().columns if sys.stdout.isatty() else None)
    room = None if columns is None else max(NARROWEST, columns - indent)
    styled = [click.style(head, bold=True) for head in heads]
    return [line for row in (styled, *rows) for line in _lines(row, widths, room)]


def pairs(rows: Sequence[tuple[str, Any]]) -> None:
    """Print names and values; empty values are left out."""
    for line in pair_lines(rows):
        click.echo(line)


def pair_lines(rows: Sequence[tuple[str, Any]]) -> list[str]:
    """Format names and values; empty values are left out."""
    shown = [(name, str(value)) for name, value in rows if value not in {None, ""}]
    width = max((len(name) for name, _ in shown), default=0)
    return [f"{click.style(name.ljust(width), dim=True)}  {value}" for name, value in shown]


def _lines(cells: Sequence[str], widths: Sequence[int], room: int | None) -> list[str]:
    """Format a row; a last cell that is too wide continues on the next lines."""
    padded = [cell + " " * (width - len(click.unstyle(cell))) for cell, width in zip(cells[:-1], widths, strict=True)]
    last, plain = [cells[-1]], click.unstyle(cells[-1])
    if room is not None and len(plain) > room:
        last = textwrap.wrap(plain, room, break_on_hyphens=False)
    indent = " " * (sum(widths) + len(GAP) * len(widths))
    return [GAP.join([*padded, last[0]]).rstrip(), *(indent + line for line in last[1:])]


def escaped(found: Any) -> Any:  # noqa: ANN401  # JSON
    """Make every text of an answer printable, in place."""
    if isinstance(found, str):
        return printable(found)
    for key, value in list(
        found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, list) else ()
    ):
        found[key] = escaped(value)
    return found
