"""``sniperd explain``: what happened to an order and why, what comes next and when, and what the operator can do."""

import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import click

from daemon.cli import show
from daemon.cli.client import Fail, ask, in_path
from daemon.cli.options import config_option, json_option, status_socket
from daemon.cli.orders import filled, order_argument, rounded
from daemon.exit_codes import INTERRUPTED

EVERY_S = 0.5
_HOME, _END_OF_LINE, _REST = "\x1b[H", "\x1b[K", "\x1b[J"

SHOWN_ALIKE = 2
"""Attempts with the same refusal in a row that are shown, the first and the last; those between share one row."""

SHOWN_FILLS = 10
"""Trades of an order that are listed."""

Row = tuple[tuple[int, int], str, str, str, str]
"""The sort key, then the cells: time, what, who, detail."""


@click.command()
@order_argument()
@click.option("--follow", is_flag=True, help="Update the output until the order has ended, or until Ctrl-C.")
@config_option
@json_option
def explain(order: str, follow: bool, config_path: Path | None, as_json: bool) -> None:
    """Explain an order: what happened, when and why, what comes next, and what you can do.

    With --follow, --json prints one object per line after every change.

    Exit code of --follow: 0 once the order has ended, 130 after Ctrl-C.
    """
    socket, target = status_socket(config_path), f"/v1/orders/{in_path(order)}/explain"
    found = ask(socket, "GET", target)
    if not follow:
        show.answer(found, lambda shown: click.echo("\n".join(lines(shown))), as_json=as_json)
        return
    screen = _Screen(as_json=as_json)
    try:
        screen.draw(found)
        while found["order"]["finishedAtMs"] is None:
            time.sleep(EVERY_S)
            try:
                found = ask(socket, "GET", target)
            except Fail as failure:
                screen.draw(found, lost=failure.message)
            else:
                screen.draw(found)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


class _Screen:
    """Shows an explanation repeatedly: in place at a terminal, elsewhere after every change."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._in_place = sys.stdout.isatty() and not as_json
        self._drawn: object = None
        if self._in_place:
            click.clear()

    def draw(self, found: dict[str, Any], lost: str | None = None) -> None:
        """Show an explanation; ``lost`` is the reason why it may be out of date."""
        warning = click.style(f"connection lost: {lost}", fg="red", bold=True) if lost else None
        if self._in_place:
            rows = shutil.get_terminal_size().lines - 1
            shown = lines(show.escaped(found), room=rows - (1 if warning else 0))
            text = "\n".join(f"{line}{_END_OF_LINE}" for line in [*([warning] if warning else []), *shown])
            click.echo(f"{_HOME}{text}\n{_REST}", nl=False)
            return
        if lost or (current := (found["order"], found["events"])) == self._drawn:
            return
        self._drawn = current
        if self._as_json:
            click.echo(json.dumps(found, ensure_ascii=False))
        else:
            click.echo("\n".join([*lines(show.escaped(found)), ""]))


def lines(found: dict[str, Any], *, width: int | None = None, room: int | None = None) -> list[str]:
    """Format an explanation; ``room`` limits its lines by leaving out the oldest entries."""
    order = found["order"]
    head = [
        f"{show.state(order['state'])}  {order['asks']}",
        *show.pair_lines(
            [
                ("order", order["id"]),
                ("why", order["reason"]),
                ("owner", order["ownerId"]),
                ("resource", order["resource"]),
                ("key", order["idempotencyKey"]),
                ("client order id", order["clientOrderId"]),
                ("exchange's id", order["exchangeOrderId"]),
                ("rounded", rounded(order)),
                ("filled", filled(order)),
                *fill_lines(found.get("fills", [])),
                ("fills", found.get("fillsMissing")),
            ]
        ),
        "",
    ]
    heads, *rows = show.table_lines(["time", "what", "who", "detail"], _history(found), width)
    tail = ["", *_ahead(found)]
    left = None if room is None else max(1, room - len(head) - len(tail) - 2)
    if left is not None and len(rows) > left:
        rows = [
            click.style(f"… {len(rows) - left} earlier lines: sniperd explain {order['id']}", dim=True),
            *rows[-left:],
        ]
    return [*head, heads, *rows, *tail]


def fill_lines(fills: list[dict[str, Any]]) -> list[tuple[str, str | None]]:
    """Format each trade with its fee; of many, the first."""
    shown = [
        ("fill", f"{each['quantity']} at {each['price']} = {each['quote']}, fee {each['fee']} {each['feeAsset']}")
        for each in fills[:SHOWN_FILLS]
    ]
    left = len(fills) - SHOWN_FILLS
    return [*shown, ("", f"and {left} more: --json")] if left > 0 else list(shown)


def _ahead(found: dict[str, Any]) -> list[str]:
    """Format the state, what comes next and when, what follows that, and what the operator can do."""
    order, now_ms = found["order"], found["nowMs"]
    since_ms = order["inDoubtSinceMs"] or order["updatedAtMs"]
    then = found["then"]
    return show.pair_lines(
        [
            ("now", f"{show.state(order['state'])}, since {show.ago(since_ms, now_ms).removesuffix(' ago')}"),
            ("next", _when(found["next"], now_ms)),
            ("then", _when(then, now_ms) if then else None),
            *_countdown(found.get("countdown"), now_ms),
            ("clock", show.clock(clock) if (clock := found.get("exchangeClock")) else None),
            ("you", found["advice"]),
        ]
    )


def _countdown(found: dict[str, Any] | None, now_ms: int) -> list[tuple[str, str | None]]:
    """Format what is known of a waiting order's pair, and what the order still lacks."""
    if found is None:
        return []
    opens_ms = found["firstOpenMs"] or found["calendarOpenMs"]
    source = "exchange" if found["firstOpenMs"] else "calendar"
    shown = "tradable" if found["tradable"] else "closed"
    pair = {None: "not asked yet", False: "not shown", True: shown}[found["shown"]]
    words = {None: "not known", True: "yes", False: "NO"}
    checks = {name: words[found[name]] for name in ("warm", "funded", "permitted")}
    lacks = ", ".join(found["lacks"])
    clock = "our clock; the exchange's is not known" if found["exchangeNowMs"] is None else "the exchange's clock"
    left = show.ago(found["atMs"], found["exchangeNowMs"] or now_ms)
    return [
        ("instant", f"{click.style(left, bold=True)} ({show.at(found['atMs'])} of {clock})"),
        ("pair", pair if opens_ms is None else f"{pair}, opens at {show.at(opens_ms)} ({source})"),
        ("ready", ", ".join(f"{name} {answer}" for name, answer in checks.items())),
        ("missing", click.style(lacks, fg="yellow", bold=True) if lacks else None),
    ]


