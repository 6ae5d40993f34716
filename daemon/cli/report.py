"""``sniperd report``: what was bought or not, at which price, and what it earned."""

from collections.abc import Sequence
from decimal import Context, Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import click

from daemon.cli import show
from daemon.cli.instants import PAST
from daemon.cli.lists import MOST, Page, pages, write_csv
from daemon.cli.options import config_option, json_option, status_socket
from daemon.core.values.instants import instant_text

TIMEOUT_S = 300.0
"""A report of very many orders is made slowly, so that it delays no trade."""

_BRIEF = Context(prec=8)
CSV_FIELDS = (
    "snipeTargetId", "orderId", "symbol", "side", "outcome", "state", "endedAt", "boughtQuantity", "averageBought",
    "boughtValue", "soldQuantity", "averageSold", "soldValue", "baseAsset", "quoteAsset", "fees", "feesInQuote",
    "feesUnknown", "valuesUnknown", "realised", "unmatchedQuantity", "unmatchedValue", "reason",
)  # fmt: skip
"""The columns of ``--csv``: a line for each target, or order without a target."""

_WORDS = {"filled": "filled", "partly": "partly", "unknown": "unknown", "unfinished": "open", "none": "not filled"}
_COLOURS = {"filled": "green", "partly": "green", "unknown": "yellow", "unfinished": "cyan", "none": "red"}


@click.command()
@click.option("--since", type=PAST, metavar="INSTANT", help=f"Begin of the period: {PAST.allowed}. Default: 00:00 UTC.")
@click.option("--until", type=PAST, metavar="INSTANT", help="End of the period, in the same forms. Default: now.")
@click.option("--limit", type=click.IntRange(1, MOST), help="How many targets at most. Default: 20; with --csv: all.")
@click.option("--cursor", help="Continue the list of targets: the cursor that the previous page printed.")
@click.option("--csv", "as_csv", is_flag=True, help="Print a line of comma-separated values for each target.")
@config_option
@json_option
def report(config_path: Path | None, as_json: bool, as_csv: bool, **filters: Any) -> None:  # noqa: ANN401  # click's options
    """Show what was bought or not, at which price, and what it earned.

    By pair and day (UTC), in total, and by target. The table rounds amounts to eight digits; --csv and --json do not.
    `sniperd manual money` has how the result is computed.
    """
    if as_csv and as_json:
        raise click.UsageError("--csv and --json exclude each other")
    status = status_socket(config_path)
    found = pages(status, "/v1/report", filters, for_programs=as_csv, then=_same_period, timeout_s=TIMEOUT_S)
    if as_csv:
        write_csv(CSV_FIELDS, (page["targets"] for page in islice(found, None if filters["limit"] is None else 1)))
    else:
        show.answer(next(found), _print, as_json=as_json)


def _same_period(page: Page) -> dict[str, Any]:
    return {"since": page["sinceMs"], "until": page["untilMs"] or page["nowMs"]}


def _print(found: dict[str, Any]) -> None:
    end = f"now, {show.at(found['nowMs'])}" if found["untilMs"] is None else show.at(found["untilMs"])
    click.echo(f"{show.at(found['sinceMs'])} to {end}; days begin at 00:00 UTC")
    if not found["totals"]:
        click.echo("No order ended or traded in this period. A longer one: `sniperd report --since 7d`")
    else:
        _print_days(found)
        _print_totals(found)
        _print_positions(found)
        _print_targets(found)
    limit = found["dailyLimit"]
    if limit is not None:
        click.echo(f"\nspent today: {limit['spent']} of {limit['limit']} {limit['asset']}{_unpriced(limit)}")


def _print_days(found: dict[str, Any]) -> None:
    click.echo()
    _table(
        ["day", "pair", "bought", "average", "value", "sold", "average", "value", "fees", "result", "orders"],
        [
            [
                instant_text(each["dayAtMs"])[:10],
                each["symbol"],
                *_amounts(each),
                _fees(each),
                _result(each),
                _orders(each),
            ]
            for each in found["days"]
        ],
        (*range(2, 8), 9),
    )
    if found["unshownDays"]:
        click.echo(click.style(f"{found['unshownDays']} more: ask for a shorter period", dim=True))


