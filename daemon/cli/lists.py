"""What long lists share: pages of answers, and comma-separated values."""

import csv
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from daemon.cli.client import TIMEOUT_S, ask
from daemon.core.values.instants import instant_text

Page = Mapping[str, Any]

SHOWN, MOST = 20, 1_000
"""The length of a page for people, and of the longest one."""

_FORMULA = tuple("=+-@\t\r\n＝＋－＠")  # noqa: RUF001  # some spreadsheets take the wide forms, too
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def pages(
    status: Path,
    path: str,
    filters: Mapping[str, Any],
    *,
    for_programs: bool,
    then: Callable[[Page], Mapping[str, Any]] = lambda _page: {},
    timeout_s: float = TIMEOUT_S,
) -> Iterator[Page]:
    """Yield the pages of a list.

    Args:
        status: the status socket.
        path: of the route.
        filters: of the request, by the names of the command's options; those that are ``None`` are left out.
        for_programs: whether a page is as long as it may be, if there is no limit among the filters.
        then: returns what the requests after a page ask for besides.
        timeout_s: the wait for a page.

    """
    options = {name: f"--{name}" for name in filters}
    query = {"limit": MOST if for_programs else SHOWN}
    query |= {name: value for name, value in filters.items() if value is not None}
    while True:
        page = ask(status, "GET", f"{path}?{urlencode(query)}", options=options, timeout_s=timeout_s)
        yield page
        if page["next"] is None:
            return
        query |= {**then(page), "cursor": page["next"]}


def write_csv(names: Sequence[str], found: Iterable[Iterable[Mapping[str, Any]]]) -> None:
    """Write pages of entries as comma-separated values, with a line of names.

    Amounts are written as they are. A name that ends with ``At`` is an instant, written in ISO 8601 (UTC). What is not
    known or does not apply is empty.
    """
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(names)
    for entries in found:
        out.writerows([_cell(entry, name) for name in names] for entry in entries)


def _cell(entry: Mapping[str, Any], name: str) -> str:
    value = entry[f"{name}Ms" if name.endswith("At") else name]
    if value is None:
        return ""
    if name.endswith("At"):
        return instant_text(value)
    if isinstance(value, dict):  # amounts by asset
        return " ".join(f"{amount} {asset}" for asset, amount in value.items())
    return _safe(str(value))


def _safe(text: str) -> str:
    """Return a text that no spreadsheet takes as a formula.

    It would run a text that begins with one of these characters. An apostrophe before it makes it text (OWASP, "CSV
    Injection"). Numbers stay as they are.
    """
    return f"'{text}" if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text) else text
