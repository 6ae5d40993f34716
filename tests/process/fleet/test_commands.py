"""``sniperd fleet`` and ``sniperd status`` at the members of a real fleet."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.process.cli.command import Command
from tests.support import eventually
from tests.support.daemon_process import Daemon
from tests.support.fleet_stage import Fleet, Member, fleet_stage
from tests.support.postgres import ADMIN, USER, PostgresServer
from tests.support.signals import market_buy

pytestmark = pytest.mark.needs("postgresql")


def at(member: Member) -> Command:
    """Return the command on a member's machine."""
    daemon: Daemon = member.daemon
    return Command(daemon.environ | {"SNIPERD_CONFIG": str(daemon.config_path)}, daemon.directory)


@pytest.fixture
def pair(fleet: Fleet) -> tuple[Member, Member]:
    """The owner, and the standby that could take over."""
    owner = fleet.owner()
    [standby] = fleet.others(owner)
    eventually(lambda: len(able(owner)) == len(able(standby)) == 2, "both know that both could own")
    return owner, standby


def able(member: Member) -> list[str]:
    """Return the members that could own the account, as one of them sees it."""
    members = found(member)["members"]
    return [each["name"] for each in members if each["reachesExchange"] and each["cannotOwn"] is None]


def found(member: Member) -> dict[str, Any]:
    answer: dict[str, Any] = member.daemon.get("/v1/fleet")["fleet"]
    return answer


def test_status_shows_the_fleet_after_its_sentence_at_every_member(pair: tuple[Member, Member]) -> None:
    owner, standby = pair
    names = [found(each)["name"] for each in pair]
    for member, said in ((owner, f"this is {names[0]}, owning"), (standby, f"this is {names[1]}, standing by, ready")):
        _sentence, line, *_ = at(member)("status").output.splitlines()
        assert f"{names[0]} owns since " in line
        assert said in line
    shown = at(standby)("fleet", "status").output
    assert all(name in shown for name in names)
    assert "PostgreSQL 15" in shown
    assert at(standby)("fleet", "status", "--json").json["fleet"]["owner"] == names[0]


def test_the_doctor_names_a_member_with_another_exchange_and_no_other(pair: tuple[Member, Member]) -> None:
    """Here each member has its own way to the exchange, and so another address."""
    other, own = (found(each)["name"] for each in pair)
    findings = at(pair[1])("doctor", "--json").json["findings"]
    grades = {each["check"]: each["grade"] for each in findings}
    for member in pair:
        assert [each["name"] for each in found(member)["members"] if each["configurationDiffers"]] == [own]
    [members] = [each for each in findings if each["check"] == "members" and each["grade"] == "failure"]
    assert f"server, guards, rates or times of {other} differ" in members["text"]
    assert own not in members["text"]
    assert grades["durability"] == "warning"
    assert grades["account"] == "ok", "it is the same account by every way"
    [daemon] = [each for each in findings if each["check"] == "daemon"]
    assert (daemon["grade"], daemon["text"].partition(",")[0]) == ("ok", "standby")


def test_a_member_reports_its_configuration_as_it_was_loaded_again(fleet: Fleet, postgres: PostgresServer) -> None:
    [standby] = fleet.others(fleet.owner())

    def reported() -> str:
        member = found(standby)["member"]
        return postgres.sql(f"SELECT configuration FROM sniperd.members WHERE member = '{member}'")  # noqa: S608  # ours

    before = eventually(reported, "it has reported itself")
    standby.daemon.configure({"guards": {"max_notional_per_day": 7_777}})
    standby.daemon.reload()
    eventually(lambda: reported() != before, "it reports the new one")


def test_hand_over_names_its_successor(pair: tuple[Member, Member]) -> None:
    owner, standby = pair
    ran = at(standby)("fleet", "hand-over", "--to", "nobody", "--reason", "a rehearsal")
    assert ran.code == 1
    assert "no member called nobody could take over" in ran.errors
    ran = at(standby)("fleet", "hand-over", "--reason", "")
    assert ran.errors == "Error: --reason is empty or too long [--reason]\nallowed: 1 to 500 characters\n"
    owns, follows = found(owner)["name"], found(standby)["name"]
    for name in (owns, found(owner)["member"]):
        ran = at(standby)("fleet", "hand-over", "--to", name, "--reason", "a rehearsal")
        assert ran.code == 1
        assert f"{owns} owns the account already; to let another member own it, name that one with --to" in ran.errors
    ran = at(standby)("fleet", "hand-over", "--to", follows, "--reason", "a rehearsal")
    assert ran.code == 0, ran
    assert ran.output.startswith(f"{owns} handed the account over to {follows};")
    standby.daemon.wait_for("daemon.ready")
    assert standby.daemon.wait_for("fleet.took_over", epoch=2)
    assert owner.daemon.process.exit_code() == 75
    assert owner.daemon.process.events("daemon.stopped")[0]["exit_code"] == 75
    assert not owner.daemon.process.events("daemon.failed")


