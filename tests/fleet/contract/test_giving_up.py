"""A ledger that was given up: nobody writes to it, and its account may begin another one."""

import pytest

from daemon.errors import BadConfig, Deposed
from daemon.fleet.giving_up import GIVEN_UP, give_up
from daemon.fleet.port import next_entry
from tests.fleet.contract.making import FIRST, owned
from tests.fleet.contract.places import Join


async def test_its_owner_writes_nothing_more_and_it_is_no_ledger_of_its_account(join: Join) -> None:
    async with join() as owner, join() as stopped:
        [*_, last] = await owned(owner, 2)
        account = await stopped.account()
        for _ in range(2):  # an interrupted command is repeated
            await give_up(stopped, "main", account)
        with pytest.raises(Deposed):
            await owner.append(next_entry(last.position, epoch=1, at_ms=2_000, body=b"late"))
        assert not await owner.renew(FIRST)
        assert [entry.epoch for entry in await owner.read(0, 10)] == [1, 1, 1, 2]
        assert (await owner.account()).startswith(GIVEN_UP)


async def test_another_accounts_ledger_is_not_given_up(join: Join) -> None:
    async with join() as backend:
        await owned(backend)
        with pytest.raises(BadConfig, match="was made for another API key"):
            await give_up(backend, "main", "another account")
        assert len(await backend.read(0, 10)) == 1
