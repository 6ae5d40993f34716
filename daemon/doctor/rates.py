"""The exchange's limits: what is configured, and what of it is used at this moment."""

from collections.abc import Mapping
from typing import Any

from daemon.config.loading import MEXC_ORDER_RATE, MEXC_WEIGHT
from daemon.config.tables import Config
from daemon.doctor.findings import Finding, ok, warning

CHECK = "rates"
MUCH = 0.9


def examine(config: Config, status: Mapping[str, Any] | None) -> Finding:
    """Say how much may be asked, and, from a daemon's status, how much is."""
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
            f"the exchange said wait, for another {left_ms} ms",
            "find out what else asks from this address or with this key; lower [exchange] weight_per_10s",
        )
    used, limit = exchange["weightUsed"], exchange["weightLimit"]
    text += f"; used now: {status['ordersLastSecond']} and {used}"
    if used > MUCH * limit:
        return warning(CHECK, text, "more orders are looked for than the weight allows: looks are late until they end")
    return ok(CHECK, text)
