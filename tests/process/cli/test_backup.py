"""backup: a file that opens, is complete, and holds every order; never over another file."""

import sqlite3
import stat
from contextlib import closing

from tests.process.cli.command import Command
from tests.support import Daemon, wall_ms
from tests.support.signals import market_buy

BAD_DATABASE, CANNOT_CREATE, ALREADY_RUNNING = 65, 73, 75


def test_a_backup_made_while_orders_come_in_is_complete_and_holds_all_accepted_orders(
    command: Command, daemon: Daemon
) -> None:
    batch = [market_buy(executeAt=wall_ms() + 3_600_000) for _ in range(100)]
    accepted = {order["id"] for order in daemon.ask("POST", "/v1/signals/batch", batch).json}
    target = daemon.directory / f"backup-{wall_ms()}.db"
    ran = command("backup", target, "--json")
    assert (ran.code, ran.errors) == (0, "")
    assert ran.json["path"] == str(target)
    assert ran.json["bytes"] == target.stat().st_size
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    with closing(sqlite3.connect(f"file:{target}?mode=ro", uri=True)) as copy:
        assert copy.execute("PRAGMA quick_check").fetchall() == [("ok",)]
        held = {row[0] for row in copy.execute("SELECT order_id FROM orders")}
        assert copy.execute("PRAGMA user_version").fetchone() == (ran.json["schema"],)
    assert held >= accepted
    assert len(held) == ran.json["orders"]
    assert [path.name for path in daemon.directory.iterdir() if path.name.startswith(target.name)] == [target.name]


def test_it_reports_in_one_line_what_it_made(command: Command, daemon: Daemon) -> None:
    target = daemon.directory / f"told-{wall_ms()}.db"
    output = command("backup", target).output
    assert output.startswith(f"{target}: ")
    assert output.endswith(" MB, checked\n")


def test_an_existing_file_is_left_alone(command: Command, daemon: Daemon) -> None:
    target = daemon.directory / "precious"
    target.write_text("precious")
    ran = command("backup", target)
    assert (ran.code, ran.errors) == (CANNOT_CREATE, f"Error: {target} exists; name a file that does not\n")
    assert target.read_text() == "precious"


def test_a_missing_directory_is_named(command: Command, daemon: Daemon) -> None:
    target = daemon.directory / "nowhere" / "backup.db"
    ran = command("backup", target)
    assert ran.code == CANNOT_CREATE
    assert ran.errors.startswith(f"Error: cannot write {target}: No such file or directory; name a directory")


def test_a_symbolic_link_on_its_path_is_not_followed(command: Command, daemon: Daemon) -> None:
    precious = daemon.directory / "precious"
    precious.write_text("precious")
    target = daemon.directory / f"linked-{wall_ms()}.db"
    target.with_name(target.name + ".partial").symlink_to(precious)
    assert command("backup", target).code == 0
    assert not target.is_symlink()
    dangling = daemon.directory / f"dangling-{wall_ms()}.db"
    dangling.symlink_to(daemon.directory / "elsewhere.db")
    assert command("backup", dangling).code == CANNOT_CREATE
    assert not (daemon.directory / "elsewhere.db").exists()
    assert precious.read_text() == "precious"


def test_without_a_database_it_says_how_to_name_one(command: Command, daemon: Daemon) -> None:
    ran = command("backup", daemon.directory / "of-nothing.db", "--database", daemon.directory / "nothing.db")
    assert ran.code == BAD_DATABASE
    assert f"there is no database at {daemon.directory / 'nothing.db'}; name it with --database" in ran.errors


def test_a_restore_leaves_a_running_daemon_alone_and_says_to_stop_it(command: Command, daemon: Daemon) -> None:
    target = daemon.directory / f"to-restore-{wall_ms()}.db"
    assert command("backup", target).code == 0
    ran = command("restore", target)
    assert ran.code == ALREADY_RUNNING
    assert "stop it first" in ran.errors
    assert daemon.get("/readyz")["ready"] is True


def test_a_restore_says_which_file_it_wrote_and_that_the_daemon_will_be_halted(
    command: Command, daemon: Daemon
) -> None:
    target, place = daemon.directory / f"told-{wall_ms()}.db", daemon.directory / f"place-{wall_ms()}.db"
    assert command("backup", target).code == 0
    for kept in (False, True):
        ran = command("restore", target, "--database", place)
        assert (ran.code, ran.errors) == (0, "")
        assert ran.output.startswith(f"{place}: ")
        assert (f"the previous database is kept as {place}." in ran.output) is kept
        assert "the daemon will start halted: compare the orders since the backup with the exchange" in ran.output
    assert command("restore", target.with_name("none.db"), "--database", place).code == BAD_DATABASE
