"""The fleet as text, for ``sniperd status`` and ``sniperd fleet status``."""

from typing import Any

import click

from daemon.cli import show
from daemon.cli.client import DaemonAnswer

COLOURS = {"owner": "green", "standby": "cyan", "door": "blue"}
ALONE = "alone: this daemon is in no fleet (sniperd manual fleet)"
OTHER_CONFIGURATION = "another configuration than the owner's: `sniperd doctor` there says which tables must agree"
_UNKNOWN = click.style("who owns the account is not known here", fg="red", bold=True)
_UNOWNED = click.style("no member owns the account: nothing is traded", fg="red", bold=True)


def fleet_lines(fleet: dict[str, Any]) -> list[tuple[str, str | None]]:
    """Return names and texts: who owns the account, the members, the database, the latest takeover."""
    members = _aligned([_member(each) for each in fleet["members"]])
    return [
        ("fleet", f"{fleet['ledger']}: {_owner(fleet)}; {_here(fleet)}"),
        *(("", f"  {line}") for line in members),
        ("log", _database(fleet)),
        *(("", click.style(f"  {doubt}", fg="red", bold=True)) for doubt in fleet["doubts"]),
        ("last", _last(fleet["lastTakeover"])),
    ]


def in_one_line(fleet: dict[str, Any]) -> str:
    """Return what this member is, who owns the account, and whether the database answers."""
    owner = (
        _nobody(fleet) if fleet["owner"] is None else f"{click.style(fleet['owner'], bold=True)} owns, {_lease(fleet)}"
    )
    known = f"fleet {fleet['ledger']}: {_here(fleet)}; {_lease(fleet) if fleet['standing'] == 'owner' else owner}"
    return known if fleet["backendError"] is None else f"{known}; {_silent(fleet)}"


def _owner(fleet: dict[str, Any]) -> str:
    if fleet["owner"] is None:
        return _nobody(fleet)
    since = "" if fleet["ownedSinceMs"] is None else f" since {show.at(fleet['ownedSinceMs'])}"
    owner = click.style(fleet["owner"], bold=True)
    return f"{owner} owns{since} (epoch {fleet['epoch']}, {_lease(fleet)})"


def _nobody(fleet: dict[str, Any]) -> str:
    return _UNOWNED if fleet["backendError"] is None else _UNKNOWN


def _lease(fleet: dict[str, Any]) -> str:
    left_ms = fleet["leaseLeftMs"]
    if left_ms is not None and left_ms <= 0:
        return "lease " + click.style(f"ended {-left_ms / 1_000:.1f} s ago", fg="red", bold=True)
    return "lease " + ("its end cannot be judged here" if left_ms is None else f"{left_ms / 1_000:.1f} s")


def _here(fleet: dict[str, Any]) -> str:
    words = {"owner": "owning", "standby": "standing by", "door": "a door"}
    standing = click.style(words[fleet["standing"]], fg=COLOURS[fleet["standing"]])
    if fleet["standing"] != "standby":
        return f"this is {fleet['name']}, {standing}"
    ready = "ready" if fleet["cannotOwn"] is None else click.style(f"cannot take over: {fleet['cannotOwn']}", fg="red")
    return f"this is {fleet['name']}, {standing}, {ready}"


def _member(member: dict[str, Any]) -> list[str]:
    log = f"log {member['n']:,}"
    if member["standing"] != "owner":
        log += f" ({member['behind']:,} behind)"
    clock_ms = member["clockErrorMs"]
    exchange = "exchange ok" if member["reachesExchange"] else "no exchange"
    clock = "clock unknown" if clock_ms is None else f"clock ±{clock_ms:.0f} ms"
    seen = f"seen {member['seenAgoMs'] / 1_000:.0f} s ago"
    unable = member["cannotOwn"] if member["standing"] == "standby" else None
    lacks = [] if unable is None else [click.style(f"cannot take over: {unable}", fg="red")]
    if member["configurationDiffers"]:
        lacks.append(click.style(OTHER_CONFIGURATION, fg="yellow"))
    cells = [member["name"], member["standing"], log, exchange, clock, seen, member["version"]]
    return [*cells, "; ".join(lacks)]


def _database(fleet: dict[str, Any]) -> str:
    if fleet["backendError"] is not None:
        return _silent(fleet)
    if fleet["appendMs"] is None:
        return str(fleet["backend"])
    return f"{fleet['backend']}; append {fleet['appendMs']:.1f} ms, p99 {fleet['appendP99Ms']:.1f} ms"


def _silent(fleet: dict[str, Any]) -> str:
    return f"{fleet['backend']}  " + click.style(f"does not answer: {fleet['backendError']}", fg="red", bold=True)


def _last(takeover: DaemonAnswer | None) -> str | None:
    if takeover is None:
        return None
    former = "" if takeover["former"] is None else f" from {takeover['former']}"
    return f"takeover {show.at(takeover['atMs'])} by {takeover['owner']}{former}: {takeover['reason']}"


def _aligned(rows: list[list[str]]) -> list[str]:
    """Align columns."""
    widths = [max(len(click.unstyle(cell)) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell + " " * (width - len(click.unstyle(cell))) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]