def _when(ahead: dict[str, Any], now_ms: int) -> str:
    at_ms = ahead["atMs"]
    if at_ms is None:
        return str(ahead["what"])
    instant = "now" if at_ms <= now_ms else show.ago(at_ms, now_ms)
    return f"{ahead['what']}: {click.style(instant, bold=True)} ({show.at(at_ms)})"


def _history(found: dict[str, Any]) -> list[list[str]]:
    """List what happened in order of time; what is repeated with the same result shares one row."""
    runs = _runs(found["attempts"])
    folded = [attempt for run in runs for attempt in run[1:-1]]
    numbers, answered_ms = ({each[name] for each in folded} for name in ("number", "answeredAtMs"))
    events = [
        event
        for event in found["events"]
        if not (event["name"] == "order.sent" and event["detail"].get("attempt") in numbers)
        and not (event["name"] == "order.deferred" and event["atMs"] in answered_ms)
    ]
    rows = [_event_row(*each) for each in _gathered(events)]
    for run in runs:
        rows += [row for attempt in (run[0], run[-1])[: len(run)] for row in _attempt_rows(attempt)]
        rows += [_folded_row(run[1:-1])] if len(run) > SHOWN_ALIKE else []
    return [list(row[1:]) for row in sorted(rows, key=lambda row: row[0])]


def _runs(attempts: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Divide attempts into runs of those in a row that were refused with the same words; others stay alone."""
    runs: list[list[dict[str, Any]]] = []
    for attempt in attempts:
        before = runs[-1][-1] if runs else {}
        is_same = all(attempt[name] == before.get(name) for name in ("state", "code", "message"))
        if is_same and attempt["state"] == "refused":
            runs[-1].append(attempt)
        else:
            runs.append([attempt])
    return runs


def _folded_row(attempts: list[dict[str, Any]]) -> Row:
    first, last = attempts[0], attempts[-1]
    name = f"attempts {first['number']} to {last['number']}" if len(attempts) > 1 else f"attempt {first['number']}"
    detail = f"refused with the same words, last {show.at(last['answeredAtMs'])}"
    return (first["startedAtMs"], 1), show.at(first["startedAtMs"]), name, "exchange", detail


def _gathered(events: list[dict[str, Any]]) -> list[tuple[dict[str, Any], int, int]]:
    """Return each event with its count and the time of its last occurrence."""
    gathered: list[tuple[dict[str, Any], int, int]] = []
    places: dict[tuple[object, ...], int] = {}
    for event in events:
        detail = event["detail"]
        key = tuple(detail.get(name) for name in ("witness", "answered", "failed"))
        if event["name"] != "order.looked" or detail.get("found"):
            places = {}
        elif (place := places.setdefault(key, len(gathered))) < len(gathered):
            first, count, _ = gathered[place]
            gathered[place] = (first, count + 1, event["atMs"])
            continue
        gathered.append((event, 1, event["atMs"]))
    return gathered


def _event_row(event: dict[str, Any], count: int, last_ms: int) -> Row:
    detail = ", ".join(f"{name}={value}" for name, value in event["detail"].items() if value is not None)
    if count > 1:
        detail = f"{count} times, last {show.at(last_ms)}: {detail}"
    return (event["atMs"], 0), show.at(event["atMs"]), event["name"], event["actor"], detail


def _attempt_rows(attempt: dict[str, Any]) -> list[Row]:
    """Return the rows of an attempt's request and of its answer."""
    name = f"attempt {attempt['number']}"
    asked = attempt["asked"] or attempt["clientOrderId"]
    rows = [((attempt["startedAtMs"], 1), show.at(attempt["startedAtMs"]), f"{name} asked", "daemon", asked)]
    if attempt["answeredAtMs"] is not None:
        result = " ".join(filter(None, [attempt["state"], attempt["answered"] or attempt["message"]]))
        rows.append(
            ((attempt["answeredAtMs"], -1), show.at(attempt["answeredAtMs"]), f"{name} answered", "exchange", result)
        )
    return rows
