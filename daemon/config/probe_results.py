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
    """Codes that refuse a used client order id. Such an answer never proves that there is no order."""
    lookup_lag_ms: int | None = None
    """The longest time until a placed order was shown. Bounds [reconcile] grace_ms from below."""
    ended_shown_by_id: bool | None = None
    """Whether a cancelled order is still shown by its client id. If not, every source is searched at once."""
    refused_types: list[str] = []
    """Order types that the exchange refuses. Signals with these types are refused at once."""
    repeated_id_open: bool | None = None
    """Whether the id of an open order is accepted again. The daemon never sends an id twice."""
    repeated_id_ended: bool | None = None
    """Whether the id of an ended order is accepted again."""
    refused_id_reusable: bool | None = None
    """Whether the id of a refused attempt is accepted again. The daemon gives each attempt its own id."""
    test_checks_amount: bool | None = None
    """Whether order/test refuses an amount below the minimum."""
    idle_closed_s: float | None = None
    """Seconds after which the exchange closed an idle connection. None: it did not, for as long as one was watched."""

    def is_about(self, server: str) -> bool:
        """Whether the results apply to a server."""
        return self.exchange == server

    def effects(self) -> list[str]:
        """Describe how the results change the daemon's behaviour."""
        effects = []
        if self.duplicate_codes:
            effects.append(f"a refusal with code {', '.join(map(str, self.duplicate_codes))} is checked by a search")
        if self.lookup_lag_ms is not None:
            effects.append(f'"not found" counts after {self.lookup_lag_ms * LAGS} ms at the earliest')
        if self.ended_shown_by_id is False:
            effects.append("every source is searched at once for an order in doubt")
        if self.idle_closed_s is not None:
            effects.append(f"no connection is used again shortly before it was idle for {self.idle_closed_s} s")
        if self.refused_types:
            effects.append(f"{', '.join(self.refused_types)} signals are refused")
        return effects


UNSETTLED = ProbeResults()


def place(configured: str, database: Path) -> Path:
    """Return the path of the results: ``[exchange] facts_file``, or beside the database."""
    return Path(configured) if configured else database.with_name(NAME)


def load(path: Path) -> ProbeResults | None:
    """Read the results; ``None`` if there is no file.

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
            f"{path} is not a file of probe results: {error}; remove it, or run `sniperd doctor --live-probe` again"
        ) from None


def write(results: ProbeResults, path: Path) -> None:
    """Write the results that there are, in the place of earlier ones."""
    found = {name: value for name, value in msgspec.to_builtins(results).items() if value is not None}
    lines = [f"{name} = {json.dumps(value)}\n" for name, value in found.items()]
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)  # left by an interrupted probe
    with fresh.open("x", encoding="utf-8") as made:  # never follow an existing symbolic link
        made.write("# Written by `sniperd doctor --live-probe`; see `sniperd manual live`.\n" + "".join(lines))
    fresh.chmod(0o644)
    fresh.replace(path)
