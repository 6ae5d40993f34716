"""One exchange and one daemon for all these tests, and the command that talks to it."""

import pytest

from tests.process.cli.command import Command
from tests.support import Daemon
from tests.support.shared import daemon, exchange, package_config, package_daemon, package_exchange, package_stage

__all__ = ["command", "daemon", "exchange", "package_config", "package_daemon", "package_exchange", "package_stage"]


@pytest.fixture
def command(daemon: Daemon) -> Command:
    """The command of a user whose configuration names that daemon."""
    return Command(daemon.environ | {"SNIPERD_CONFIG": str(daemon.config_path)}, daemon.directory)
