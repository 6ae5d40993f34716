"""What a member does in each role: owner, standby, door. And how a role ends."""

from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from signal import SIGTERM

import pytest

from tests.support import KEYS, ask, eventually, wall_ms
from tests.support.daemon_process import Daemon
from tests.support.event_stream import following
from tests.support.fleet_stage import Fleet, Member, new_keys
from tests.support.postgres import PostgresServer
from tests.support.service_manager import ServiceManager
from tests.support.signals import market_buy, resting_buy
from tests.support.stage import Stage

pytestmark = pytest.mark.needs("postgresql")


def ready(socket: Path, query: str = "") -> tuple[int, str]:
    """Return the answer of ``/readyz``."""
    answer = ask(socket, "GET", f"/readyz{query}")
    return answer.status, answer.json["role"]


def shows_halt(daemon: Daemon, reason: str | None) -> bool:
    """Return whether a member's status shows this reason of a halt."""
    return bool(daemon.get("/v1/status")["halted"] == reason)


def test_owner_and_standby_say_what_they_are(fleet: Fleet) -> None:
    owner = fleet.owner().daemon
    [standby] = [each.daemon for each in fleet.others(fleet.owner())]
    assert (ready(owner.status), ready(owner.status, "?owner=1")) == ((200, "owner"), (200, "owner"))
    assert (ready(standby.status), ready(standby.status, "?owner=1")) == ((200, "standby"), (503, "standby"))
    assert standby.get("/v1/status")["stage"] == "standby"
    assert standby.get("/v1/status")["unproven"] is None
    assert {each["standing"] for each in standby.get("/v1/fleet")["fleet"]["members"]} == {"owner", "standby"}
    assert b"sniperd_fleet_owner 0" in ask(standby.status, "GET", "/metrics").raw


def test_a_halt_is_shown_at_every_member(fleet: Fleet) -> None:
    owner = fleet.owner().daemon
    [standby] = [each.daemon for each in fleet.others(fleet.owner())]
    assert standby.ask("POST", "/v1/admin/halt", {"reason": "maintenance"}).status == 200
    for each in (owner, standby):
        eventually(partial(shows_halt, each, "maintenance"), "the halt is shown")
        assert ask(each.status, "GET", "/readyz").status == 503
    assert owner.ask("POST", "/v1/admin/resume", {"reason": "done"}).status == 200
    for each in (owner, standby):
        eventually(partial(shows_halt, each, None), "trading is on")
        assert ask(each.status, "GET", "/readyz").status == 200


def test_events_reach_the_readers_of_a_standby(fleet: Fleet) -> None:
    owner = fleet.owner().daemon
    [standby] = [each.daemon for each in fleet.others(fleet.owner())]
    with following(standby.status) as stream:
        order_id = owner.accept(market_buy())
        stream.wait_for("order.accepted", orderId=order_id)


def test_a_copy_answers_reads_while_there_is_no_owner(fleet: Fleet) -> None:
    owner = fleet.owner()
    [standby] = [each.daemon for each in fleet.others(owner)]
    order_id = owner.daemon.accept(resting_buy())
    owner.daemon.until(order_id, "open")
    with following(standby.status) as stream:
        owner.daemon.kill()
        found = ask(standby.status, "GET", f"/v1/orders/{order_id}")
        assert (found.status, found.json["id"]) == (200, order_id)
        stream.wait_for("fleet.took_over")


def test_a_copy_makes_the_report_while_there_is_no_owner(fleet: Fleet) -> None:
    owner = fleet.owner()
    [standby] = [each.daemon for each in fleet.others(owner)]
    target = market_buy()
    bought = owner.daemon.submit(target, wait_s=10).json
    with following(standby.status) as stream:
        owner.daemon.kill()
        found = ask(standby.status, "GET", "/v1/report")
        assert found.status == 200
        [shown] = found.json["targets"]
        assert (shown["snipeTargetId"], shown["boughtValue"]) == (target["snipeTargetId"], bought["executedQuote"])
        stream.wait_for("fleet.took_over")


def test_a_door_without_the_database_shows_the_board_of_its_copy(fleet: Fleet) -> None:
    owner = fleet.owner()
    door = fleet.add({"fleet": {"role": "door"}}, name="door")
    door.start()
    with following(door.daemon.status) as stream:
        lease = {"resourceId": "wallet:1", "ownerId": "me", "timeoutMs": 600_000}
        lock_id = owner.daemon.ask("POST", "/v1/locks", lease).json["lockId"]
        waits = owner.daemon.accept(market_buy(executeAt=wall_ms() + 3_600_000))
        rests = owner.daemon.accept(resting_buy())
        stream.wait_for("order.placed", orderId=rests)
    shown = ask(door.daemon.status, "GET", "/v1/board")
    assert ("sniperd-answered-from" in shown.headers, shown.json["status"]["stage"]) == (False, "ready")
    door.to_database.swallow()
    shown = ask(door.daemon.status, "GET", "/v1/board")
    board, status = shown.json, shown.json["status"]
    assert (shown.status, shown.headers["sniperd-answered-from"], status["stage"]) == (200, "copy", "standby")
    assert [(each["id"], each["state"]) for each in board["orders"]] == [(waits, "queued"), (rests, "open")]
    assert all("the owner of the account goes on with it" in each["next"]["what"] for each in board["orders"])
    assert lock_id in [each["lockId"] for each in board["locks"]]
    assert (status["orders"], status["queueLength"]) == ({"open": 1, "queued": 1}, 1)
    assert status["activeLocks"] == len(board["locks"])
    assert (board["unshown"], board["queue"]) == (0, [])
    door.to_database.release()
    eventually(lambda: door.daemon.get("/v1/board")["status"]["stage"] == "ready", "the owner answers again")


