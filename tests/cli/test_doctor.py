"""doctor: every line with its grade and what to do, and an exit code for programs."""

from pathlib import Path

from tests.cli.command import Command
from tests.processes import Daemon

CHECKS = [
    "config", "credentials", "exchange", "clock", "key", "trading", "pairs", "key age", "facts", "schema", "database",
    "recorded", "wal", "disk", "sqlite", "signals.sock", "status.sock", "systemd", "rates", "daemon",
]  # fmt: skip


def test_a_daemon_that_is_well_is_found_so(command: Command, daemon: Daemon) -> None:
    ran = command("doctor", "--json")
    assert [finding["check"] for finding in ran.json["findings"]] == CHECKS
    assert [finding for finding in ran.json["findings"] if finding["grade"] == "failure"] == []
    assert (ran.code, ran.json["ok"], ran.errors) == (0, True, "")
    told = {finding["check"]: finding["text"] for finding in ran.json["findings"]}
    assert told["daemon"].startswith("ready, ")
    assert str(daemon.database) in told["database"]


def test_no_secret_is_shown(command: Command, daemon: Daemon) -> None:
    output = command("doctor").output
    assert daemon.environ["MEXC_API_KEY"] not in output
    assert daemon.environ["MEXC_SECRET_KEY"] not in output


def test_what_a_person_should_know_is_a_warning(command: Command) -> None:
    command("halt", "--reason", "a look at the doctor")
    ran = command("doctor")
    assert ran.code == 0
    assert "trading is halted: a look at the doctor" in ran.output
    assert "→ `sniperd resume` once the reason is gone" in ran.output


def test_what_cannot_work_is_a_failure(command: Command, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[queue]\nfifo = true\n")
    ran = command("doctor", "--config", config)
    assert ran.code == 1
    assert ran.output.startswith("failure  config ")
    assert "fifo" in ran.output
