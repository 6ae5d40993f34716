"""The results of the live probe: whether there are any, their age, and their server."""

from pathlib import Path

from daemon.config import probe_results
from daemon.config.tables import ExchangeTable
from daemon.doctor.findings import Finding, failure, ok, warning
from daemon.errors import BadConfig

CHECK = "facts"
DAY_MS = 86_400_000
OLD_DAYS = 90
"""Exchanges change without notice."""


def examine(exchange: ExchangeTable, database: Path, now_ms: int) -> Finding:
    """Check the results that the daemon would use."""
    path = probe_results.place(exchange.facts_file, database)
    try:
        found = probe_results.load(path)
    except PermissionError:
        return warning(CHECK, f"you may not read {path}", "run `sniperd doctor` as root or as the daemon's user")
    except BadConfig as error:
        return failure(CHECK, str(error), "the daemon does not start with it")
    if found is None:
        return ok(CHECK, "no live probe yet: the worst case is assumed for what the exchange does not document")
    if not found.is_about(exchange.server):
        return warning(
            CHECK,
            f"{path} is about {found.exchange} and is not used",
            "`sniperd doctor --live-probe` probes this exchange",
        )
    days = (now_ms - found.probed_ms) // DAY_MS
    text = f"probed {days} days ago on {found.symbol}: {'; '.join(found.effects()) or 'nothing changes'}"
    if days > OLD_DAYS:
        return warning(CHECK, text, "run `sniperd doctor --live-probe` again")
    return ok(CHECK, text)
