"""A fleet as one of its members sees it, for tests of what people see."""

from typing import Any

from daemon.core.values.fleet_health import FleetHealth, MemberHealth, Standing
from tests.support.making import NOW_MS


def some_member(name: str, standing: Standing, **changed: Any) -> MemberHealth:
    """Return a healthy member."""
    fields: dict[str, Any] = {
        "member": f"id-of-{name}", "name": name, "standing": standing, "version": "1.1.0", "n": 18_204, "behind": 0,
        "reaches_exchange": True, "clock_error_ms": 8.0, "seen_ago_ms": 400, "cannot_own": None,
        "configuration_differs": False,
    }  # fmt: skip
    return MemberHealth(**(fields | changed))


def some_fleet(**changed: Any) -> FleetHealth:
    """Return a healthy fleet of an owner and a standby, as the standby sees it."""
    fields: dict[str, Any] = {
        "ledger": "main", "member": "id-of-tokyo-2", "name": "tokyo-2", "standing": Standing.STANDBY,
        "cannot_own": None, "owner": "tokyo-1", "owned_since_ms": NOW_MS, "epoch": 7, "lease_ms": 5_000,
        "lease_left_ms": 4_200.0, "n": 18_204, "log_n": 18_204, "backend": "PostgreSQL 17.2 on db1",
        "backend_error": None, "doubts": [], "append_ms": None, "append_p99_ms": None, "takeovers": 0,
        "last_takeover": None,
        "members": [some_member("tokyo-1", Standing.OWNER), some_member("tokyo-2", Standing.STANDBY)],
    }  # fmt: skip
    return FleetHealth(**(fields | changed))
