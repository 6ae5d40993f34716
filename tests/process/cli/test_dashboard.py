"""The dashboard's address, with its token, is shown at a terminal and on request, and never in the log or a file."""

import http.client
import os
import pty
import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from daemon.config.loading import QUICK_LISTEN
from tests.process.cli.command import Command
from tests.support import Child, Daemon, Exchange
from tests.support.command import SNIPERD, sniperd
from tests.support.daemon_process import plain_environment
from tests.support.stage import Stage
from tests.support.waiting import PATIENCE_S

REFUSED = 1


@pytest.fixture(scope="module")
def listening(package_stage: Stage, package_exchange: Exchange) -> Daemon:
    """A daemon that listens on any free port of the loopback."""
    daemon = package_stage.daemon(package_exchange, {"http": {"listen": "127.0.0.1:0"}})
    daemon.start()
    return daemon


def command_of(daemon: Daemon) -> Command:
    return Command(daemon.environ | {"SNIPERD_CONFIG": str(daemon.config_path)}, daemon.directory)


def token_in(url: str) -> str:
    return url.partition("#token=")[2]


def page_at(url: str) -> int:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.request("GET", "/")
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


def test_the_command_prints_the_address_with_the_token(listening: Daemon) -> None:
    ran = command_of(listening)("dashboard")
    assert (ran.code, ran.errors) == (0, "")
    address = listening.wait_for("daemon.ready")["http"]
    token = listening.database.with_name("http-token").read_text().strip()
    assert ran.output == f"{address}/#token={token}\n"
    assert page_at(ran.output) == 200
    assert command_of(listening)("dashboard", "--json").json == {"url": ran.output.strip(), "address": address}


def test_a_daemon_without_a_dashboard_says_how_to_have_one(command: Command) -> None:
    ran = command("dashboard")
    assert (ran.code, ran.output) == (REFUSED, "")
    assert "[http] listen" in ran.errors


def test_a_token_that_cannot_be_read_is_named(package_stage: Stage, package_exchange: Exchange) -> None:
    daemon = package_stage.daemon(package_exchange, {"http": {"listen": "127.0.0.1:0"}})
    daemon.start()
    file = daemon.database.with_name("http-token")
    file.unlink()
    ran = command_of(daemon)("dashboard")
    assert (ran.code, ran.output) == (REFUSED, "")
    assert str(file) in ran.errors


class Terminal:
    """A terminal that the operator reads."""

    def __init__(self, ours: int, path: str) -> None:
        self._ours = ours
        self.path = path

    def line(self) -> str:
        """Wait for a line."""
        shown = b""
        while not shown.endswith(b"\n"):
            assert select.select([self._ours], [], [], PATIENCE_S)[0], f"no line came, only {shown!r}"
            shown += os.read(self._ours, 1)
        return shown.decode().strip()


@contextmanager
def terminal() -> Iterator[Terminal]:
    ours, its = pty.openpty()
    path = os.ttyname(its)
    try:
        yield Terminal(ours, path)
    finally:
        os.close(its)
        os.close(ours)


class Home:
    """A user's home, in which the daemon runs without a configuration file."""

    def __init__(self, stage: Stage) -> None:
        self.directory = stage.subdirectory("home")
        self.environ = plain_environment(self.directory)
        self.token_file = self.directory / ".local" / "state" / "sniperd" / "http-token"
        self._stage = stage

    def run(self, errors: str | Path = "/dev/null") -> Child:
        """Start the daemon, with its standard error at a path."""
        words = ["sh", "-c", 'errors=$1; shift; exec "$@" 2>"$errors"', "sh", errors, *SNIPERD, "run"]
        return self._stage.child(*words, environ=self.environ, directory=self.directory)


def test_a_terminal_shows_the_address_once_and_the_log_never_has_the_token(own_stage: Stage) -> None:
    home = Home(own_stage)
    with terminal() as looking:
        process = home.run(looking.path)
        line = looking.line()
        assert line.startswith("dashboard: http://127.0.0.1:")
        url = line.removeprefix("dashboard: ")
        assert token_in(url) == home.token_file.read_text().strip()
        assert page_at(url) == 200
        assert sniperd("dashboard", environ=home.environ, directory=home.directory).output.strip() == url
        assert process.terminate() == 0
        log = "\n".join(process.output.all())
    assert url.partition("/#")[0] in log
    assert token_in(url) not in log


def test_a_file_does_not_get_the_address(own_stage: Stage) -> None:
    home = Home(own_stage)
    told = home.directory / "errors"
    process = home.run(told)
    assert process.wait_for("daemon.ready")["http"] is not None
    assert process.terminate() == 0
    assert told.read_text() == ""
    assert home.token_file.read_text().strip() not in "\n".join(process.output.all())


def test_where_the_usual_port_is_taken_another_is_used_and_reported(own_stage: Stage) -> None:
    host, _, port = QUICK_LISTEN.partition(":")
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):  # if another program has the port, that serves as well
            taken.bind((host, int(port)))
            taken.listen()
        process = Home(own_stage).run()
        ready = process.wait_for("daemon.ready")
    [said] = process.events("daemon.no_dashboard")
    assert QUICK_LISTEN in said["error"]
    assert urlsplit(ready["http"]).port not in {None, int(port)}
    assert page_at(ready["http"]) == 200


def test_without_a_possible_dashboard_the_daemon_runs_on(own_stage: Stage) -> None:
    home = Home(own_stage)
    home.token_file.parent.mkdir(parents=True)
    home.token_file.write_text("known to all")
    home.token_file.chmod(0o644)
    process = home.run()
    assert process.wait_for("daemon.ready").get("http") is None
    [said] = process.events("daemon.no_dashboard")
    assert "chmod 600" in said["error"]
    bought = sniperd("submit", "BUY", "BTCUSDT", "--quote", "25", environ=home.environ, directory=home.directory)
    assert bought.code == 0
