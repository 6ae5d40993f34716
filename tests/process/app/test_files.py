"""Files deleted, replaced or cut under a running daemon: it notices, and nothing is lost."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from daemon.store.opening import LOG_BYTES
from tests.support import Daemon, Exchange, eventually, wall_ms
from tests.support.child import Child
from tests.support.pending import Pending
from tests.support.signals import market_buy
from tests.support.stage import Stage

GONE, BAD_DATABASE, NOT_NOW, CANNOT_CREATE = 65, 65, 75, 73
HOUR_MS = 3_600_000


@pytest.fixture
def daemon(own_stage: Stage, exchange: Exchange) -> Daemon:
    """A running daemon that may lose its files."""
    daemon = own_stage.daemon(exchange)
    daemon.start(with_rules=True)
    return daemon


def beside(daemon: Daemon, suffix: str) -> Path:
    return daemon.database.with_name(daemon.database.name + suffix)


def command(daemon: Daemon, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command of the daemon to its end."""
    arguments = [sys.executable, "-m", "daemon", *map(str, words), "--config", str(daemon.config_path)]
    return subprocess.run(arguments, env=daemon.environ, capture_output=True, text=True, check=False)


def delete_all(daemon: Daemon) -> None:
    for path in daemon.directory.glob("sniperd.db*"):
        path.unlink()


def delete_database(daemon: Daemon) -> None:
    daemon.database.unlink()


def delete_log(daemon: Daemon) -> None:
    beside(daemon, "-wal").unlink()


def delete_index(daemon: Daemon) -> None:
    beside(daemon, "-shm").unlink()


def replace_database(daemon: Daemon) -> None:
    other = beside(daemon, ".other")
    other.write_bytes(daemon.database.read_bytes())
    other.replace(daemon.database)


@pytest.mark.parametrize("take_away", [delete_all, delete_database, delete_log, delete_index, replace_database])
def test_a_missing_file_is_noticed_and_nothing_acknowledged_is_lost(
    daemon: Daemon, exchange: Exchange, take_away: Callable[[Daemon], None]
) -> None:
    signal, waits = market_buy(), market_buy(executeAt=wall_ms() + HOUR_MS)
    bought = daemon.submit(signal, wait_s=10).json["id"]
    waiting = daemon.accept(waits)
    take_away(daemon)
    assert daemon.process.exit_code() == GONE
    last = daemon.process.events()[-1]
    assert last["event"] == "daemon.failed"
    assert all(word in last["error"] for word in ("sniperd.db", "while the daemon used it", "sniperd restore"))
    refused = daemon.launch()
    assert refused.exit_code() == BAD_DATABASE
    assert all(word in refused.transcript() for word in ("sniperd restore", ".incident"))
    doctor = command(daemon, "doctor")
    assert "while the daemon used it" in doctor.stdout
    [saved] = daemon.directory.glob("sniperd.db.saved-*")
    assert str(saved) in last["error"]
    restored = command(daemon, "restore", saved)
    assert restored.returncode == 0, restored.stderr
    assert restored.stdout.splitlines()[-1].endswith("the next start continues with it, not halted")
    daemon.start()
    again = daemon.submit(signal)
    assert (again.status, again.json["id"], again.json["replayed"]) == (200, bought, True)
    assert daemon.order(waiting)["state"] == "queued"
    assert len(exchange.orders(bought)) == 1


def test_a_signal_right_after_that_is_not_acknowledged(daemon: Daemon, exchange: Exchange) -> None:
    """The files are checked before each group of commits, not only at intervals."""
    kept = daemon.submit(market_buy(), wait_s=10).json["id"]
    delete_all(daemon)
    answer = daemon.submit(market_buy(ownerId="late"))
    assert answer.status >= 500, answer.raw
    assert daemon.process.exit_code() == GONE
    assert len(exchange.orders(kept)) == 1
    [saved] = daemon.directory.glob("sniperd.db.saved-*")
    with closing(sqlite3.connect(saved)) as copy:
        assert copy.execute("SELECT count(*) FROM orders WHERE owner_id = 'late'").fetchone() == (0,)


def test_a_truncated_wal_ends_the_daemon_and_is_not_taken_for_complete(daemon: Daemon) -> None:
    daemon.submit(market_buy(), wait_s=10)
    os.truncate(beside(daemon, "-wal"), 0)
    assert daemon.process.exit_code() == GONE
    assert "sniperd.db-wal was truncated" in daemon.process.events()[-1]["error"]
    assert daemon.launch().exit_code() == BAD_DATABASE


def test_without_its_lock_file_a_second_daemon_is_still_refused(
    own_stage: Stage, daemon: Daemon, exchange: Exchange
) -> None:
    beside(daemon, ".lock").unlink()
    second = own_stage.daemon(exchange, {"store": {"path": str(daemon.database)}})
    process = second.launch()
    assert process.exit_code() == NOT_NOW
    assert "another sniperd" in process.transcript()
    daemon.wait_for("store.lock_file_renewed")
    assert f"pid {daemon.process.pid}" in _refused_by(second, daemon)
    assert daemon.submit(market_buy(), wait_s=10).json["state"] == "filled"


def _refused_by(second: Daemon, daemon: Daemon) -> str:
    eventually(lambda: beside(daemon, ".lock").read_text().strip() == str(daemon.process.pid), "the pid is in it")
    process = second.launch()
    assert process.exit_code() == NOT_NOW
    return process.transcript()


def _remove_all_but(*kept: str) -> Callable[[Daemon], None]:
    def remove(daemon: Daemon) -> None:
        for path in daemon.directory.glob("sniperd.db*"):
            if path.name not in kept:
                path.unlink()

    return remove


