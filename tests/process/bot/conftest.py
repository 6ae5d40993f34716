"""One exchange and one daemon for all these tests, and one for which everything is over soon."""

from typing import Any

import pytest

from tests.support import Daemon, Exchange
from tests.support.shared import daemon, exchange, package_config, package_daemon, package_exchange, package_stage
from tests.support.stage import Stage

__all__ = ["brisk", "daemon", "exchange", "package_config", "package_daemon", "package_exchange", "package_stage"]


@pytest.fixture(scope="package")
def brisk(package_stage: Stage, package_exchange: Exchange) -> Daemon:
    """A daemon for which everything is over soon: deadlines, the window of derived keys, what is kept."""
    config: dict[str, dict[str, Any]] = {
        "queue": {"buy_deadline_ms": 400, "manual_window_ms": 50},
        "locks": {"cleanup_interval_s": 0.2, "retention_h": 0.0001},
    }
    daemon = package_stage.daemon(package_exchange, config)
    daemon.start(with_rules=True)
    return daemon
