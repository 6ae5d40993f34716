"""A member whose machine is lost is removed from the list."""

import pytest

from daemon.errors import BackendFailed, NotReady, Unknown, WrongState
from daemon.fleet.forgetting import LATELY_MS, forget
from daemon.fleet.memory import Link, MemoryDatabase
from tests.fleet.contract.making import report


class Away(Link):
    """The way to a database that does not answer."""

    async def to_database(self, operation: str) -> None:
        raise BackendFailed(f"no answer to {operation}")


async def reported(**at_ms: int) -> MemoryDatabase:
    """Return a database to which members reported themselves, by their ids, at these instants."""
    now = [0]
    database = MemoryDatabase(lambda: now[0])
    for member, now[0] in at_ms.items():
        await database.backend().report(report(member, name=member.rstrip("0123456789")))
    return database


async def test_a_lost_member_is_removed_by_its_name_or_its_id() -> None:
    for called in ("osaka", "osaka1"):
        database = await reported(osaka1=0, tokyo1=LATELY_MS + 1)
        assert [each.member for each in await forget(database.backend(), called)] == ["osaka1"]
        assert list(database.members) == ["tokyo1"]


async def test_a_member_that_reported_itself_lately_stays() -> None:
    database = await reported(osaka1=0, tokyo1=LATELY_MS)
    with pytest.raises(WrongState, match="osaka reported itself 30 s ago: stop its daemon"):
        await forget(database.backend(), "osaka")
    assert len(database.members) == 2


async def test_a_machine_that_was_made_anew_stays_and_the_lost_one_of_its_name_goes() -> None:
    database = await reported(tokyo1=0, tokyo2=5, tokyo3=LATELY_MS + 6)
    assert [each.member for each in await forget(database.backend(), "tokyo")] == ["tokyo1", "tokyo2"]
    assert list(database.members) == ["tokyo3"]


async def test_a_name_that_nobody_has_is_refused() -> None:
    with pytest.raises(Unknown, match="no member called 'kyoto'"):
        await forget((await reported(tokyo1=0)).backend(), "kyoto")
    with pytest.raises(Unknown):
        await forget((await reported()).backend(), "kyoto")


async def test_a_database_that_does_not_answer_is_said() -> None:
    with pytest.raises(NotReady, match="does not answer"):
        await forget((await reported(tokyo1=0)).backend(Away()), "tokyo")
