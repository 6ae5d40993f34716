"""Valkey and Redis as the fleet's database: what the contract does not ask of every database."""

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import anyio
import pytest

from daemon.config.credentials import Secret
from daemon.errors import BackendFailed, BackendRefused, BadConfig, Deposed, LogWentBack
from daemon.fleet.port import Change, Entry, Lease, Notice, Position, next_entry
from daemon.fleet.valkey import Valkey, create_log, open_log
from tests.support.stage import Stage
from tests.support.tls import certificate
from tests.support.valkey_process import REDIS, VALKEY, ValkeyProcess, free_port
from tests.support.waiting import PATIENCE_S

FIRST = next_entry(Position(), epoch=0, at_ms=1, body=b"first")
LEASE = Lease("m1", 1, 5_000)

RIGHTS = [
    *("~sniperd:{main}:*", "&sniperd:{main}"),
    *("+@read", "+@write", "+@scripting", "+@pubsub", "+@connection", "+time", "+info", "+config|get"),
]
"""What the handbook gives the daemon's user."""


@pytest.fixture(scope="module", params=["valkey", pytest.param("redis", marks=pytest.mark.needs("redis"))])
def server(request: pytest.FixtureRequest, shared_stage: Stage) -> ValkeyProcess:
    """A server that syncs every write."""
    program = {"valkey": VALKEY, "redis": REDIS}[request.param]
    server = ValkeyProcess(shared_stage.child, shared_stage.subdirectory(request.param), program=program)
    server.start()
    return server


@pytest.fixture(autouse=True)
def _empty(server: ValkeyProcess) -> Iterator[None]:
    yield
    with server.client() as client:
        client.flushall()


def chain(count: int, *, epoch: int = 0) -> list[Entry]:
    found = [FIRST]
    while len(found) < count:
        found.append(next_entry(found[-1].position, epoch=epoch, at_ms=len(found), body=b"x" * len(found)))
    return found


async def written(backend: Valkey, count: int) -> list[Entry]:
    entries = chain(count)
    for entry in entries:
        await backend.append(entry)
    return entries


async def test_a_server_that_syncs_every_write_is_not_doubted(server: ValkeyProcess) -> None:
    async with open_log(server.url, "main", "single", None) as backend:
        assert await backend.doubts("single") == []
        assert str(server.socket) in backend.name
        assert backend.name.startswith(("Valkey 9", "Redis 7"))


async def test_an_entry_without_the_one_before_it_is_not_written(server: ValkeyProcess) -> None:
    async with open_log(server.url, "main", "single", None) as backend:
        entries = await written(backend, 1)
        third = next_entry(
            next_entry(entries[0].position, epoch=0, at_ms=2, body=b"").position, epoch=0, at_ms=3, body=b""
        )
        with pytest.raises(LogWentBack, match="the fleet's log lacks entry 2, which this member has seen"):
            await backend.append(third)
        assert [entry.n for entry in await backend.read(0, 10)] == [1]


async def test_an_entry_after_another_one_is_not_written(server: ValkeyProcess) -> None:
    async with (
        open_log(server.url, "main", "single", None) as mine,
        open_log(server.url, "main", "single", None) as other,
    ):
        await mine.append(FIRST)
        with server.client() as client:
            client.flushall()  # the log was lost, and grew again
        await other.append(next_entry(Position(), epoch=0, at_ms=1, body=b"another first"))
        with pytest.raises(LogWentBack):
            await mine.append(next_entry(FIRST.position, epoch=0, at_ms=2, body=b"second"))
        with pytest.raises(LogWentBack):
            await other.append(next_entry(FIRST.position, epoch=0, at_ms=2, body=b"second"))


async def test_an_owner_whose_lease_is_another_s_writes_nothing(server: ValkeyProcess) -> None:
    async with open_log(server.url, "main", "single", None) as backend:
        await written(backend, 1)
        taking = next_entry(FIRST.position, epoch=1, at_ms=2, body=b"taken")
        assert await backend.take(Lease(), LEASE, taking)
        with pytest.raises(Deposed):
            await backend.append(next_entry(taking.position, epoch=0, at_ms=3, body=b"late"))


async def test_a_takeover_whose_answer_was_lost_is_asked_again(server: ValkeyProcess) -> None:
    async with open_log(server.url, "main", "single", None) as backend:
        taking = next_entry(Position(), epoch=1, at_ms=2, body=b"taken")
        assert await backend.take(Lease(), LEASE, taking)
        assert await backend.take(Lease(), LEASE, taking)
        other = next_entry(Position(), epoch=1, at_ms=2, body=b"taken by another")
        assert not await backend.take(Lease(), Lease("m2", 1, 5_000), other)


