"""One exchange and two daemons for all these tests: one with the usual times, one with short ones."""

from typing import Any

import pytest

from tests.support import Daemon, Exchange
from tests.support.shared import daemon, exchange, package_config, package_daemon, package_exchange, package_stage
from tests.support.stage import Stage

__all__ = [
    "daemon",
    "exchange",
    "package_config",
    "package_daemon",
    "package_exchange",
    "package_stage",
    "quick_daemon",
]


@pytest.fixture(scope="package")
def quick_daemon(package_stage: Stage, package_exchange: Exchange) -> Daemon:
    """A daemon with short deadlines, a short window of derived keys and a short retention."""
    config: dict[str, dict[str, Any]] = {
        "queue": {"buy_deadline_ms": 400, "manual_window_ms": 50},
        "locks": {"cleanup_interval_s": 0.2, "retention_h": 0.0001},
    }
    daemon = package_stage.daemon(package_exchange, config)
    daemon.start(with_rules=True)
    return daemon
