"""Probe results: what the live probe measured where the exchange's documentation says nothing, and the file of them.

Every result may be missing, which means: not settled, assume the worst. Results are about one server, and only a daemon
that trades there uses them. Each field says what it changes; fields that say nothing are for the operator to read.
"""

import json
import tomllib
from pathlib import Path

import msgspec

from daemon.errors import BadConfig

NAME = "exchange-facts.toml"

LAGS = 10
"""A negative lookup counts only after this multiple of the longest lag that was measured."""


class ProbeResults(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The results."""

    exchange: str = ""  # the server, or "paper"
    symbol: str = ""
    probed_ms: int = 0
    duplicate_codes: list[int] = []
    """By which a client order id that was used is refused. Such an answer never proves that no order exists."""
    lookup_lag_ms: int | None = None
    """The longest time until a placed order was shown. Bounds [reconcile] grace_ms from below."""
    ended_shown_by_id: bool | None = None
    """Whether a cancelled order is still shown by its client id. Where not, doubts are looked for everywhere."""
    refused_types: list[str] = []
    """Types of orders that are refused as such. Signals that ask for them are refused before they cost time."""
    repeated_id_open: bool | None = None
    """Whether the id of an open order is taken again. The daemon never sends one twice."""
    repeated_id_ended: bool | None = None
    """Whether the id of an ended order is taken again."""
    refused_id_reusable: bool | None = None
    """Whether the id of a refused attempt is taken again. The daemon gives each attempt an id of its own."""
    test_checks_amount: bool | None = None
    """Whether order/test refuses what is below the minimum."""

    def is_about(self, server: str) -> bool:
        """Whether the results are about a server."""
        return self.exchange == server

    def effects(self) -> list[str]:
        """Say what the daemon does differently because of the results."""
        effects = []
        if self.duplicate_codes:
            effects.append(f"a refusal with code {', '.join(map(str, self.duplicate_codes))} is looked into")
        if self.lookup_lag_ms is not None:
            effects.append(f'"not found" counts after {self.lookup_lag_ms * LAGS} ms at the earliest')
        if self.ended_shown_by_id is False:
            effects.append("doubts are looked for everywhere at once")
        if self.refused_types:
            effects.append(f"{', '.join(self.refused_types)} signals are refused")
        return effects


UNSETTLED = ProbeResults()


def place(configured: str, database: Path) -> Path:
    """Find where the results are kept: ``[exchange] facts_file``, or beside the database."""
    return Path(configured) if configured else database.with_name(NAME)


def load(path: Path) -> ProbeResults | None:
    """Read the results; ``None`` where there is no such file.

    Raises:
        BadConfig: it cannot be read.

    """
    try:
        text = path.read_text(encoding="utf-8")
        return msgspec.convert(tomllib.loads(text), ProbeResults)
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise BadConfig(
            f"{path} holds no answers about the exchange: {error}; remove it, or run `sniperd doctor --live-probe` anew"
        ) from None


def write(results: ProbeResults, path: Path) -> None:
    """Write the results that there are, in the place of earlier ones."""
    found = {name: value for name, value in msgspec.to_builtins(results).items() if value is not None}
    lines = [f"{name} = {json.dumps(value)}\n" for name, value in found.items()]
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)  # of a probe that was cut off
    with fresh.open("x", encoding="utf-8") as made:  # never by a symbolic link that stands there
        made.write("# Written by `sniperd doctor --live-probe`; see `sniperd manual live`.\n" + "".join(lines))
    fresh.chmod(0o644)
    fresh.replace(path)