async def test_a_server_that_forgot_its_scripts_gets_them_again(server: ValkeyProcess) -> None:
    async with open_log(server.url, "main", "single", None) as backend:
        entries = await written(backend, 2)
        with server.client() as client:
            client.script_flush()
        await backend.append(next_entry(entries[-1].position, epoch=0, at_ms=9, body=b"third"))
        assert [entry.n for entry in await backend.read(0, 10)] == [1, 2, 3]


async def test_two_ledgers_share_a_server(server: ValkeyProcess) -> None:
    async with (
        open_log(server.url, "main", "single", None) as main,
        open_log(server.url, "other", "single", None) as other,
    ):
        await written(main, 3)
        await written(other, 1)
        assert [len(await each.read(0, 10)) for each in (main, other)] == [3, 1]
    with server.client() as client:
        assert all("{main}" in key or "{other}" in key for key in client.scan_iter())


async def test_a_member_hears_the_others_and_a_new_connection_says_that_all_may_have_changed(
    server: ValkeyProcess,
) -> None:
    heard: list[Notice] = []

    async def hear() -> None:
        async for notice in listening.notices():
            heard.append(notice)  # noqa: PERF401  # another task looks at it meanwhile

    with server.client() as client:
        async with (
            open_log(server.url, "main", "single", None) as listening,
            open_log(server.url, "main", "single", None) as writing,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(hear)
            every = [Notice(change) for change in Change]
            await _soon(lambda: heard == every)
            first, second = chain(2)
            await writing.append(first)
            await _soon(lambda: heard == [*every, Notice(Change.LOG)])
            client.client_kill_filter(_type="pubsub")
            await _soon(lambda: heard == [*every, Notice(Change.LOG), *every])
            await listening.append(second)  # which it knows itself
            await writing.answer_to("nothing")
            await writing.renew(LEASE)
            tasks.cancel_scope.cancel()
        assert heard == [*every, Notice(Change.LOG), *every]


async def test_a_ledger_and_an_account_belong_to_each_other(server: ValkeyProcess) -> None:
    async with open_log(server.url, "main", "single", None) as backend:
        for ask in (backend.lease, backend.account, partial(backend.replace_account, "new")):
            with pytest.raises(BackendFailed, match="there is no ledger main; create it: sniperd fleet init"):
                await ask()
        for _ in range(2):
            await create_log(server.url, "main", "account", role="", password=None)
        assert await backend.lease() == Lease()
    with pytest.raises(BadConfig, match="ledger main belongs to another account"):
        await create_log(server.url, "main", "another", role="", password=None)
    with pytest.raises(BadConfig, match="a ledger already, main; ledger other must not be a second one"):
        await create_log(server.url, "other", "account", role="", password=None)
    await create_log(server.url, "other", "another", role="", password=None)
    async with open_log(server.url, "main", "single", None) as backend:
        with pytest.raises(BadConfig, match="this account has a ledger already, another one; ledger main must not"):
            await backend.replace_account("another")
        await backend.replace_account("new key")
    with pytest.raises(BadConfig, match="ledger main belongs to another account"):
        await create_log(server.url, "main", "account", role="", password=None)


async def _soon(holds: Callable[[], bool]) -> None:
    """Wait for a condition without an event to wait for."""
    with anyio.fail_after(PATIENCE_S):
        while not holds():  # noqa: ASYNC110
            await anyio.sleep(0.002)


async def test_a_password_is_sent_and_never_shown(server: ValkeyProcess) -> None:
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "sniper", "on", ">hunter22", *RIGHTS)
    url = f"valkey://sniper@{server.tcp_url.removeprefix('valkey://')}"
    async with open_log(url, "main", "single", Secret("hunter22")) as backend:
        await written(backend, 1)
        assert await backend.doubts("single") == []
        assert "hunter22" not in f"{backend!r} {vars(backend)} {vars(backend._connections)} {backend.name}"
    async with open_log(url, "main", "single", Secret("wrong")) as backend:
        with pytest.raises(BackendRefused, match=r"invalid username-password pair.*password_file") as failed:
            await backend.members()
        assert failed.value.exit_code == 77
        assert "wrong" not in str(failed.value)


async def test_a_user_without_a_right_or_a_password_is_refused(server: ValkeyProcess) -> None:
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "sniper", "on", ">hunter22", *RIGHTS)
        client.execute_command("ACL", "SETUSER", "reader", "on", ">hunter22", "~*", "+@read", "+@scripting")
    url = f"@{server.tcp_url.removeprefix('valkey://')}"
    with pytest.raises(BackendRefused, match="--url"):  # it may not use the key of all accounts
        await create_log(f"valkey://sniper{url}", "main", "account", role="", password=Secret("hunter22"))
    async with open_log(f"valkey://reader{url}", "main", "single", Secret("hunter22")) as backend:
        await backend.members()
        with pytest.raises(BackendRefused, match="ACL SETUSER"):
            await backend.append(FIRST)
    async with open_log(f"valkey://sniper{url}", "main", "single", None) as backend:
        with pytest.raises(BackendRefused, match="password_file"):
            await backend.members()