def test_a_standby_that_is_ended_ends_at_once(fleet: Fleet) -> None:
    [standby] = fleet.others(fleet.owner())
    assert standby.daemon.terminate() == 0
    assert fleet.owner().daemon.submit(market_buy(), wait_s=10).json["state"] == "filled"


def test_a_door_never_owns_and_its_signal_waits_for_an_owner(fleet: Fleet) -> None:
    """Without an owner the caller is told to send again, and whatever became of the first one, there is one order."""
    door = fleet.add({"fleet": {"role": "door"}}, name="door")
    for name in KEYS.environ():
        del door.daemon.environ[name]
    door.start()
    for member in fleet.members[:2]:
        member.daemon.kill()
    signal = market_buy(idempotencyKey="only-once")
    refused = door.daemon.submit(signal)
    assert (refused.status, refused.json["error"]) == (503, "unanswered")
    assert "no member owns the account" in refused.json["message"]
    fleet.members[0].start()
    assert door.daemon.submit(signal, wait_s=10).json["state"] == "filled"
    assert len(fleet.exchange.orders()) == 1
    assert not door.daemon.process.events("daemon.ready")
    assert ready(door.daemon.status) == (200, "door")


def test_without_an_owner_every_member_says_when_that_needs_the_operator(fleet: Fleet) -> None:
    """One of two doors raises the alert; both say it."""
    doors = [fleet.add({"fleet": {"role": "door"}}, name=f"door-{number}") for number in (1, 2)]
    for door in doors:
        door.start()
    for member in fleet.members[:2]:
        member.daemon.kill()

    def sentences() -> list[str]:
        return [door.daemon.get("/v1/status")["summary"]["sentence"] for door in doors]

    unowned = "A door, and no member owns the account: nothing is traded;"
    eventually(lambda: all(each.startswith(unowned) for each in sentences()), "both see that there is no owner")
    needs_you = ("nothing is traded: needs you", "(nothing is traded): needs you")
    eventually(lambda: all(each.endswith(needs_you) for each in sentences()), "a takeover is late", timeout_s=30)

    def raising() -> list[Member]:
        return [door for door in doors if door.daemon.get("/v1/status")["alerts"]]

    eventually(raising, "the alert fires")
    assert len(raising()) == 1


def test_an_administrator_hands_the_account_over_at_any_member(fleet: Fleet) -> None:
    owner = fleet.owner()
    [standby] = fleet.others(owner)
    able = {"standing": "standby", "cannotOwn": None}
    eventually(
        lambda: any(able.items() <= each.items() for each in owner.daemon.get("/v1/fleet")["fleet"]["members"]),
        "a member that could take over",
    )
    answer = standby.daemon.ask("POST", "/v1/admin/fleet/hand-over", {"reason": "upgrade"})
    assert answer.status == 200, answer.raw
    standby.daemon.wait_for("daemon.ready")
    assert owner.daemon.process.exit_code() == 75
    owner.start()
    assert owner.daemon.submit(market_buy(), wait_s=10).json["state"] == "filled"


def test_an_administrator_takes_the_account_at_a_standby(fleet: Fleet) -> None:
    owner = fleet.owner()
    [standby] = fleet.others(owner)
    answer = standby.daemon.ask("POST", "/v1/admin/fleet/take", {"reason": "the other machine burns"})
    assert answer.status == 200, answer.raw
    assert owner.daemon.process.exit_code() == 75
    standby.daemon.wait_for("daemon.ready")


def test_a_standby_is_ready_for_the_service_manager_and_its_watchdog_is_fed(fleet: Fleet) -> None:
    standby = fleet.add()
    with closing(ServiceManager(standby.daemon)) as manager:
        standby.daemon.environ["WATCHDOG_USEC"] = "1000000"
        manager.launch()
        assert manager.notifications.wait_for("STATUS=").startswith("STATUS=standby: ")
        manager.notifications.wait_for("READY=1")
        manager.notifications.wait_for("WATCHDOG=1")
        fleet.owner().daemon.kill()
        for each in fleet.members[:2]:
            each.daemon.kill()
        manager.notifications.wait_for("STATUS=owner, ready: ")
        manager.notifications.wait_for("WATCHDOG=1")
        standby.daemon.process.send(SIGTERM)
        manager.notifications.wait_for("STOPPING=1")


def test_a_member_with_another_accounts_key_is_refused(fleet: Fleet, own_stage: Stage) -> None:
    """Its own exchange accepts that key, as MEXC accepts the keys of all its accounts."""
    keys, daemon = new_keys(), fleet.add().daemon
    daemon.environ |= keys.environ()
    daemon.configure({"exchange": {"base_url": own_stage.exchange(keys=keys).url}})
    daemon.launch()
    assert daemon.process.exit_code() == 78
    assert f"ledger {fleet.ledger} was made for another API key" in daemon.transcript()
    assert "fleet init --replace-key" in daemon.transcript()
    assert not daemon.process.events("fleet.standing_by")
    members = fleet.owner().daemon.get("/v1/fleet")["fleet"]["members"]
    assert {each["name"] for each in members} <= {"member-1", "member-2"}


def test_a_database_that_may_lose_what_it_acknowledged_is_refused(postgres: PostgresServer, own_stage: Stage) -> None:
    with ExitStack() as ends:
        fleet = Fleet(own_stage, ends, postgres)
        member = fleet.add({"fleet": {"durability": "synchronous"}})
        member.daemon.launch()
        assert member.daemon.process.exit_code() == 78
