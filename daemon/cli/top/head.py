"""The lines above the sections."""

from typing import Any

from rich.text import Text

from daemon.cli.fleet_text import in_one_line
from daemon.cli.top.rows import Board

LOST = "bold white on red"


def head(board: Board) -> list[Text]:
    """Return the lines: the state of the daemon, its figures, and the fleet if it is in one."""
    lines = [_headline(board.status), _figures(board)]
    return lines if board.fleet is None else [*lines, Text.from_ansi(in_one_line(board.fleet))]


def _headline(status: dict[str, Any]) -> Text:
    text = Text(f"sniperd {status['version']}  ")
    if status["shadowOf"] is None:
        text.append(status["mode"])
    else:
        text.append(f"SHADOW of {status['shadowOf']}", style="bold magenta")
    text.append("  ").append(status["stage"], style="bold green" if status["stage"] == "ready" else "bold yellow")
    if status["halted"]:
        text.append(f"  HALTED: {status['halted']}", style=LOST)
    if status["exchange"]["reachable"] is False:
        text.append("  exchange unreachable", style="bold red")
    return text


def _figures(board: Board) -> Text:
    status, text = board.status, Text()
    if board.is_copy:
        text.append("the owner does not answer: this is this member's copy  ", style="bold yellow")
    for name, count, style in (
        ("queue", status["queueLength"], "bold"),
        ("in flight", status["inFlight"], "bold"),
        ("in doubt", status["inDoubt"], "bold yellow"),
        ("lost", status["lost"], "bold red"),
        ("dead", status["deadLetters"], "bold red"),
    ):
        text.append(f"{name} ").append(str(count), style=style if count else "dim").append("  ")
    exchange = status["exchange"]
    rate = f"rate {status['ordersLastSecond']}/{status['ordersPerSecond']} a second"
    return text.append(f"{rate}  weight {exchange['weightUsed']}/{exchange['weightLimit']}")
