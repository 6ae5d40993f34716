"""PostgreSQL fails over, is cut off, is restored: what was acknowledged is there, or its loss is found."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVarTuple

import anyio
import anyio.to_thread
import pytest
from msgspec.structs import replace

from daemon.errors import BackendFailed, Deposed, LogWentBack
from daemon.fleet.backends import create_log, open_backend
from daemon.fleet.copying import Copy
from daemon.fleet.port import Backend, Entry
from daemon.store.store import open_store
from tests.fleet.contract.making import FIRST, SECOND, answered, entries, owned, takeover
from tests.support.postgres import ADMIN, USER, PostgresServer, postgres_server
from tests.support.waiting import eventually

pytestmark = pytest.mark.needs("postgresql")

Values = TypeVarTuple("Values")

STANDBY = "standby"
CANCELLED = "canceling wait for synchronous replication"

LOAD = 200
"""Entries that are acknowledged before the failure."""


class Pair(NamedTuple):
    """A primary and its standby."""

    primary: PostgresServer
    standby: PostgresServer

    @property
    def url(self) -> str:
        """Return the address of both."""
        hosts = f"{self.primary.directory},{self.standby.directory}"
        return f"postgresql://{USER}@/postgres?host={hosts}&port={self.primary.port},{self.standby.port}"

    def open(self) -> AbstractAsyncContextManager[Backend]:
        """Open the ledger as one more member."""
        return open_backend(self.url, "main", "synchronous")

    def make_synchronous(self) -> None:
        """Let the primary wait for the standby."""
        self.primary.set(synchronous_standby_names=STANDBY)
        eventually(self._is_synchronous, "the standby is synchronous")

    def is_in_step(self) -> bool:
        """Return whether the standby has all that the primary wrote."""
        return self.primary.sql("SELECT bool_and(flush_lsn = pg_current_wal_lsn()) FROM pg_stat_replication") == "t"

    def _is_synchronous(self) -> bool:
        return self.primary.sql("SELECT sync_state FROM pg_stat_replication") == "sync"


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    """Make a primary with a ledger, and an asynchronous standby."""
    with postgres_server() as primary, postgres_server() as standby:
        primary.create()
        await create_log(primary.url(user=ADMIN), "main", "account", role=USER)
        standby.create_standby(primary, STANDBY)
        yield Pair(primary, standby)


async def test_of_what_a_synchronous_pair_acknowledged_nothing_is_lost(pair: Pair) -> None:
    """The primary is killed while entries are appended, and the standby becomes the primary."""
    pair.make_synchronous()
    async with pair.open() as owner, pair.open() as other:
        assert await owner.doubts("synchronous") == []
        acknowledged = await owned(owner)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_append_until, owner, acknowledged, 2 * LOAD)
            await _reached(acknowledged, LOAD)
            pair.primary.kill()
            await anyio.to_thread.run_sync(pair.standby.promote)
        assert len(acknowledged) == 2 * LOAD
        assert list(await other.read(0, 3 * LOAD)) == acknowledged
        assert await other.lease() == FIRST


async def test_an_old_primary_that_still_answers_acknowledges_nothing(pair: Pair) -> None:
    """Its standby was promoted: its clients go to that one, with the same entry."""
    pair.make_synchronous()
    async with pair.open() as owner:
        *_, last = written = await owned(owner, 3)
        pair.standby.promote()
        (entry,) = entries(1, last.position)
        with pytest.raises(BackendFailed, match="no answer in time"):
            await owner.append(entry)
        await owner.append(entry)
    async with open_backend(pair.standby.url(), "main", "synchronous") as promoted:
        assert list(await promoted.read(0, 10)) == [*written, entry]


async def test_a_standby_that_could_not_take_over_at_an_old_primary_reads_at_the_new_one(pair: Pair) -> None:
    pair.make_synchronous()
    async with pair.open() as owner, pair.open() as other:
        *_, last = written = await owned(owner, 3)
        assert list(await other.read(0, 10)) == written
        pair.standby.promote()
        (entry,) = entries(1, last.position)
        await answered(owner.append, entry)
        assert list(await other.read(last.n, 10)) == []
        with pytest.raises(BackendFailed, match="no answer in time"):
            await other.take(FIRST, SECOND, takeover(last.position, epoch=2))
        assert list(await other.read(last.n, 10)) == [entry]
        assert not await other.take(FIRST, SECOND, takeover(last.position, epoch=2))


async def test_an_asynchronous_pair_is_doubted(pair: Pair) -> None:
    async with pair.open() as owner:
        (doubt,) = await owner.doubts("synchronous")
        assert "synchronous_standby_names" in doubt


async def test_a_replica_that_lacks_entries_takes_none_after_them(pair: Pair, tmp_path: Path) -> None:
    async with pair.open() as owner, _copy(owner, tmp_path) as copy:
        *_, last = await owned(owner, 3)
        lost = await _lose(pair, owner, entries(3, last.position), copy)
        with pytest.raises(LogWentBack, match=f"ends before entry {lost.n}"):
            await answered(copy.catch_up)
        with pytest.raises(LogWentBack):
            await answered(owner.append, entries(1, lost.position)[0])


async def test_what_others_write_instead_of_lost_entries_is_found(pair: Pair, tmp_path: Path) -> None:
    """The log grows to the place that a member has seen, and past it; the hashes tell."""
    async with pair.open() as owner, pair.open() as successor, _copy(owner, tmp_path) as copy:
        *_, last = await owned(owner, 3)
        lost = await _lose(pair, owner, entries(3, last.position), copy)
        taken = takeover(last.position, epoch=2)
        assert await successor.take(FIRST, SECOND, taken)
        *instead, past = entries(3, taken.position, epoch=2)
        for entry in instead:
            await successor.append(entry)
        with pytest.raises(LogWentBack):
            await answered(owner.append, entries(1, lost.position)[0])
        await successor.append(past)
        assert list(await successor.read(lost.n, 9)) == [past]
        assert not past.follows(lost.position)
        with pytest.raises(LogWentBack, match=f"entry {lost.n} .* does not follow"):
            await copy.catch_up()


async def test_a_wait_for_the_standby_that_was_cancelled_is_no_success(pair: Pair) -> None:
    """The server has committed the entry on its own disk, and shows it to all. The standby does not have it."""
    pair.make_synchronous()
    async with pair.open() as owner, pair.open() as reader:
        *_, last = await owned(owner, 3)
        pair.standby.stop()
        (entry,) = entries(1, last.position)
        assert CANCELLED in await _interrupted(pair, "pg_cancel_backend", owner.append, entry)
        assert list(await reader.read(last.n, 9)) == [entry]
        for _ in range(2):
            with pytest.raises(BackendFailed, match="no answer in time"):
                await owner.append(entry)
        pair.standby.start()
        await answered(owner.append, entry)
    pair.primary.kill()
    pair.standby.promote()
    async with pair.open() as successor:
        assert list(await successor.read(last.n, 9)) == [entry]


async def test_a_takeover_and_a_renewal_are_no_success_if_their_wait_was_cancelled(pair: Pair) -> None:
    pair.make_synchronous()
    async with pair.open() as owner, pair.open() as successor:
        *_, last = await owned(owner, 3)
        pair.standby.stop()
        renewed = replace(FIRST, until_ms=6_000)
        assert CANCELLED in await _interrupted(pair, "pg_cancel_backend", owner.renew, renewed)
        taking = renewed, SECOND, takeover(last.position, epoch=2)
        assert CANCELLED in await _interrupted(pair, "pg_cancel_backend", successor.take, *taking)
        with pytest.raises(BackendFailed, match="no answer in time"):
            await successor.take(*taking)
        pair.standby.start()
        assert await answered(successor.take, *taking)


async def test_an_append_whose_connection_was_cut_is_no_success_until_the_standby_has_it(pair: Pair) -> None:
    pair.make_synchronous()
    async with pair.open() as owner:
        *_, last = await owned(owner, 3)
        pair.standby.stop()
        (entry,) = entries(1, last.position)
        await _interrupted(pair, "pg_terminate_backend", owner.append, entry)
        with pytest.raises(BackendFailed, match="no answer in time"):
            await owner.append(entry)
        pair.standby.start()
        await answered(owner.append, entry)


async def test_an_append_that_gave_up_is_shown_to_nobody_before_the_standby_has_it(pair: Pair) -> None:
    pair.make_synchronous()
    async with pair.open() as owner, pair.open() as reader:
        *_, last = await owned(owner, 3)
        pair.standby.stop()
        (entry,) = entries(1, last.position)
        for _ in range(2):
            with pytest.raises(BackendFailed, match="no answer in time"):
                await owner.append(entry)
        assert list(await reader.read(last.n, 9)) == []
        pair.standby.start()
        await answered(owner.append, entry)
        assert list(await reader.read(last.n, 9)) == [entry]


async def test_a_restored_dump_is_found_before_and_after_it_has_grown(pair: Pair) -> None:
    server = pair.primary
    async with open_backend(server.url(), "main", "single") as owner:
        *_, last = await owned(owner, 3)
        dump = server.dump()
        *_, lost = later = entries(3, last.position)
        for entry in later:
            await owner.append(entry)
        server.restore(dump)
        (late,) = entries(1, lost.position)
        with pytest.raises(LogWentBack):
            await answered(owner.append, late)
        assert await owner.read(lost.n - 1, 1) == []
        assert await owner.lease() == FIRST
        for entry in entries(4, last.position, word=b"instead"):
            await owner.append(entry)
        (grown,) = await owner.read(lost.n, 1)
        assert not grown.follows(lost.position)
        with pytest.raises(Deposed):
            await owner.append(late)


@asynccontextmanager
async def _copy(backend: Backend, directory: Path) -> AsyncIterator[Copy]:
    """Open a member's copy of the log."""
    async with open_store(directory / "copy.db", is_copy=True) as store:
        copy = Copy(backend, store, lambda _: None)
        await copy.open()
        yield copy


