"""PostgreSQL behind the fleet: what the server's own rights, settings and ways of connecting mean for it."""

import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import anyio
import asyncpg
import pytest

from daemon.config.credentials import Secret
from daemon.errors import BackendFailed, BackendRefused, BadConfig
from daemon.fleet.backends import create_log, open_backend
from daemon.fleet.port import Change
from daemon.fleet.postgres_line import SETTINGS, TIMEOUT_S
from daemon.fleet.postgres_line import said as what_it_says
from tests.fleet.contract.making import BEGINNING, answered, call, entries, owned, report
from tests.support.postgres import ADMIN, PASSWORD, USER, PostgresServer, transaction_pooler
from tests.support.tls import certificate
from tests.support.waiting import PATIENCE_S, wall_ms

pytestmark = pytest.mark.needs("postgresql")


@pytest.fixture
async def ledger(postgres: PostgresServer) -> str:
    """Make a ledger and return its name."""
    name = secrets.token_hex(8)
    await create_log(postgres.url(user=ADMIN), name, f"account of {name}", role=USER)
    return name


@pytest.mark.parametrize(
    "change",
    ["UPDATE sniperd.log SET body = ''", "DELETE FROM sniperd.log", "TRUNCATE sniperd.log", "DROP TABLE sniperd.log",
     "DELETE FROM sniperd.ledgers", "INSERT INTO sniperd.ledgers (ledger, account) VALUES ('x', 'x')"],
)  # fmt: skip
async def test_the_daemons_role_cannot_change_what_the_log_says(
    postgres: PostgresServer, ledger: str, change: str
) -> None:
    assert postgres.sql(f"SELECT n FROM sniperd.log WHERE ledger = '{ledger}'", user=USER) == "0"  # noqa: S608
    with pytest.raises(AssertionError, match=r"permission denied|must be owner"):
        postgres.sql(change, user=USER)


async def test_an_account_has_one_ledger_and_a_ledger_one_account(postgres: PostgresServer, ledger: str) -> None:
    await create_log(postgres.url(user=ADMIN), ledger, f"account of {ledger}", role=USER)
    with pytest.raises(BadConfig, match=f"a ledger already, {ledger}; ledger {ledger}-2 must not be a second one"):
        await create_log(postgres.url(user=ADMIN), f"{ledger}-2", f"account of {ledger}", role=USER)
    with pytest.raises(BadConfig, match="another account"):
        await create_log(postgres.url(user=ADMIN), ledger, "another account", role=USER)


async def test_a_replaced_key_is_no_key_of_another_ledger(postgres: PostgresServer, ledger: str) -> None:
    other = f"{ledger}-other"
    await create_log(postgres.url(user=ADMIN), other, f"account of {other}", role=USER)
    async with open_backend(postgres.url(), ledger, "single") as backend:
        with pytest.raises(BadConfig, match=f"a ledger already, [^;]*; ledger {ledger} must not"):
            await backend.replace_account(f"account of {other}")
        await backend.replace_account(f"new key of {ledger}")
    with pytest.raises(BadConfig, match="another account"):
        await create_log(postgres.url(user=ADMIN), ledger, f"account of {ledger}", role=USER)


async def test_ledgers_of_one_server_do_not_meet(postgres: PostgresServer, ledger: str) -> None:
    other = f"{ledger}-other"
    await create_log(postgres.url(user=ADMIN), other, f"account of {other}", role=USER)
    async with open_backend(postgres.url(), ledger, "single") as one:
        await owned(one, 2)
        await one.report(report("a"))
        await one.call(call("a"))
    async with open_backend(postgres.url(), other, "single") as backend:
        assert (await backend.lease()).epoch == 0
        assert [*await backend.read(0, 9), *await backend.members(), *await backend.calls()] == []


async def test_a_missing_ledger_or_table_says_what_to_do(postgres: PostgresServer, ledger: str) -> None:
    async with open_backend(postgres.url(), f"no-{ledger}", "single") as backend:
        for ask in (backend.lease, backend.account, partial(backend.replace_account, "new")):
            with pytest.raises(BackendFailed, match="sniperd fleet init"):
                await ask()
    async with open_backend(postgres.url("template1"), ledger, "single") as backend:
        with pytest.raises(BackendFailed, match="sniperd fleet init"):
            await backend.lease()


async def test_calls_that_nobody_waits_for_are_removed(postgres: PostgresServer, ledger: str) -> None:
    async with open_backend(postgres.url(), ledger, "single") as backend:
        await backend.call(call("expired", expires_ms=wall_ms() - 1))
        await backend.call(call("waits"))
        await backend.report(report("a"))
    left = f"SELECT call_id FROM sniperd.calls WHERE ledger = '{ledger}'"  # noqa: S608
    assert postgres.sql(left) == "waits"


