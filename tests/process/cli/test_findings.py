"""The doctor's checks, one by one: what is healthy, what is not, and what it says to do."""

import os
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from daemon.config.credentials import Credentials, Secret
from daemon.config.tables import Config, ExchangeTable
from daemon.config.trading_tables import GuardsTable
from daemon.doctor import database, exchange, keys, probe_results, rates, service, sockets, sqlite_bugs
from daemon.doctor.findings import Finding, Grade
from daemon.store.store import open_store
from tests.support import KEYS, Exchange
from tests.support.stage import Stage
from tests.support.tls import certificate, tls_before

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


def test_missing_keys_are_a_failure_with_a_place_to_put_them(stores: keys.Stores) -> None:
    found = keys.examine(LIVE, {}, stores)
    assert found.grade is Grade.FAILURE
    assert str(stores[0] / "mexc_api_secret") in str(found.advice)


def test_keys_of_the_environment_are_found(stores: keys.Stores) -> None:
    environ = {"MEXC_API_KEY": "a-key-of-some-length", "MEXC_SECRET_KEY": "a-secret-of-some-length"}
    assert keys.examine(LIVE, environ, stores).grade is Grade.OK


@pytest.mark.parametrize(("which", "mode", "grade"), [(0, 0o600, "ok"), (0, 0o640, "failure"), (1, 0o600, "ok")])
def test_keys_from_systemds_credentials_are_found(stores: keys.Stores, which: int, mode: int, grade: str) -> None:
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


async def test_a_healthy_database_is_ok(tmp_path: Path) -> None:
    async with open_store(tmp_path / "x.db"):
        found = list(database.examine(tmp_path / "x.db"))
    assert grades(found) == {"schema": "ok", "database": "ok", "recorded": "ok", "wal": "ok", "disk": found[-1].grade}


def test_no_database_yet_is_ok(tmp_path: Path) -> None:
    assert next(iter(database.examine(tmp_path / "x.db"))).grade is Grade.OK
    assert not list(tmp_path.iterdir())


