"""One exchange and one daemon for all these tests, and the command that talks to it."""

import pytest

from tests.process.cli.command import Command
from tests.support import Daemon, Exchange
from tests.support.shared import daemon, exchange, package_config, package_daemon, package_exchange, package_stage
from tests.support.stage import Stage

__all__ = ["command", "daemon", "exchange", "package_config", "package_daemon", "package_exchange", "package_stage"]


@pytest.fixture
def command(daemon: Daemon) -> Command:
    """The command of a user whose configuration names that daemon."""
    return Command(daemon.environ | {"SNIPERD_CONFIG": str(daemon.config_path)}, daemon.directory)


@pytest.fixture
def own_exchange(shared_stage: Stage) -> Exchange:
    """An exchange that no other test uses."""
    return shared_stage.exchange()


@pytest.fixture
def own_daemon(shared_stage: Stage, own_exchange: Exchange) -> Daemon:
    """A daemon that no other test uses."""
    found = shared_stage.daemon(own_exchange)
    found.start(with_rules=True)
    return found


@pytest.fixture
def own_command(own_daemon: Daemon) -> Command:
    """The command of a user of that daemon."""
    return Command(own_daemon.environ | {"SNIPERD_CONFIG": str(own_daemon.config_path)}, own_daemon.directory)
