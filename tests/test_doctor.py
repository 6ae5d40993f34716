"""The doctor's examinations, one by one: what is well, what is not, and what it says to do."""

import os
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from daemon.config import Config, ExchangeTable
from daemon.doctor import database, exchange, keys, service, sockets
from daemon.doctor.findings import Finding, Grade
from daemon.store.store import open_store
from tests.processes.stage import Stage

LIVE = ExchangeTable(mode="live")
UNIT = {
    "LoadState": "loaded", "ActiveState": "active", "Result": "success", "ExecMainStatus": "0", "NRestarts": "0",
    "StatusText": "ready",
}  # fmt: skip


def grades(findings: list[Finding]) -> dict[str, Grade]:
    return {finding.check: finding.grade for finding in findings}


@pytest.fixture
def stores(tmp_path: Path) -> keys.Stores:
    """Where systemd keeps credentials, plain and encrypted."""
    for name in ("plain", "encrypted"):
        (tmp_path / name).mkdir()
    return tmp_path / "plain", tmp_path / "encrypted"


def put(directory: Path, mode: int = 0o600) -> None:
    for name in keys.NAMES:
        (directory / name).write_text("a-key-of-some-length")
        (directory / name).chmod(mode)


def test_the_paper_exchange_needs_no_keys(stores: keys.Stores) -> None:
    assert keys.examine(ExchangeTable(), {}, stores).grade is Grade.OK


def test_keys_that_are_nowhere_are_a_failure_with_a_place_to_put_them(stores: keys.Stores) -> None:
    found = keys.examine(LIVE, {}, stores)
    assert found.grade is Grade.FAILURE
    assert str(stores[0] / "mexc_api_secret") in str(found.advice)


def test_keys_of_the_environment_are_found(stores: keys.Stores) -> None:
    environ = {"MEXC_API_KEY": "a-key-of-some-length", "MEXC_SECRET_KEY": "a-secret-of-some-length"}
    assert keys.examine(LIVE, environ, stores).grade is Grade.OK


@pytest.mark.parametrize(("which", "mode", "grade"), [(0, 0o600, "ok"), (0, 0o640, "failure"), (1, 0o600, "ok")])
def test_keys_that_systemd_hands_over_are_found(stores: keys.Stores, which: int, mode: int, grade: str) -> None:
    put(stores[which], mode)
    assert keys.examine(LIVE, {}, stores).grade == grade


def test_a_key_file_that_others_can_read_is_a_failure(stores: keys.Stores, tmp_path: Path) -> None:
    put(tmp_path, 0o644)
    files = ExchangeTable(mode="live", api_key_file=str(tmp_path / keys.NAMES[0]),
                          api_secret_file=str(tmp_path / keys.NAMES[1]))  # fmt: skip
    found = keys.examine(files, {}, stores)
    assert found.grade is Grade.FAILURE
    assert "can be read by others" in found.text


def test_an_exchange_that_answers_shows_its_clock(own_stage: Stage) -> None:
    url = own_stage.exchange().url
    found = list(exchange.examine(Config(exchange=ExchangeTable(mode="live", base_url=url))))
    assert grades(found) == {"exchange": "ok", "clock": "ok"}


def test_a_clock_that_is_far_off_is_a_warning(own_stage: Stage) -> None:
    url = own_stage.exchange("--clock-offset-ms", "5000").url
    *_, clock = exchange.examine(Config(exchange=ExchangeTable(mode="live", base_url=url)))
    assert (clock.grade, clock.check) == (Grade.WARNING, "clock")


def test_an_exchange_that_does_not_answer_is_a_failure() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    assert grades(list(exchange.examine(Config(exchange=ExchangeTable(mode="live", base_url=url))))) == {
        "exchange": "failure"
    }


async def test_a_database_that_is_well(tmp_path: Path) -> None:
    async with open_store(tmp_path / "x.db"):
        found = list(database.examine(tmp_path / "x.db"))
    assert grades(found) == {"schema": "ok", "database": "ok", "wal": "ok", "disk": found[-1].grade}


def test_no_database_yet_is_well(tmp_path: Path) -> None:
    assert next(iter(database.examine(tmp_path / "x.db"))).grade is Grade.OK
    assert not list(tmp_path.iterdir())


def _damage(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\0" + b"\xff" * 8192)


def _another(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE songs (title TEXT)")


@pytest.mark.parametrize("spoil", [_damage, _another])
def test_a_database_that_is_damaged_or_anothers_is_a_failure(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    spoil(tmp_path / "x.db")
    assert grades(list(database.examine(tmp_path / "x.db")))["database"] is Grade.FAILURE


async def test_a_newer_database_is_a_failure(tmp_path: Path) -> None:
    async with open_store(tmp_path / "x.db"):
        pass
    with closing(sqlite3.connect(tmp_path / "x.db")) as connection:
        connection.execute("PRAGMA user_version = 999")
    assert grades(list(database.examine(tmp_path / "x.db")))["schema"] is Grade.FAILURE


@pytest.fixture
def door(tmp_path: Path) -> Path:
    """A socket for its owner and group."""
    with closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(str(tmp_path / "signals.sock"))
    (tmp_path / "signals.sock").chmod(0o660)
    return tmp_path / "signals.sock"


def test_a_socket_names_who_may_open_it(door: Path) -> None:
    found = sockets.examine("signals", door)
    assert found.grade is Grade.OK
    assert "root" in found.text
    assert "group" in found.text


def test_a_socket_for_everybody_is_a_failure(door: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    door.chmod(0o666)
    monkeypatch.setattr(sockets, "_passable", lambda _: True)
    assert sockets.examine("signals", door).grade is Grade.FAILURE


def test_a_socket_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert sockets.examine("signals", tmp_path / "file").grade is Grade.FAILURE
    assert sockets.examine("signals", tmp_path / "nothing").grade is Grade.WARNING


def test_members_of_the_group_are_named(door: Path) -> None:
    os.chown(door, -1, os.getgid())
    text = sockets.examine("status", door).text
    assert text.endswith("may read")


@pytest.mark.parametrize(
    ("unit", "socket_unit", "grade"),
    [
        ({}, {}, "ok"),
        ({"LoadState": "not-found"}, {}, "ok"),
        (UNIT, UNIT, "ok"),
        (UNIT | {"ActiveState": "failed", "ExecMainStatus": "78"}, UNIT, "failure"),
        (UNIT, UNIT | {"ActiveState": "inactive"}, "warning"),
        (UNIT | {"ActiveState": "inactive"}, UNIT, "warning"),
        (UNIT | {"NRestarts": "3"}, UNIT, "warning"),
    ],
)
def test_systemd_is_asked_how_the_service_stands(unit: dict[str, str], socket_unit: dict[str, str], grade: str) -> None:
    found = service.examine(unit, socket_unit)
    assert found.grade == grade
    assert (found.advice is None) == (grade == "ok")