def _print_totals(found: dict[str, Any]) -> None:
    click.echo()
    _table(
        ["total", "bought", "sold", "fees", "open positions", "result", "orders"],
        [
            [
                each["quoteAsset"] or "other pairs",
                _brief(each["boughtValue"]),
                _brief(each["soldValue"]),
                _fees(each),
                _brief(each["openCost"]),
                _result(each),
                _orders(each),
            ]
            for each in found["totals"]
        ],
        (1, 2, 4, 5),
    )
    for each in found["totals"]:
        for unknown in each["unknowns"]:
            click.echo(click.style(unknown, fg="yellow"))


def _print_positions(found: dict[str, Any]) -> None:
    rows = [
        [each["symbol"], _brief(each["openQuantity"]), _brief(each["openAverage"]), _brief(each["openCost"])]
        for each in found["pairs"]
        if each["openAverage"] is not None
    ]
    if rows:
        click.echo()
        _table(["open position", "quantity", "average", "cost"], rows, range(1, 4))


def _print_targets(found: dict[str, Any]) -> None:
    click.echo()
    _table(
        ["target", "pair", "what", "average", "value", "result", "order", "why"],
        [
            [
                each["snipeTargetId"] or "-",
                each["symbol"],
                f"{each['side']} " + click.style(_WORDS[each["outcome"]], fg=_COLOURS[each["outcome"]]),
                _brief(each["averageBought"] if each["side"] == "BUY" else each["averageSold"]),
                _brief(each["boughtValue"] if each["side"] == "BUY" else each["soldValue"]),
                _result(each),
                each["orderId"],
                show.state(each["state"]) + (f": {each['reason']}" if each["reason"] else ""),
            ]
            for each in found["targets"]
        ],
        range(3, 6),
    )
    if found["next"]:
        click.echo(click.style(f"more: --cursor {found['next']}", dim=True))


def _amounts(sums: dict[str, Any]) -> list[str]:
    names = ("boughtQuantity", "averageBought", "boughtValue", "soldQuantity", "averageSold", "soldValue")
    return [_brief(sums[name]) for name in names]


def _brief(amount: str | None) -> str:
    """Round an amount for people, to eight significant digits; nothing and zero are a dash."""
    if amount is None or not Decimal(amount):
        return "-"
    text = format(_BRIEF.create_decimal(amount), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _fees(sums: dict[str, Any]) -> str:
    known = [f"{_brief(fee)} {asset}" for asset, fee in sums["fees"].items()]
    return ", ".join([*known, *(["not known yet"] if sums["feesUnknown"] else [])]) or "-"


def _result(sums: dict[str, Any]) -> str:
    """Show the realised result; a dash where nothing was sold whose cost is known."""
    earned = Decimal(sums["realised"])
    if not earned:
        return "-"
    return click.style(f"{'+' if earned > 0 else ''}{_brief(sums['realised'])}", fg="green" if earned > 0 else "red")


def _orders(sums: dict[str, Any]) -> str:
    sides = {"BUY": sums["buys"], "SELL": sums["sells"]}
    parts = {side: _counts(counted) for side, counted in sides.items()}
    return "; ".join(f"{side} {text}" for side, text in parts.items() if text)


def _counts(counted: dict[str, int]) -> str:
    return ", ".join(f"{counted[name]} {word}" for name, word in _WORDS.items() if counted[name])


def _unpriced(limit: dict[str, Any]) -> str:
    return f"; the cost of order {limit['unpriced']} is not known yet" if limit["unpriced"] else ""


def _table(heads: Sequence[str], rows: Sequence[list[str]], numbers: Sequence[int]) -> None:
    """Print a table whose columns of numbers end at the right."""
    widths = {column: max(len(click.unstyle(row[column])) for row in (heads, *rows)) for column in numbers}

    def aligned(row: Sequence[str]) -> list[str]:
        return [" " * (widths.get(column, 0) - len(click.unstyle(cell))) + cell for column, cell in enumerate(row)]

    show.table(aligned(heads), [aligned(row) for row in rows])
