"""What a live probe has found out: whether there is anything, how old, and about which server."""

from pathlib import Path

from daemon.config import probe_results
from daemon.config.tables import ExchangeTable
from daemon.doctor.findings import Finding, failure, ok, warning
from daemon.errors import BadConfig

CHECK = "facts"
DAY_MS = 86_400_000
OLD_DAYS = 90
"""Exchanges change without saying so."""


def examine(exchange: ExchangeTable, database: Path, now_ms: int) -> Finding:
    """Judge the answers that the daemon would take."""
    path = probe_results.place(exchange.facts_file, database)
    try:
        found = probe_results.load(path)
    except PermissionError:
        return warning(CHECK, f"{path} is out of your sight", "run `sniperd doctor` as root or as the daemon's user")
    except BadConfig as error:
        return failure(CHECK, str(error), "the daemon does not start with it")
    if found is None:
        return ok(CHECK, "no live probe yet: what the exchange does not document is assumed to be as bad as can be")
    if not found.is_about(exchange.server):
        return warning(
            CHECK,
            f"{path} is about {found.exchange}, and does not count",
            "`sniperd doctor --live-probe` asks this one",
        )
    days = (now_ms - found.probed_ms) // DAY_MS
    text = f"probed {days} days ago on {found.symbol}: {'; '.join(found.effects()) or 'nothing is done otherwise'}"
    if days > OLD_DAYS:
        return warning(CHECK, text, "`sniperd doctor --live-probe` asks anew")
    return ok(CHECK, text)
