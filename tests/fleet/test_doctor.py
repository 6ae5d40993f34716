"""What the doctor finds about a fleet, on a real PostgreSQL."""

import secrets
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest

from daemon import __version__
from daemon.config.credentials import Credentials, Secret
from daemon.config.loading import check, parse
from daemon.config.tables import Config
from daemon.doctor import fleet
from daemon.doctor.findings import Finding, Grade
from daemon.fleet.agreement import account_hash, configuration_hash
from daemon.fleet.backends import create_log, open_backend
from daemon.fleet.port import MemberReport, Role
from tests.support.postgres import ADMIN, PASSWORD, PostgresServer

pytestmark = pytest.mark.needs("postgresql")


def configured(url: str, **changes: Any) -> Config:
    """Return a member's configuration, at a test server."""
    exchange = {"mode": "live", "base_url": "http://127.0.0.1:1"}
    return check(parse({"exchange": exchange, "fleet": {"url": url, "durability": "single"} | changes}))


@pytest.fixture
def config(postgres: PostgresServer) -> Config:
    """The configuration of a new ledger's member."""
    ledger = secrets.token_hex(8)
    make = partial(create_log, postgres.url(user=ADMIN), ledger, f"account of {ledger}", role="sniperd")
    anyio.run(make)
    return configured(postgres.url(), ledger=ledger)


def report(config: Config, name: str, **changed: Any) -> None:
    """Let a member report itself."""
    fields: dict[str, Any] = {
        "member": f"id-of-{name}", "name": name, "role": Role.MEMBER, "version": __version__, "format": 1, "n": 0,
        "clock_error_ms": 1.0, "reaches_exchange": True, "configuration": configuration_hash(config),
    }  # fmt: skip
    member = MemberReport(**(fields | changed))

    async def tell() -> None:
        async with open_backend(config.fleet.url, config.fleet.ledger, "single") as backend:
            await backend.report(member)

    anyio.run(tell)


def findings(
    config: Config, environ: dict[str, str] | None = None, store: Path = Path("/nonexistent")
) -> list[Finding]:
    return list(fleet.examine(config, environ or {}, None, store))


def worst(found: list[Finding]) -> Finding:
    """Return the first failure, else the first warning."""
    return min(found, key=lambda each: [Grade.FAILURE, Grade.WARNING, Grade.OK].index(each.grade))


def test_without_a_fleet_there_is_nothing_to_find() -> None:
    assert findings(Config()) == []


def test_a_healthy_fleet_is_ok_but_for_the_one_server(config: Config) -> None:
    report(config, "tokyo-1")
    report(config, "tokyo-2", role=Role.DOOR)
    found = findings(config)
    assert {each.check: each.grade for each in found} == {
        "fleet": Grade.OK, "durability": Grade.WARNING, "members": Grade.OK,
    }  # fmt: skip
    assert f"ledger {config.fleet.ledger}: nobody has owned it yet" in found[1].text
    assert "2 report themselves, 1 of them can own" in found[-1].text


@pytest.mark.parametrize(
    ("right", "table"),
    [("INSERT", "log"), ("UPDATE", "ledgers"), ("INSERT", "members"), ("DELETE", "members"), ("UPDATE", "calls")],
)
def test_a_right_that_the_role_lacks_is_found_before_the_first_order(
    config: Config, postgres: PostgresServer, right: str, table: str
) -> None:
    postgres.sql(f"REVOKE {right} ON sniperd.{table} FROM sniperd")
    try:
        found = worst(findings(config))
    finally:
        postgres.sql(f"GRANT {right} ON sniperd.{table} TO sniperd")
    assert (found.check, found.grade) == ("fleet", Grade.FAILURE)
    assert f"permission denied for table {table}" in found.text
    assert "sniperd fleet init" in found.text


def test_a_server_that_takes_no_writes_is_a_failure(config: Config, postgres: PostgresServer) -> None:
    postgres.sql("ALTER ROLE sniperd SET default_transaction_read_only = on")
    try:
        found = worst(findings(config))
    finally:
        postgres.sql("ALTER ROLE sniperd RESET default_transaction_read_only")
    assert (found.grade, "read-only transaction" in found.text) == (Grade.FAILURE, True)


def test_nothing_of_what_the_doctor_tries_stays(config: Config, postgres: PostgresServer) -> None:
    """And nothing waits for it: the owner may renew its lease meanwhile."""
    rows = (
        "SELECT count(*) FROM sniperd.log UNION ALL SELECT count(*) FROM sniperd.members "
        "UNION ALL SELECT count(*) FROM sniperd.calls"
    )
    before = postgres.sql(rows)
    assert findings(config)[1].grade is Grade.OK
    assert postgres.sql(rows) == before


