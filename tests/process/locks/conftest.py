"""One exchange and one daemon for all these tests."""

from tests.support.shared import daemon, exchange, package_config, package_daemon, package_exchange, package_stage

__all__ = ["daemon", "exchange", "package_config", "package_daemon", "package_exchange", "package_stage"]
