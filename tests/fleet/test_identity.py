"""A member keeps its id; a copy of its database is another member."""

import random
import shutil
from pathlib import Path

from daemon.fleet.identity import member_id, place_of
from daemon.store.store import open_store


async def id_in(database: Path, seed: int) -> str:
    async with open_store(database) as store:
        return await member_id(store, place_of(database), random.Random(seed).randbytes)  # noqa: S311  # for a test


async def test_a_member_keeps_its_id_over_restarts(tmp_path: Path) -> None:
    first = await id_in(tmp_path / "x.db", 1)
    assert await id_in(tmp_path / "x.db", 2) == first


async def test_a_copy_of_a_database_is_another_member(tmp_path: Path) -> None:
    first = await id_in(tmp_path / "x.db", 1)
    shutil.copy(tmp_path / "x.db", tmp_path / "copy.db")
    assert await id_in(tmp_path / "copy.db", 2) != first