async def test_a_server_with_its_defaults_is_durable_alone(postgres: PostgresServer, ledger: str) -> None:
    postgres.sql(f"ALTER ROLE {USER} SET synchronous_commit = off")  # the daemon's own setting counts
    try:
        async with open_backend(postgres.url(), ledger, "single") as backend:
            assert await backend.doubts("single") == []
            assert await backend.doubts("below") == []
            (doubt,) = await backend.doubts("synchronous")
            assert "synchronous_standby_names is empty" in doubt
    finally:
        postgres.sql(f"ALTER ROLE {USER} RESET ALL")


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
async def test_a_server_that_does_not_sync_is_doubted(postgres: PostgresServer, ledger: str, setting: str) -> None:
    postgres.set(**{setting: "off"})
    try:
        async with open_backend(postgres.url(), ledger, "single") as backend:
            assert await backend.doubts("single") == [f"{setting} is off"]
            assert await backend.doubts("below") == []
    finally:
        postgres.set(**{setting: "on"})


async def test_a_table_that_a_crash_empties_is_doubted(postgres: PostgresServer, ledger: str) -> None:
    postgres.sql("ALTER TABLE sniperd.log SET UNLOGGED")
    try:
        async with open_backend(postgres.url(), ledger, "single") as backend:
            (doubt,) = await backend.doubts("below")
            assert "unlogged" in doubt
    finally:
        postgres.sql("ALTER TABLE sniperd.log SET LOGGED")


async def test_the_password_comes_from_the_credential_or_the_file(
    postgres: PostgresServer, ledger: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"postgresql://{USER}@127.0.0.1:{postgres.port}/postgres"
    async with open_backend(url, ledger, "single", Secret(PASSWORD)) as backend:
        await backend.lease()
        assert backend.name == f"PostgreSQL {_version(postgres)} on 127.0.0.1:{postgres.port}/postgres"
    passwords = tmp_path / "passwords"
    passwords.write_text(f"127.0.0.1:{postgres.port}:postgres:{USER}:{PASSWORD}\n")
    passwords.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(passwords))
    async with open_backend(url, ledger, "single") as backend:
        await backend.lease()


async def test_a_wrong_password_is_not_shown(postgres: PostgresServer, ledger: str) -> None:
    url = f"postgresql://{USER}@127.0.0.1:{postgres.port}/postgres"
    async with open_backend(url, ledger, "single", Secret("wrong-battery")) as backend:
        with pytest.raises(BackendRefused, match=r"password authentication failed.*password_file") as failed:
            await backend.lease()
        assert failed.value.exit_code == 77
        assert "battery" not in f"{failed.value!r} {failed.value.__cause__!r} {backend!r} {backend.name}"


async def test_a_user_that_the_server_does_not_know_or_that_lacks_a_right_is_refused(
    postgres: PostgresServer, ledger: str
) -> None:
    away = _free_port()
    for url, said in (
        (f"postgresql://nobody@127.0.0.1:{away},127.0.0.1:{postgres.port}/postgres", "password authentication failed"),
        (postgres.url(user="nobody"), 'role "nobody" does not exist'),
    ):
        async with open_backend(url, ledger, "single", Secret(PASSWORD)) as backend:
            with pytest.raises(BackendRefused, match=said):
                await backend.lease()
    postgres.sql("CREATE ROLE guest LOGIN; GRANT USAGE ON SCHEMA sniperd TO guest")
    async with open_backend(postgres.url(user="guest"), ledger, "single") as backend:
        with pytest.raises(BackendRefused, match=r"permission denied for table ledgers; .*sniperd fleet init"):
            await backend.lease()


async def test_the_servers_certificate_is_verified(postgres: PostgresServer, ledger: str, tmp_path: Path) -> None:
    pem = postgres.own(certificate(postgres.directory, days=2))
    postgres.set(ssl_cert_file=str(pem), ssl_key_file=str(pem), ssl="on")
    place = f"{postgres.port}/postgres?sslmode=verify-full&sslrootcert="
    url = f"postgresql://{USER}@127.0.0.1:{place}"
    encrypted = (
        "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'sniperd'"
    )
    try:
        async with open_backend(f"{url}{pem}", ledger, "single", Secret(PASSWORD)) as backend:
            await backend.lease()
            assert postgres.sql(encrypted) == "t"
        other = certificate(tmp_path, days=2)
        for wrong in (f"{url}{other}", f"postgresql://{USER}@localhost:{place}{pem}"):  # another issuer; another name
            async with open_backend(wrong, ledger, "single", Secret(PASSWORD)) as backend:
                with pytest.raises(BackendFailed, match="certificate verify failed"):
                    await backend.lease()
    finally:
        postgres.set(ssl="off")


