"""A member keeps its id; a copy of its database is another member."""

import random
import shutil
from pathlib import Path

import anyio

from daemon.core.state.changes import ChangeSet
from daemon.core.verbs.restored import COPIED_FACT
from daemon.fleet.identity import member_id, place_of
from daemon.store.backup import backup
from daemon.store.store import open_store
from tests.exchange.mexc.clocks import in_virtual_time
from tests.fleet.machines import Machine, database, elsewhere, owns


async def id_in(path: Path, seed: int) -> str:
    async with open_store(path, is_copy=True) as store:
        return await member_id(store, place_of(path), random.Random(seed).randbytes)  # noqa: S311  # for a test


async def test_a_member_keeps_its_id_over_restarts(tmp_path: Path) -> None:
    first = await id_in(tmp_path / "x.db", 1)
    assert await id_in(tmp_path / "x.db", 2) == first


async def test_a_copy_of_a_database_is_another_member(tmp_path: Path) -> None:
    first = await id_in(tmp_path / "x.db", 1)
    shutil.copy(tmp_path / "x.db", tmp_path / "copy.db")
    assert await id_in(tmp_path / "copy.db", 2) != first


@in_virtual_time
async def test_a_restored_backup_goes_on_from_its_position_and_needs_no_halt(tmp_path: Path) -> None:
    """The log has what the backup lacks. A mark that comes from the log stays: it is about the log."""
    shared = database()
    first, restored = Machine(shared, tmp_path, "a"), Machine(shared, tmp_path, "b")
    await elsewhere(id_in, first.path, 1)
    async with first.running() as owner:
        await owns(owner)
        await owner.commit(1)
        backup(first.path, restored.path)
        await owner.commit(2)
        await elsewhere(id_in, restored.path, 2)
        async with restored.running() as standby:
            await anyio.sleep(0.2)
            assert standby.member.position == owner.member.position == 3
            assert await standby.has(2)
            assert await standby.store.fact(COPIED_FACT) == ""
            await owner.store.commit(ChangeSet(facts={COPIED_FACT: "2026-11-30T09:00:00.000Z"})).durable()
        async with restored.running() as standby:
            await anyio.sleep(0.2)
            assert await standby.store.fact(COPIED_FACT) == "2026-11-30T09:00:00.000Z"