def test_a_standby_takes_the_account_at_once_and_the_owner_does_not(pair: tuple[Member, Member]) -> None:
    owner, standby = pair
    ran = at(owner)("fleet", "take", "--reason", "a rehearsal")
    assert ran.code == 1
    assert "it owns the account already" in ran.errors
    ran = at(standby)("fleet", "take", "--reason", "a rehearsal")
    assert ran.code == 0, ran
    assert "owning" in ran.output
    assert owner.daemon.process.exit_code() in {74, 75}


def test_of_two_standbys_that_are_told_to_take_at_once_one_is_refused(postgres: PostgresServer) -> None:
    with fleet_stage(postgres, members=3) as fleet, ThreadPoolExecutor() as threads:
        others = fleet.others(fleet.owner())
        eventually(lambda: all(len(able(each)) == 3 for each in others), "each knows that all could own")
        with postgres.locked(f"SELECT ledger FROM sniperd.ledgers WHERE ledger = '{fleet.ledger}'"):  # noqa: S608  # ours
            asked = [threads.submit(at(each), "fleet", "take", "--reason", "a rehearsal") for each in others]
            taking = (
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%WITH taken%'"
            )
            eventually(lambda: postgres.sql(taking) == "2", "both ask for the account")
        taken, refused = sorted((each.result() for each in asked), key=lambda ran: ran.code)
        assert (taken.code, refused.code) == (0, 1), (taken, refused)
        name = found(next(each for each in others if each.owns))["name"]
        assert f"this is {name}, owning" in taken.output
        assert f"{name} took the account meanwhile; to take it from there, give the order again" in refused.errors
        assert refused.output == ""


def test_a_member_that_left_is_in_no_list_and_is_halted_when_it_starts_alone(pair: tuple[Member, Member]) -> None:
    owner, standby = pair
    order_id = owner.daemon.submit(market_buy(), wait_s=10).json["id"]
    eventually(lambda: found(standby)["n"] == found(owner)["n"], "the copy is complete")
    assert "in use" in (ran := at(standby)("fleet", "leave")).errors or ran.code == 75
    assert standby.daemon.terminate() == 0
    ran = at(standby)("fleet", "leave")
    assert (ran.code, "is in no fleet any more" in ran.output) == (0, True), ran
    eventually(lambda: len(found(owner)["members"]) == 1, "the list is shorter")
    assert owner.daemon.terminate() == 0
    del standby.daemon.config["fleet"]
    standby.daemon.configure()
    standby.daemon.start()
    status = standby.daemon.get("/v1/status")
    assert status["fleet"] is None
    assert status["halted"].startswith("it left its fleet with a copy that knows nothing after")
    assert standby.daemon.get(f"/v1/orders/{order_id}")["state"] == "filled"


def test_a_member_that_leaves_without_the_database_is_told_how_to_end_in_the_list(pair: tuple[Member, Member]) -> None:
    owner, standby = pair
    member = found(standby)["member"]
    standby.daemon.terminate()
    standby.daemon.configure({"fleet": {"url": f"postgresql://{USER}@127.0.0.1:1/postgres"}})
    ran = at(standby)("fleet", "leave")
    assert (ran.code, f"`sniperd fleet forget {member}`" in ran.errors) == (0, True), ran
    assert member in {each["member"] for each in found(owner)["members"]}