def _leave_a_backup(daemon: Daemon) -> None:
    backups = daemon.directory / "backups"
    backups.mkdir()
    assert command(daemon, "backup", "--keep", "3", backups).returncode == 0
    _remove_all_but()(daemon)


def _empty(daemon: Daemon) -> None:
    os.truncate(daemon.database, 0)


@pytest.mark.parametrize(
    ("take_away", "named"),
    [
        pytest.param(_remove_all_but("sniperd.db.lock"), "sniperd.db.lock", id="the lock file is left"),
        pytest.param(_remove_all_but("sniperd.db-wal"), "sniperd.db-wal", id="the log of changes is left"),
        pytest.param(_leave_a_backup, "backups/sniperd-", id="a backup is left"),
        pytest.param(_empty, "sniperd.db.lock", id="the database is empty"),
    ],
)
def test_a_start_without_the_earlier_database_is_refused(
    daemon: Daemon, take_away: Callable[[Daemon], None], named: str
) -> None:
    daemon.kill()
    take_away(daemon)
    refused = daemon.launch()
    assert refused.exit_code() == BAD_DATABASE
    assert all(word in refused.transcript() for word in (named, "sniperd restore", "on purpose"))
    doctor = command(daemon, "doctor")
    assert doctor.returncode != 0
    assert named in doctor.stdout


def test_it_starts_with_a_new_database_once_the_remains_were_moved_away(daemon: Daemon) -> None:
    daemon.kill()
    _remove_all_but("sniperd.db.lock")(daemon)
    beside(daemon, ".lock").rename(daemon.directory / "former-lock")
    daemon.start()
    assert daemon.submit(market_buy(), wait_s=10).json["state"] == "filled"


def test_a_lock_file_that_is_a_symbolic_link_is_not_followed(own_stage: Stage, exchange: Exchange) -> None:
    daemon = own_stage.daemon(exchange)
    precious = daemon.directory / "precious"
    precious.write_text("precious")
    beside(daemon, ".lock").symlink_to(precious)
    process = daemon.launch()
    assert process.exit_code() == CANNOT_CREATE
    assert "symbolic link" in process.transcript()
    assert precious.read_text() == "precious"


def test_a_database_behind_a_symbolic_link_is_watched_at_its_target(own_stage: Stage, exchange: Exchange) -> None:
    daemon = own_stage.daemon(exchange)
    real = daemon.directory / "elsewhere" / "real.db"
    real.parent.mkdir()
    daemon.database.symlink_to(real)
    daemon.start(with_rules=True)
    assert daemon.submit(market_buy(), wait_s=10).json["state"] == "filled"
    real.with_name("real.db-wal").unlink()
    assert daemon.process.exit_code() == GONE


HOLD = """
import signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print('{"event": "locked"}', flush=True)
signal.pause()
"""


def _lock(own_stage: Stage, daemon: Daemon) -> Child:
    """Let another program hold the write lock until it is killed."""
    held = own_stage.child(
        sys.executable, "-c", HOLD, daemon.database, environ=daemon.environ, directory=daemon.directory
    )
    held.wait_for("locked")
    return held


def test_another_programs_write_lock_is_reported_and_waited_for_and_nothing_is_sent_meanwhile(
    own_stage: Stage, daemon: Daemon, exchange: Exchange
) -> None:
    before = len(exchange.arrivals())
    held = _lock(own_stage, daemon)
    pending = Pending(daemon.signals, "POST", "/v1/signals", market_buy(deadlineMs=60_000))
    daemon.wait_for("store.locked")
    daemon.wait_for("alert.firing", alert="database_locked")
    assert len(exchange.arrivals()) == before
    held.kill()
    answer = pending.answer()
    assert answer.status == 202
    daemon.until(answer.json["id"], "filled")


def test_a_write_lock_held_at_the_start_is_waited_for(own_stage: Stage, daemon: Daemon) -> None:
    daemon.kill()
    held = _lock(own_stage, daemon)
    daemon.launch()
    daemon.wait_for("store.locked")
    held.kill()
    daemon.wait_for("daemon.ready")


@pytest.mark.parametrize("which", ["both", "one"])
def test_without_its_sockets_it_drains_and_ends_and_the_next_daemon_binds_them(daemon: Daemon, which: str) -> None:
    sockets = [daemon.signals, daemon.status] if which == "both" else [daemon.signals]
    for path in sockets:
        path.unlink()
    assert daemon.process.exit_code() == NOT_NOW
    assert daemon.process.events("daemon.unreachable")
    assert "was deleted or replaced" in daemon.process.events("daemon.failed")[-1]["error"]
    daemon.start()
    assert daemon.submit(market_buy(), wait_s=10).json["state"] == "filled"


def test_the_wal_shrinks_again_after_a_long_reader(daemon: Daemon) -> None:
    log = beside(daemon, "-wal")
    with closing(sqlite3.connect(f"file:{daemon.database}?mode=ro", uri=True, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM orders").fetchone()
        for _ in range(20):
            batch = [market_buy(executeAt=wall_ms() + HOUR_MS) for _ in range(100)]
            assert daemon.ask("POST", "/v1/signals/batch", batch).status == 202
            for order in daemon.get("/v1/orders?limit=100")["orders"]:
                daemon.ask("DELETE", f"/v1/orders/{order['id']}")
        grown = log.stat().st_size
        assert grown > LOG_BYTES
    eventually(lambda: daemon.submit(market_buy()).status == 202 and log.stat().st_size <= LOG_BYTES, "it shrinks")
    assert daemon.process.is_running()
