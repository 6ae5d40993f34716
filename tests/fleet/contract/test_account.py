"""The account: the ledger keeps a hash of its API key, which an administrator may replace."""

import secrets

from tests.fleet.contract.places import Join


async def test_a_ledger_knows_the_account_for_which_it_was_made(join: Join) -> None:
    async with join() as backend:
        assert (await backend.account()).startswith("account of ")


async def test_a_replaced_key_is_what_every_member_reads(join: Join) -> None:
    """An outcome that is unknown is asked again."""
    replaced = secrets.token_hex(8)
    async with join() as one, join() as other:
        for _ in range(2):
            await one.replace_account(replaced)
        assert await other.account() == replaced
        assert await other.lease() == await one.lease()