async def test_hosts_that_are_away_or_silent_are_passed_over(postgres: PostgresServer, ledger: str) -> None:
    with _silent() as silent:
        hosts = f"127.0.0.1:{_free_port()},127.0.0.1:{silent},127.0.0.1:{postgres.port}"
        async with open_backend(f"postgresql://{USER}@{hosts}/postgres", ledger, "single", Secret(PASSWORD)) as backend:
            assert (await backend.lease()).epoch == 0


async def test_a_silent_server_fails_every_method_in_time(ledger: str) -> None:
    with _silent() as port:
        url = f"postgresql://{USER}@127.0.0.1:{port}/postgres"
        async with open_backend(url, ledger, "single", Secret(PASSWORD)) as backend:
            with anyio.fail_after(TIMEOUT_S + 1), pytest.raises(BackendFailed, match="no answer in time"):
                await backend.append(entries(1, BEGINNING)[0])


async def test_what_ends_the_use_of_a_backend_arrives_as_it_was(postgres: PostgresServer, ledger: str) -> None:
    with pytest.raises(BackendFailed) as failed:
        async with open_backend(postgres.url("template1"), ledger, "single") as backend:
            await backend.lease()
    assert isinstance(failed.value.__cause__, asyncpg.UndefinedTableError)


async def test_cut_connections_are_made_again(postgres: PostgresServer, ledger: str) -> None:
    async with open_backend(postgres.url(), ledger, "single") as owner:
        *_, last = await owned(owner, 1)
        _cut_all(postgres)
        (entry,) = entries(1, last.position)
        await answered(owner.append, entry)
        assert [*await owner.read(last.n, 9)] == [entry]


async def test_a_listener_that_was_cut_off_says_that_all_may_have_changed(
    postgres: PostgresServer, ledger: str
) -> None:
    async with open_backend(postgres.url(), ledger, "single") as backend:
        notices = backend.notices()
        with anyio.fail_after(PATIENCE_S):
            for _ in range(2):
                assert {(await anext(notices)).change for _ in Change} == set(Change)
                _cut_all(postgres)
        await notices.aclose()  # type: ignore[attr-defined]  # a generator


@pytest.mark.needs("pgbouncer")
async def test_a_transaction_pooler_is_refused(postgres: PostgresServer, ledger: str) -> None:
    """It gives each transaction another session: settings of one member's session would reach another's statements."""
    for ignored, said in (("extra_float_digits", "unsupported startup parameter"), (",".join(SETTINGS), "pooler")):
        with transaction_pooler(postgres, ignored) as port:
            url = f"postgresql://{USER}@127.0.0.1:{port}/postgres"
            async with open_backend(url, ledger, "single") as backend:
                with pytest.raises(BackendFailed, match=said):
                    await backend.lease()


@pytest.mark.parametrize("url", ["postgresql://db/x?sslmode=verify-full&", "rediss://db?"])
async def test_a_certificate_that_is_not_there_is_named(url: str) -> None:
    said = "names sslrootcert=/no/such.pem, which is not there or cannot be read"
    with pytest.raises(BadConfig, match=said):
        open_backend(f"{url}sslrootcert=/no/such.pem", "main", "single")
    with pytest.raises(BadConfig, match=said):
        await create_log(f"{url}sslrootcert=/no/such.pem", "main", "account")


def test_what_the_server_says_is_one_line_with_its_hint() -> None:
    full = asyncpg.DiskFullError("could not extend file: No space left on device")
    full.hint = "Check free disk space."
    assert what_it_says(full) == "could not extend file: No space left on device; HINT: Check free disk space."


def test_without_a_fleet_no_driver_is_imported() -> None:
    code = (
        "import sys; import daemon.fleet.backends, daemon.__main__; assert not {'asyncpg', 'redis'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_backend_that_nobody_has_is_refused() -> None:
    with pytest.raises(BadConfig, match="postgresql"):
        open_backend("etcd://127.0.0.1", "main", "single")


def _version(postgres: PostgresServer) -> str:
    number = int(postgres.sql("SHOW server_version_num"))
    return f"{number // 10_000}.{number % 10_000}"


def _cut_all(postgres: PostgresServer) -> None:
    postgres.sql(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = '{USER}'")  # noqa: S608


def _free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port: int = closed.getsockname()[1]
        return port


@contextmanager
def _silent() -> Iterator[int]:
    """Listen on a port, and answer nobody."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]