def _damage(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\0" + b"\xff" * 8192)


def _another(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE songs (title TEXT)")


@pytest.mark.parametrize("spoil", [_damage, _another])
def test_a_damaged_or_foreign_database_is_a_failure(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    spoil(tmp_path / "x.db")
    assert grades(list(database.examine(tmp_path / "x.db")))["database"] is Grade.FAILURE


@pytest.mark.parametrize("version", [1, 999])
async def test_a_database_of_another_schema_is_a_failure(tmp_path: Path, version: int) -> None:
    async with open_store(tmp_path / "x.db"):
        pass
    with closing(sqlite3.connect(tmp_path / "x.db")) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
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


def test_a_socket_open_to_everyone_is_a_failure(door: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    door.chmod(0o666)
    monkeypatch.setattr(sockets, "_passable", lambda _: True)
    assert sockets.examine("signals", door).grade is Grade.FAILURE


def test_a_missing_socket_is_reported(tmp_path: Path) -> None:
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
def test_systemd_is_asked_for_the_state_of_the_service(
    unit: dict[str, str], socket_unit: dict[str, str], grade: str
) -> None:
    found = service.examine("sniperd", unit, socket_unit)
    assert found.grade == grade
    assert (found.advice is None) == (grade == "ok")


# --- what the exchange lets the key do


def ask(server: Exchange, key: str = KEYS.api_key, allowed: list[str] | None = None) -> dict[str, Finding]:
    """Let the doctor query an exchange with a key; return its findings, by check."""
    config = Config(
        exchange=ExchangeTable(mode="live", base_url=server.url), guards=GuardsTable(allowed_symbols=allowed or [])
    )
    found = exchange.examine(config, Credentials(Secret(key), Secret(KEYS.api_secret)))
    return {finding.check: finding for finding in found}


def test_a_key_that_may_trade_is_ok(own_stage: Stage) -> None:
    server = own_stage.exchange()
    found = ask(server)
    assert {check: finding.grade for check, finding in found.items()} == dict.fromkeys(
        ["exchange", "clock", "key", "trading", "pairs"], Grade.OK
    )
    assert server.orders() == []


def test_a_key_that_is_not_accepted_is_a_failure_and_is_not_shown(own_stage: Stage) -> None:
    found = ask(own_stage.exchange(), "mx0vNobodysKey1234567")
    assert found["key"].grade is Grade.FAILURE
    assert "10072" in found["key"].text
    assert "mx0vNobodysKey1234567" not in str(found)
    assert "trading" not in found


@pytest.mark.parametrize(
    ("options", "fault", "check", "grade", "said"),
    [
        (["--key-reads-only"], None, "trading", "failure", "700007"),
        ([], {"kind": "no_trading"}, "trading", "failure", "canTrade is false"),
        (
            [],
            {"kind": "refused", "code": 700006, "endpoint": "GET /api/v3/account"},
            "key",
            "failure",
            "IP non white list",
        ),
        ([], {"kind": "refused", "code": 700003, "endpoint": "GET /api/v3/account"}, "key", "failure", "time"),
        ([], {"kind": "error_before", "endpoint": "GET /api/v3/account"}, "key", "warning", "HTTP 503"),
        ([], {"kind": "request_lost", "endpoint": "GET /api/v3/account"}, "key", "warning", "no answer"),
        (["--key-symbols", "NOSUCHUSDT"], None, "pairs", "failure", "no pair"),
        ([], {"kind": "refused", "code": 700007, "endpoint": "GET /api/v3/selfSymbols"}, "pairs", "warning", "700007"),
        ([], {"kind": "junk_body", "endpoint": "GET /api/v3/selfSymbols"}, "pairs", "warning", "does not show"),
    ],
)
def test_what_the_exchange_does_not_let_the_key_do_is_reported_with_what_to_do(
    own_stage: Stage, options: list[str], fault: dict[str, Any] | None, check: str, grade: str, said: str
) -> None:
    server = own_stage.exchange(*options)
    server.inject(*([fault] if fault else []))
    found = ask(server)[check]
    assert (found.grade, said in found.text, bool(found.advice)) == (grade, True, True), found


def test_a_configured_pair_that_the_key_lacks_is_a_warning(own_stage: Stage) -> None:
    server = own_stage.exchange("--key-symbols", "BTCUSDT,ETHUSDT")
    assert ask(server, allowed=["BTCUSDT"])["pairs"].grade is Grade.OK
    found = ask(server, allowed=["btcusdt", "SOLUSDT"])["pairs"]
    assert (found.grade, "SOLUSDT" in found.text) == (Grade.WARNING, True)


@pytest.mark.parametrize(("days", "grade"), [(5, "warning"), (60, "ok")])
def test_a_certificate_that_expires_soon_is_a_warning(
    own_stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, days: int, grade: str
) -> None:
    pem = certificate(tmp_path, days)
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    with tls_before(own_stage.exchange().url, pem) as url:
        found = {each.check: each for each in exchange.examine(Config(exchange=ExchangeTable("live", base_url=url)))}
    assert (found["tls"].grade, f"{days - 1} days" in found["tls"].text) == (grade, True)
    assert found["clock"].grade is Grade.OK


def test_an_untrusted_certificate_is_a_failure(own_stage: Stage, tmp_path: Path) -> None:
    with tls_before(own_stage.exchange().url, certificate(tmp_path, 60)) as url:
        [found] = exchange.examine(Config(exchange=ExchangeTable("live", base_url=url)))
    assert (found.grade, "TLS fails" in found.text) == (Grade.FAILURE, True)


def test_in_shadow_mode_the_market_is_queried_and_no_key_is_needed(own_stage: Stage, stores: keys.Stores) -> None:
    server = own_stage.exchange()
    shadow = ExchangeTable(shadow=True, base_url=server.url)
    assert grades(list(exchange.examine(Config(exchange=shadow)))) == {"exchange": "ok", "clock": "ok"}
    assert keys.find(shadow, KEYS.environ(), stores) is None
    assert {request["path"] for request in server.requests()} == {"/api/v3/time"}


@pytest.mark.parametrize(("days", "grade"), [(10, "ok"), (80, "warning")])
def test_the_age_of_a_key_is_that_of_its_file(stores: keys.Stores, days: int, grade: str) -> None:
    put(stores[0])
    made_s = (stores[0] / keys.NAMES[0]).stat().st_mtime
    found = keys.age(LIVE, made_s + days * 86_400, {}, stores)
    assert (found.grade, f"{days} days" in found.text) == (grade, True)


def test_the_age_of_a_key_without_a_file_is_not_known(stores: keys.Stores) -> None:
    found = keys.age(LIVE, 0, {}, stores)
    assert (found.grade, "neither age nor addresses" in found.text) == (Grade.OK, True)


def test_the_keys_of_systemds_credentials_are_used_for_the_queries(stores: keys.Stores) -> None:
    put(stores[0])
    found = keys.find(LIVE, {}, stores)
    assert found is not None
    assert found.api_key.reveal() == "a-key-of-some-length"


# --- SQLite, the rates, the results of a probe, the unit


@pytest.mark.parametrize(
    ("version", "has_it"),
    [
        ("3.37.0", True), ("3.40.1", True), ("3.44.5", True), ("3.44.6", False), ("3.45.0", True), ("3.50.6", True),
        ("3.50.7", False), ("3.51.2", True), ("3.51.3", False), ("3.52.0", False), ("3.53.1", False),
    ],
)  # fmt: skip
def test_versions_with_the_wal_reset_bug_are_known(version: str, has_it: bool) -> None:
    found = sqlite_bugs.examine(version)
    assert ("WAL-reset" in found.text, found.grade) == (has_it, Grade.OK)


def test_an_sqlite_bug_that_affects_the_daemon_is_a_warning_and_a_version_too_old_a_failure() -> None:
    bug = sqlite_bugs.Bug("a bug", (3, 30, 0), ((3, 41, 0),), affects=True, why="it does that")
    found = sqlite_bugs.examine("3.40.1", (bug,))
    assert (found.grade, "3.41.0" in str(found.advice)) == (Grade.WARNING, True)
    assert sqlite_bugs.examine("3.36.0").grade is Grade.FAILURE


@pytest.mark.parametrize(
    ("used", "blocked_until_ms", "grade"), [(10, 0, "ok"), (240, 0, "warning"), (10, 60_000, "warning")]
)
def test_the_used_share_of_the_rates_is_reported(used: int, blocked_until_ms: int, grade: str) -> None:
    status = {
        "nowMs": 1_000,
        "ordersLastSecond": 3,
        "exchange": {"weightUsed": used, "weightLimit": 250, "blockedUntilMs": blocked_until_ms},
    }
    assert rates.examine(Config(), status).grade == grade
    assert rates.examine(Config(), None).grade is Grade.OK


@pytest.mark.parametrize(
    ("text", "grade"),
    [
        (None, "ok"),
        ('exchange = "https://api.mexc.com"\nprobed_ms = 8_640_000_000', "ok"),
        ('exchange = "https://api.mexc.com"\nprobed_ms = 0', "warning"),
        ('exchange = "paper"\nprobed_ms = 8_640_000_000', "warning"),
        ("exchange = 1", "failure"),
    ],
    ids=["none", "fresh", "old", "another's", "unreadable"],
)
def test_the_results_of_a_probe_are_judged(tmp_path: Path, text: str | None, grade: str) -> None:
    if text is not None:
        (tmp_path / "exchange-facts.toml").write_text(text)
    assert probe_results.examine(LIVE, tmp_path / "sniperd.db", 8_640_000_000).grade == grade


@pytest.mark.parametrize(
    ("report", "grade"),
    [
        ("→ Overall exposure level for sniperd.service: 1.3 OK :-)\n", "ok"),
        ("→ Overall exposure level for sniperd.service: 9.6 UNSAFE\n", "warning"),
        ("Unit sniperd.service not loaded.\n", "warning"),
    ],
)
def test_an_installed_unit_with_less_sandboxing_is_a_warning(report: str, grade: str) -> None:
    assert service.judge_exposure("sniperd", report).grade == grade
    assert service.exposure("sniperd", {}) is None
