"""The exchange's limits: what is configured, and how much of it is in use."""

from collections.abc import Mapping
from typing import Any

from daemon.config.loading import MEXC_ORDER_RATE, MEXC_WEIGHT
from daemon.config.tables import Config
from daemon.doctor.findings import Finding, ok, warning

CHECK = "rates"
MUCH = 0.9


def examine(config: Config, status: Mapping[str, Any] | None) -> Finding:
    """Report the configured limits and, from the daemon's status, their current use."""
    table = config.exchange
    text = (
        f"{table.order_rate_per_s} orders a second of MEXC's {MEXC_ORDER_RATE}, weight {table.weight_per_10s} in 10 s "
        f"of its {MEXC_WEIGHT}"
    )
    if status is None:
        return ok(CHECK, text)
    exchange = status["exchange"]
    left_ms = exchange["blockedUntilMs"] - status["nowMs"]
    if left_ms > 0:
        return warning(
            CHECK,
            f"the exchange asked to wait for another {left_ms} ms",
            "find out what else uses this address or this key; lower [exchange] weight_per_10s",
        )
    used, limit = exchange["weightUsed"], exchange["weightLimit"]
    text += f"; used now: {status['ordersLastSecond']} and {used}"
    if used > MUCH * limit:
        return warning(CHECK, text, "the searches need more weight than there is: queries are late until some end")
    return ok(CHECK, text)