def test_a_server_without_a_synchronous_standby_is_a_failure_if_one_is_required(config: Config) -> None:
    found = worst(findings(configured(config.fleet.url, ledger=config.fleet.ledger, durability="synchronous")))
    assert (found.check, found.grade) == ("durability", Grade.FAILURE)
    assert "synchronous_standby_names is empty" in found.text


def test_a_ledger_that_is_not_there_is_a_failure_that_names_the_command(config: Config) -> None:
    found = worst(findings(configured(config.fleet.url, ledger="another")))
    assert found.grade is Grade.FAILURE
    assert "sniperd fleet init" in found.text


def test_a_database_that_does_not_answer_is_a_failure(tmp_path: Path) -> None:
    found = worst(findings(configured(f"postgresql://sniperd@/postgres?host={tmp_path}")))
    assert (found.check, found.grade) == ("fleet", Grade.FAILURE)


@pytest.mark.parametrize(
    ("changed", "grade", "text"),
    [
        ({"configuration": "other"}, Grade.FAILURE, "server, guards, rates or times of tokyo-1 differ"),
        ({"reaches_exchange": False}, Grade.WARNING, "tokyo-1 cannot reach the exchange"),
        ({"version": "0.0.1"}, Grade.WARNING, f"versions 0.0.1 are running; this is {__version__}"),
    ],
)
def test_a_member_that_does_not_fit_is_named(config: Config, changed: dict[str, Any], grade: Grade, text: str) -> None:
    report(config, "tokyo-1", **changed)
    [found] = [each for each in findings(config) if each.check == "members"]
    assert (found.grade, text in found.text) == (grade, True)


def test_members_of_one_name_are_told_apart_by_nobody(config: Config) -> None:
    report(config, "tokyo", member="one")
    report(config, "tokyo", member="other")
    assert "several members are called tokyo" in worst(findings(config)[3:]).text


def test_another_account_than_the_ledgers_is_a_failure_but_at_a_door(postgres: PostgresServer) -> None:
    keys, other = (Credentials(Secret(f"mx0v{secrets.token_hex(8)}"), Secret("a-secret-of-some-length")) for _ in "12")
    asked = configured(postgres.url(), ledger=secrets.token_hex(8))
    account = account_hash(keys.api_key)
    anyio.run(partial(create_log, postgres.url(user=ADMIN), asked.fleet.ledger, account, role="sniperd"))

    def found(config: Config, keys: Credentials) -> list[Finding]:
        return [each for each in fleet.examine(config, {}, keys, Path("/nonexistent")) if each.check == "account"]

    assert [each.grade for each in found(asked, keys)] == [Grade.OK]
    mirrored = msgspec.structs.replace(
        asked, exchange=msgspec.structs.replace(asked.exchange, base_url="http://[::1]:1")
    )
    assert [each.grade for each in found(mirrored, keys)] == [Grade.OK], "another way to the exchange"
    [wrong] = found(asked, other)
    assert wrong.grade is Grade.FAILURE
    assert "sniperd fleet init --replace-key" in (wrong.advice or "")
    assert found(configured(postgres.url(), ledger=asked.fleet.ledger, role="door"), other) == []


def test_a_way_that_others_can_change_is_a_warning() -> None:
    urls = (
        "postgresql://db1.example/x",
        "postgresql://db1.example/x?sslmode=require",
        "postgresql://db1.example,db2.example/x?sslmode=verify-full",
        "postgresql://127.0.0.1,localhost/x",
        "valkey://cache.example",
        "valkeys://cache.example",
    )
    grades = [fleet.encryption(configured(url, durability="below").fleet).grade for url in urls]
    assert grades == [Grade.WARNING, Grade.WARNING, Grade.OK, Grade.OK, Grade.WARNING, Grade.OK]


def test_the_password_is_the_credential_that_systemd_gives(
    postgres: PostgresServer, config: Config, tmp_path: Path
) -> None:
    url = f"postgresql://sniperd@127.0.0.1:{postgres.port}/postgres"
    asked = configured(url, ledger=config.fleet.ledger)
    assert worst(findings(asked)).grade is Grade.FAILURE
    file = tmp_path / "fleet_password"
    file.write_text(PASSWORD)
    file.chmod(0o600)
    assert worst(findings(asked, store=tmp_path)).grade is Grade.WARNING, "one server"
    assert worst(findings(asked, {"CREDENTIALS_DIRECTORY": str(tmp_path)})).grade is Grade.WARNING
    file.chmod(0o644)
    assert "can be read by others" in worst(findings(asked, store=tmp_path)).text
