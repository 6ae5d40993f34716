"""The lines above the sections."""

from rich.text import Text

from daemon.cli.fleet_text import in_one_line
from daemon.cli.status import TONES
from daemon.cli.top.rows import Board

LOST = "bold white on red"


def head(board: Board) -> list[Text]:
    """Return the lines: whether all is well, the daemon's state and figures, and the fleet if it is in one."""
    summary = board.status["summary"]
    lines = [Text(summary["sentence"], style=f"bold {TONES.get(summary['tone'], '')}"), _figures(board)]
    return lines if board.fleet is None else [*lines, Text.from_ansi(in_one_line(board.fleet))]


def _figures(board: Board) -> Text:
    status, text = board.status, Text()
    if board.is_copy:
        text.append("the owner does not answer: this is this member's copy", style="bold yellow")
    elif status["shadowOf"] is None:
        text.append(status["mode"])
    else:
        text.append(f"SHADOW of {status['shadowOf']}", style="bold magenta")
    stage = "bold green" if status["stage"] == "ready" else "bold yellow"
    text.append("  ").append(status["stage"], style=stage).append("  ")
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
