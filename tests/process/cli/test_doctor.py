"""doctor: every line with its grade and what to do, and an exit code for programs."""

import json
import sys
from pathlib import Path

import pytest

from tests.process.cli.command import Command
from tests.support import Daemon
from tests.support.command import run
from tests.support.other_user import NOBODY
from tests.support.stage import Stage

CHECKS = [
    "config", "credentials", "exchange", "clock", "key", "trading", "pairs", "key age", "facts", "schema", "database",
    "recorded", "wal", "disk", "sqlite", "signals.sock", "status.sock", "systemd", "rates", "daemon",
]  # fmt: skip


def test_a_healthy_daemon_has_no_failure(command: Command, daemon: Daemon) -> None:
    ran = command("doctor", "--json")
    assert [finding["check"] for finding in ran.json["findings"]] == CHECKS
    assert [finding for finding in ran.json["findings"] if finding["grade"] == "failure"] == []
    assert (ran.code, ran.json["ok"], ran.errors) == (0, True, "")
    texts = {finding["check"]: finding["text"] for finding in ran.json["findings"]}
    assert texts["daemon"].startswith("ready, ")
    assert str(daemon.database) in texts["database"]


def test_no_secret_is_shown(command: Command, daemon: Daemon) -> None:
    output = command("doctor").output
    assert daemon.environ["MEXC_API_KEY"] not in output
    assert daemon.environ["MEXC_SECRET_KEY"] not in output


def test_a_halt_is_a_warning(command: Command) -> None:
    command("halt", "--reason", "testing the doctor")
    ran = command("doctor")
    assert ran.code == 0
    assert "trading is halted: testing the doctor" in ran.output
    assert "→ `sniperd resume` once the reason is gone" in ran.output


def test_a_wrong_configuration_is_a_failure(command: Command, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[queue]\nfifo = true\n")
    ran = command("doctor", "--config", config)
    assert ran.code == 1
    assert ran.output.startswith("failure  config ")
    assert "fifo" in ran.output


AS_ANOTHER = """
import encodings.idna, http.client, os, sys
from daemon.cli import doctor, main
from daemon.doctor import database, exchange, findings, keys, probe_results, rates, service, sockets, sqlite_bugs
from daemon.config import loading
os.setgroups([])
os.setresgid(0, 0, 0)
os.setresuid(int(sys.argv[1]), int(sys.argv[1]), int(sys.argv[1]))
main.sniperd(["doctor", "--config", sys.argv[2], "--json"], prog_name="sniperd")
"""
"""Imports everything before it changes the user, because that user may not be able to read Python's files."""


@pytest.mark.needs("root")
def test_for_a_member_of_the_group_unreadable_files_are_warnings_and_not_failures(own_stage: Stage) -> None:
    exchange = own_stage.exchange()
    daemon = own_stage.daemon(exchange)
    for name, value in (("key", "MEXC_API_KEY"), ("secret", "MEXC_SECRET_KEY")):
        file = daemon.directory / name
        file.write_text(daemon.environ.pop(value))
        file.chmod(0o600)
    files = {"api_key_file": str(daemon.directory / "key"), "api_secret_file": str(daemon.directory / "secret")}
    daemon.configure({"exchange": files})
    daemon.config_path.chmod(0o640)
    daemon.start(with_rules=True)
    words = [sys.executable, "-c", AS_ANOTHER, str(NOBODY), str(daemon.config_path)]
    ran = run(*words, environ=daemon.environ, directory=daemon.directory)
    assert ran.output, ran.errors
    found = {each["check"]: each for each in json.loads(ran.output)["findings"]}
    assert [each for each in found.values() if each["grade"] == "failure"] == []
    assert (ran.code, found["daemon"]["grade"]) == (0, "ok")
    for check in ("credentials", "database"):
        assert (found[check]["grade"], "as root" in found[check]["advice"]) == ("warning", True)