def test_a_member_that_is_gone_is_forgotten_at_another_and_a_running_one_is_not(
    fleet: Fleet, pair: tuple[Member, Member], postgres: Any
) -> None:
    owner, standby = pair
    gone, here = found(standby)["name"], found(owner)["name"]
    ran = at(owner)("fleet", "forget", gone, "--reason", "a rehearsal")
    assert (ran.code, f"{gone} reported itself" in ran.errors) == (1, True), ran
    standby.daemon.kill()
    postgres.sql(
        f"UPDATE sniperd.members SET seen_ms = seen_ms - 60000 WHERE ledger = '{fleet.ledger}' AND name = '{gone}'"  # noqa: S608  # ours
    )
    ran = at(owner)("fleet", "forget", gone, "--reason", "its disk is gone", "--json")
    assert ran.code == 0, ran
    assert [each["name"] for each in ran.json["fleet"]["members"]] == [here]
    event = owner.daemon.wait_for("fleet.member_forgotten")
    assert (event["name"], event["reason"]) == (gone, "its disk is gone")
    eventually(lambda: [each["name"] for each in found(owner)["members"]] == [here], "it stays forgotten")


def test_a_loss_is_accepted_only_where_there_is_one(pair: tuple[Member, Member]) -> None:
    for member in pair:
        assert member.daemon.terminate() == 0
    ran = at(pair[0])("fleet", "accept-loss", "--reason", "a rehearsal")
    assert ran.code == 65
    assert "the fleet's log has everything" in ran.errors


def test_a_lost_end_of_the_log_is_entered_from_the_copy_and_the_owner_is_halted(
    fleet: Fleet, pair: tuple[Member, Member], postgres: Any
) -> None:
    owner, _ = pair
    order_id = owner.daemon.submit(market_buy(), wait_s=10).json["id"]
    for member in pair:
        member.daemon.terminate()
    postgres.sql(f"DELETE FROM sniperd.log WHERE ledger = '{fleet.ledger}' AND n > 2")  # noqa: S608  # ours
    owner.daemon.launch()
    assert owner.daemon.process.exit_code() == 65
    for nothing in ("", " ", "x" * 501):
        ran = at(owner)("fleet", "accept-loss", "--reason", nothing)
        assert (ran.code, "allowed: 1 to 500 characters" in ran.errors) == (2, True), ran
    ran = at(owner)("fleet", "accept-loss", "--reason", "restored", "--json")
    assert (ran.code, ran.json["left"]) == (0, 2), ran
    owner.daemon.launch()
    owner.daemon.wait_for("fleet.took_over")
    eventually(lambda: owner.daemon.get("/v1/status")["halted"] is not None, "the owner is halted")
    halted = owner.daemon.wait_for("trading.halted")
    assert halted["reason"].startswith("the fleet's log lost entries, and went on with a copy that knows nothing after")
    assert owner.daemon.get(f"/v1/orders/{order_id}")["state"] == "filled"


def test_of_two_histories_one_goes_on_in_another_ledger(
    fleet: Fleet, pair: tuple[Member, Member], postgres: PostgresServer
) -> None:
    """The handbook's steps: an empty member traded with what was left of the log."""
    owner, other = pair
    mine = owner.daemon.submit(market_buy(), wait_s=10).json["id"]
    for member in pair:
        member.daemon.terminate()
    postgres.sql(f"DELETE FROM sniperd.log WHERE ledger = '{fleet.ledger}' AND n > 2")  # noqa: S608  # ours
    other.daemon.database.unlink()
    other.start()
    other.daemon.wait_for("daemon.ready")
    theirs = other.daemon.submit(market_buy(quoteOrderQty="26"), wait_s=10).json["id"]
    other.daemon.terminate()
    ran = at(owner)("fleet", "accept-loss", "--reason", "restored")
    assert (ran.code, theirs in ran.errors, "--instead-of" in ran.errors) == (65, True, True), ran
    assert at(owner)("fleet", "leave").code == 0
    former, begun = fleet.ledger, f"{fleet.ledger}-2"
    assert at(owner)("fleet", "init", "--instead-of", former).code == 78, "the configuration has the former name still"
    owner.daemon.configure({"fleet": {"ledger": begun}})
    url = postgres.url(user=ADMIN)
    ran = at(owner)("fleet", "init", "--url", url, "--role", USER)
    assert (ran.code, f"has a ledger already, {former};" in ran.errors, "--instead-of" in ran.errors) == (
        78,
        True,
        True,
    )
    ran = at(owner)("fleet", "init", "--url", url, "--role", USER, "--instead-of", former)
    assert (ran.code, "1 orders are the log's beginning" in ran.output) == (0, True), ran
    owner.start()
    eventually(lambda: owner.daemon.get("/v1/status")["halted"] is not None, "the owner is halted")
    assert owner.daemon.get(f"/v1/orders/{mine}")["state"] == "filled"
    other.daemon.launch()
    assert other.daemon.process.exit_code() == 78, "the former ledger is nobody's"