@pytest.mark.needs("redis")  # Debian's is built with TLS
async def test_the_servers_certificate_is_verified_and_ours_is_shown(shared_stage: Stage, tmp_path: Path) -> None:
    pem, port = certificate(tmp_path, days=2), free_port()
    ValkeyProcess.started(
        shared_stage, program=REDIS, tls_port=f"{port}", tls_cert_file=f"{pem}", tls_key_file=f"{pem}",
        tls_ca_cert_file=f"{pem}", tls_auth_clients="yes",
    )  # fmt: skip
    ours = f"sslcert={pem}&sslkey={pem}"
    for scheme in ("rediss", "valkeys"):
        async with open_log(
            f"{scheme}://127.0.0.1:{port}/0?sslrootcert={pem}&{ours}", scheme, "single", None
        ) as backend:
            (entry,) = await written(backend, 1)
            assert [*await backend.read(0, 9)] == [entry]
            async for notice in backend.notices():  # over a connection of its own
                assert notice == Notice(Change.LOG)
                break
    other = certificate(shared_stage.subdirectory("other"), days=2)
    for place, said in (
        (f"rediss://127.0.0.1:{port}/0?sslrootcert={other}&{ours}", "certificate verify failed"),
        (f"rediss://127.0.0.1:{port}/0?{ours}", "certificate verify failed"),  # the machine trusts no such issuer
        (f"rediss://localhost:{port}/0?sslrootcert={pem}&{ours}", "certificate verify failed"),  # another name's
        (f"rediss://127.0.0.1:{port}/0?sslrootcert={pem}", "127.0.0.1"),  # without ours
        (f"redis://127.0.0.1:{port}/0", "127.0.0.1"),
    ):
        async with open_log(place, "rediss", "single", None) as backend:
            with pytest.raises(BackendFailed, match=said):
                await backend.read(0, 9)


@pytest.mark.needs("redis")
async def test_sentinels_are_asked_over_tls_where_the_server_is(shared_stage: Stage, tmp_path: Path) -> None:
    pem, port, asked = certificate(tmp_path, days=2), free_port(), free_port()
    files = f"tls-cert-file {pem}\ntls-key-file {pem}\ntls-ca-cert-file {pem}\ntls-auth-clients no\n"
    ValkeyProcess.started(
        shared_stage, program=REDIS, tls_port=f"{port}", tls_cert_file=f"{pem}", tls_key_file=f"{pem}",
        tls_ca_cert_file=f"{pem}", tls_auth_clients="no",
    )  # fmt: skip
    directory = shared_stage.subdirectory("sentinel")
    configured = directory / "sentinel.conf"
    configured.write_text(
        f"port 0\ntls-port {asked}\nbind 127.0.0.1\ndir {directory}\ntls-replication yes\n{files}"
        f"sentinel monitor main 127.0.0.1 {port} 1\n"
    )
    shared_stage.child(REDIS, configured, "--sentinel", environ=dict(os.environ), directory=directory)
    place = f"127.0.0.1:{asked}/?sentinel=main"
    async with open_log(f"rediss://{place}&sslrootcert={pem}", "tls", "single", None) as backend:
        with anyio.fail_after(PATIENCE_S):
            while True:
                try:
                    (entry,) = await written(backend, 1)
                    break
                except BackendFailed:
                    await anyio.sleep(0.05)  # until the Sentinel has seen the server
        assert [*await backend.read(0, 9)] == [entry]
    for url in (f"redis://{place}", f"rediss://127.0.0.1:{asked}/?sentinel=other&sslrootcert={pem}"):
        async with open_log(url, "tls", "single", None) as backend:
            with pytest.raises(BackendFailed, match="no Sentinel answers, or none knows a working primary") as failed:
                await backend.read(0, 9)
            assert "object at" not in str(failed.value)


async def test_a_server_that_does_not_answer_is_given_up(server: ValkeyProcess) -> None:
    async with open_log(server.url, "main", "single", None) as backend:
        await written(backend, 1)
        server.stop()
        try:
            with anyio.fail_after(10), pytest.raises(BackendFailed, match=r"did not answer within 2 s"):
                await backend.append(FIRST)
        finally:
            server.resume()
        await backend.append(FIRST)


async def test_a_hundred_callers_do_not_keep_the_owner_from_writing(server: ValkeyProcess) -> None:
    async with open_log(server.url, "main", "single", None) as backend, anyio.create_task_group() as tasks:
        for number in range(100):
            tasks.start_soon(backend.answer_to, f"call-{number}")
        await written(backend, 3)
        with server.client() as client:
            assert client.info("clients")["connected_clients"] <= 12
