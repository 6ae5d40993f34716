"""One exchange and one daemon for all these tests; a test speaks of its own orders, so others' do not matter."""

from collections.abc import Iterator

import pytest

from tests.cli.command import Command
from tests.processes import Daemon, Exchange
from tests.processes.stage import Stage, stage


@pytest.fixture(scope="package")
def cli_stage() -> Iterator[Stage]:
    """Where the processes live that all these tests share."""
    with stage() as place:
        yield place


@pytest.fixture(scope="package")
def cli_exchange(cli_stage: Stage) -> Exchange:
    """The exchange."""
    return cli_stage.exchange()


@pytest.fixture(scope="package")
def cli_daemon(cli_stage: Stage, cli_exchange: Exchange) -> Daemon:
    """The daemon, taking signals."""
    daemon = cli_stage.daemon(cli_exchange)
    daemon.start(with_rules=True)
    return daemon


@pytest.fixture
def exchange(cli_exchange: Exchange) -> Iterator[Exchange]:
    """The exchange, without faults before and after a test."""
    yield cli_exchange
    cli_exchange.lay()


@pytest.fixture
def daemon(cli_daemon: Daemon, exchange: Exchange) -> Iterator[Daemon]:
    """The daemon; after a test it trades again."""
    del exchange  # whose faults end with the test
    yield cli_daemon
    cli_daemon.ask("POST", "/v1/admin/resume", {"reason": "the test is over"})


@pytest.fixture
def command(daemon: Daemon) -> Command:
    """The command of a user whose configuration names that daemon."""
    return Command(daemon.environ | {"SNIPERD_CONFIG": str(daemon.config_path)}, daemon.directory)
