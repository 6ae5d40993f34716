"""top at members of a fleet: a standby shows the owner's board, and a door without the database that of its copy."""

import anyio
import pytest

from daemon.cli.top.screens import AskReason
from tests.process.cli.top_view import view
from tests.support.fleet_stage import Fleet
from tests.support.signals import resting_buy

pytestmark = pytest.mark.needs("postgresql")


async def test_at_a_standby_it_shows_the_owners_board_and_halts_the_owner(fleet: Fleet) -> None:
    owner = fleet.owner()
    [standby] = fleet.others(owner)
    order_id = owner.daemon.accept(resting_buy())
    owner.daemon.until(order_id, "open")
    names = [each.daemon.config["fleet"]["name"] for each in (standby, owner)]
    async with view(standby.daemon, columns=120) as shown:
        await shown.until(lambda: f"this is {names[0]}, standing by" in shown.head(), "this member")
        assert f"{names[1]} owns, lease " in shown.head()
        assert [row[0] for row in shown.rows("orders")] == ["open"]
        assert "this member's copy" not in shown.head()
        await shown.pilot.press("h")
        await shown.until(lambda: isinstance(shown.app.screen, AskReason), "the question")
        await shown.give_reason("seen at a standby")
        await shown.until(lambda: "is halted (seen_at_a_standby)" in shown.head(), "the kill switch")
    assert owner.daemon.get("/v1/status")["halted"] == "seen_at_a_standby"


async def test_at_a_door_without_the_database_it_shows_the_copy_and_later_the_owner_again(fleet: Fleet) -> None:
    owner = fleet.owner()
    door = fleet.add({"fleet": {"role": "door"}}, name="door")
    await anyio.to_thread.run_sync(door.start)
    owner.daemon.until(owner.daemon.accept(resting_buy()), "open")
    async with view(door.daemon, columns=200) as shown:
        await shown.until(lambda: [row[0] for row in shown.rows("orders")] == ["open"], "the owner's order")
        assert "this is door, a door" in shown.head()
        door.to_database.swallow()
        await shown.until(lambda: "this is this member's copy" in shown.head(), "the copy")
        await shown.until(lambda: "does not answer" in shown.head().partition("fleet ")[2], "the database's silence")
        assert [row[0] for row in shown.rows("orders")] == ["open"]
        door.to_database.release()
        await shown.until(lambda: "this member's copy" not in shown.head(), "the owner's board again")
