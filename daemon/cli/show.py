"""Showing things on a terminal: tables, colours, times. Colours are left out where nobody looks (click does)."""

import json
import shutil
import time
from collections.abc import Sequence
from typing import Any

import click

COLOURS = {
    "filled": "green",
    "open": "cyan",
    "partially_filled": "cyan",
    "queued": "blue",
    "armed": "blue",
    "in_flight": "blue",
    "in_doubt": "yellow",
    "lost": "red",
    "dead_letter": "red",
    "rejected": "red",
}


def as_json(value: object) -> None:
    """Print JSON."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def state(word: str) -> str:
    """Colour an order's state."""
    return click.style(word, fg=COLOURS.get(word), bold=word in {"in_doubt", "lost", "dead_letter"})


def at(ms: int | None) -> str:
    """Write an instant in local time, to the millisecond."""
    if ms is None:
        return "-"
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(ms / 1_000)) + f".{ms % 1_000:03d}"


def ago(ms: int, now_ms: int) -> str:
    """Write how long ago, or in how long, shortly."""
    seconds = abs(now_ms - ms) / 1_000
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            text = f"{seconds / length:.1f} {unit}"
            break
    else:
        text = f"{seconds:.1f} s"
    return f"{text} ago" if ms <= now_ms else f"in {text}"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; the last column is cut to the terminal's width."""
    widths = [max(len(click.unstyle(row[column])) for row in (heads, *rows)) for column in range(len(heads))]
    click.echo(_line([click.style(head, bold=True) for head in heads], widths))
    for row in rows:
        click.echo(_line(row, widths))


def pairs(rows: Sequence[tuple[str, Any]]) -> None:
    """Print names and values, those that there are."""
    shown = [(name, str(value)) for name, value in rows if value not in {None, ""}]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        click.echo(f"{click.style(name.ljust(width), dim=True)}  {value}")


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        cell + " " * (width - len(click.unstyle(cell))) for cell, width in zip(cells[:-1], widths[:-1], strict=True)
    ]
    room = max(20, shutil.get_terminal_size().columns - sum(widths[:-1]) - 2 * len(padded))
    last = cells[-1] if len(click.unstyle(cells[-1])) <= room else click.unstyle(cells[-1])[: room - 1] + "…"
    return "  ".join([*padded, last]).rstrip()
