"""What keeps the daemon from running: each with its exit code, and a sentence that says what, where, and what to do."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support import Child, Daemon, Exchange
from tests.support.daemon_process import Tables
from tests.support.stage import Stage

AT_ONCE = 4
"""Processes that are started at the same time: more would only compete for the processors."""


class Case(NamedTuple):
    """One fault."""

    code: int
    said: tuple[str, ...]
    """Part of the message; DIRECTORY is replaced by the daemon's own."""
    spoil: Callable[[Daemon, Daemon], Tables]
    """Makes the fault in a daemon's directory, beside a running daemon; returns its configuration."""


def _file(daemon: Daemon, name: str, text: str | bytes = b"", mode: int = 0o600) -> str:
    path = daemon.directory / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(mode)
    return str(path)


def _unknown_key(_daemon: Daemon, _other: Daemon) -> Tables:
    return {"exchange": {"recv_windw_ms": 1}}


def _wrong_value(_daemon: Daemon, _other: Daemon) -> Tables:
    return {"queue": {"drain_s": -1}}


def _contradiction(_daemon: Daemon, _other: Daemon) -> Tables:
    return {"sockets": {"signals": "/run/one.sock", "status": "/run/one.sock"}}


def _no_toml(daemon: Daemon, _other: Daemon) -> Tables:
    daemon.config_path.write_text("[exchange\n", encoding="utf-8")
    return {}


def _no_config(daemon: Daemon, _other: Daemon) -> Tables:
    daemon.config_path.unlink()
    return {}


def _no_key(daemon: Daemon, _other: Daemon) -> Tables:
    del daemon.environ["MEXC_API_KEY"], daemon.environ["MEXC_SECRET_KEY"]
    return {}


def _key_file_is_open(daemon: Daemon, _other: Daemon) -> Tables:
    files = {
        "api_key_file": _file(daemon, "key", "k" * 20, 0o644),
        "api_secret_file": _file(daemon, "secret", "s" * 20),
    }
    return {"exchange": files}


def _directory_is_a_file(daemon: Daemon, _other: Daemon) -> Tables:
    return {"store": {"path": _file(daemon, "state") + "/sniperd.db"}}


def _socket_is_a_file(daemon: Daemon, _other: Daemon) -> Tables:
    _file(daemon, "signals.sock")
    return {}


def _database_of_another(_daemon: Daemon, other: Daemon) -> Tables:
    return {"store": {"path": str(other.database)}}


def _socket_of_another(_daemon: Daemon, other: Daemon) -> Tables:
    return {"sockets": {"signals": str(other.signals)}}


def _damaged(daemon: Daemon, other: Daemon) -> Tables:
    """Overwrite the middle of a database that another daemon has made."""
    content = bytearray(_copy(daemon, other).read_bytes())
    content[8_192:40_960] = b"\xff" * (40_960 - 8_192)
    _file(daemon, "sniperd.db", bytes(content))
    return {}


def _newer(daemon: Daemon, other: Daemon) -> Tables:
    with closing(sqlite3.connect(_copy(daemon, other), isolation_level=None)) as database:
        database.execute("PRAGMA user_version = 99")
    return {}


def _copy(daemon: Daemon, other: Daemon) -> Path:
    with (
        closing(sqlite3.connect(f"file:{other.database}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(daemon.database)) as target,
    ):
        source.backup(target)
        target.execute("PRAGMA journal_mode = DELETE")
    return daemon.database


CASES = {
    "an unknown key": Case(78, ("DIRECTORY/config.toml", "recv_windw_ms", "did you mean recv_window_ms"), _unknown_key),
    "a value out of range": Case(78, ("DIRECTORY/config.toml", "drain_s", "-1", "allowed"), _wrong_value),
    "a contradiction": Case(78, ("DIRECTORY/config.toml", "signals", "status"), _contradiction),
    "a file that is no TOML": Case(78, ("DIRECTORY/config.toml", "TOML", "line 1"), _no_toml),
    "no such file": Case(78, ("DIRECTORY/config.toml", "No such file"), _no_config),
    "no key": Case(77, ("api_key_file", "MEXC_API_KEY", "mexc_api_key"), _no_key),
    "a key file that others can read": Case(77, ("DIRECTORY/key", "0644", "chmod 600"), _key_file_is_open),
    "a directory that is none": Case(73, ("DIRECTORY/state", "[store] path"), _directory_is_a_file),
    "a file where a socket should be": Case(
        73, ("DIRECTORY/signals.sock", "no socket", "[sockets]"), _socket_is_a_file
    ),
    "a second one on the same database": Case(75, ("OTHER/sniperd.db", "pid PID", "stop it"), _database_of_another),
    "a second one on the same socket": Case(75, ("OTHER/signals.sock", "stop it"), _socket_of_another),
    "a database that is damaged": Case(65, ("DIRECTORY/sniperd.db", "damaged", "backup"), _damaged),
    "a newer database": Case(65, ("DIRECTORY/sniperd.db", "newer", "schema 99", "backup"), _newer),
}

every_case = pytest.mark.parametrize("what", CASES)


class Ends:
    """The processes that could not run, and the one that could."""

    def __init__(self, stage: Stage, exchange: Exchange, running: Daemon) -> None:
        self.running = running
        self._daemons: dict[str, Daemon] = {}
        names = list(CASES)
        for first in range(0, len(names), AT_ONCE):
            some = names[first : first + AT_ONCE]
            for name in some:
                daemon = self._daemons[name] = stage.daemon(exchange)
                spoilt = CASES[name].spoil(daemon, running)
                if spoilt:
                    daemon.configure(spoilt)
                daemon.launch()
            for name in some:
                self._daemons[name].process.exit_code()

    def of(self, what: str) -> Child:
        """Return the process with a fault."""
        return self._daemons[what].process

    def said(self, what: str) -> list[str]:
        """Return what its message must contain."""
        words = {
            "DIRECTORY": str(self._daemons[what].directory),
            "OTHER": str(self.running.directory),
            "PID": str(self.running.process.pid),
        }
        texts = list(CASES[what].said)
        for word, meaning in words.items():
            texts = [text.replace(word, meaning) for text in texts]
        return texts


@pytest.fixture(scope="module")
def ends(shared_stage: Stage, daemon_exchange: Exchange, running: Daemon) -> Ends:
    """Start a process with each fault, beside a running daemon."""
    return Ends(shared_stage, daemon_exchange, running)


@every_case
def test_the_exit_code_is_the_documented_one(ends: Ends, what: str) -> None:
    assert ends.of(what).exit_code() == CASES[what].code


@every_case
def test_one_line_on_standard_error_says_what_is_wrong_where_and_what_to_do(ends: Ends, what: str) -> None:
    [line] = ends.of(what).errors.all()
    assert [word for word in ends.said(what) if word not in line] == []
    assert "Traceback" not in line


@every_case
def test_the_log_ends_with_the_same_sentence_once_there_is_a_log(ends: Ends, what: str) -> None:
    process = ends.of(what)
    failed = process.events("daemon.failed")
    if CASES[what].code == 78:
        assert process.output.all() == []  # how to log is not known
        return
    assert [(event["error"], event["exit_code"]) for event in failed] == [
        (process.errors.all()[0].removeprefix("sniperd: "), CASES[what].code)
    ]
    assert process.events()[-1] == failed[0]


def test_none_of_it_disturbs_the_running_daemon(ends: Ends) -> None:
    assert ends.running.get("/readyz")["ready"] is True
    assert ends.running.ask("GET", "/v1/status").json["pid"] == ends.running.process.pid