async def _append_until(owner: Backend, acknowledged: list[Entry], count: int) -> None:
    """Append, ask again after each failure, and note what was acknowledged."""
    while len(acknowledged) < count:
        (entry,) = entries(1, acknowledged[-1].position, word=b"%d" % len(acknowledged))
        await answered(owner.append, entry)
        acknowledged.append(entry)


async def _reached(acknowledged: list[Entry], count: int) -> None:
    await _in_thread(lambda: len(acknowledged) >= count, "entries are acknowledged")


async def _lose(pair: Pair, owner: Backend, lost: list[Entry], copy: Copy) -> Entry:
    """Let a member copy entries that the standby does not get, and make that one the primary; return the last."""
    eventually(pair.is_in_step, "the standby has everything")
    pair.standby.stop()
    for entry in lost:
        await owner.append(entry)
    await copy.catch_up()
    assert copy.position == lost[-1].position
    pair.primary.kill()
    pair.standby.start()
    pair.standby.promote()
    return lost[-1]


async def _interrupted(pair: Pair, how: str, ask: Callable[[*Values], Awaitable[object]], *values: *Values) -> str:
    """Interrupt what waits for the standby, once, as an administrator or a script may; return how the asking failed."""
    waiting = f"SELECT {how}(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND usename = '{USER}'"  # noqa: S608
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_in_thread, partial(pair.primary.sql, waiting), "a process of the server waits")
        try:
            await ask(*values)
        except BackendFailed as failed:
            return str(failed)
    raise AssertionError("acknowledged without the standby")


async def _in_thread(find: Callable[[], object], what: str) -> None:
    """Wait until there is something; other tasks go on."""
    await anyio.to_thread.run_sync(eventually, find, what)
