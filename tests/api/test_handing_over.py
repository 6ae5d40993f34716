"""A member that is not the owner hands requests over: it answers as the owner does, and the owner knows who asked."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest

from daemon.api.handing_over import COPY, HandedOver, HandingOver
from daemon.api.http.error_responses import ErrorResponses
from daemon.api.http.peer import Peer
from daemon.api.http.response import Response
from daemon.api.http.routes import Endpoint
from daemon.api.server import endpoints
from daemon.core.values.events import Event
from daemon.core.verbs.lifecycle import drain
from daemon.errors import NotReady, Refusal
from daemon.fleet.calls import Calls
from daemon.fleet.door import Door
from daemon.fleet.memory import MemoryDatabase
from daemon.fleet.port import Backend
from tests.api.api_in_process import Api, running, value_of
from tests.support.signals import market_buy, resting_buy

ROOT = Peer(uid=0)


class Membership:
    """What the member that is asked knows: it is not the owner, and whether there is one."""

    answers = False
    has_owner = True


class Fleet:
    """An owner, and a member that hands over."""

    def __init__(self, owner: Api, member: Api) -> None:
        self.owner = owner
        self.member = member
        self.membership = Membership()
        self.events: list[Event] = []
        clock = owner.context.engine.clock
        database, ids = MemoryDatabase(clock.now_ms), count(1)
        self.backend = database.backend()
        self.door = Door(
            self.backend,
            "member-2",
            clock=clock,
            new_id=lambda: f"call-{next(ids)}",
            has_owner=lambda: self.membership.has_owner,
            epoch=lambda: 1,
            without_owner_s=0.2,
        )
        errors = ErrorResponses(clock, self.events.append)
        alone = endpoints(owner.context, owner.events)
        self.calls = Calls(database.backend(), HandedOver(owner.context, alone, errors).answer)
        member.use(self.handing_over(self.membership))

    def handing_over(self, membership: Membership) -> list[Endpoint]:
        """Return the endpoints of the member."""
        alone = endpoints(self.member.context, self.member.events)
        return HandingOver(self.member.context, membership, self.door, "tokyo-2").endpoints(alone)

    async def run(self) -> None:
        """Run both sides."""
        async with anyio.create_task_group() as tasks:
            for task in (self.door.run, self.calls.run, self.calls.backlog):
                tasks.start_soon(task)
            tasks.start_soon(_listen, self.backend, self.door, self.calls)


async def _listen(backend: Backend, door: Door, calls: Calls) -> None:
    async for notice in backend.notices():
        door.on_notice(notice)
        calls.on_notice(notice)


@pytest.fixture
async def fleet(tmp_path: Path) -> AsyncIterator[Fleet]:
    """An owner and a member, each with its own database and engine."""
    async with AsyncExitStack() as stack:
        owner = await stack.enter_async_context(running(tmp_path / "owner.db"))
        member = await stack.enter_async_context(running(tmp_path / "member.db"))
        made = Fleet(owner, member)
        tasks = await stack.enter_async_context(anyio.create_task_group())
        stack.callback(tasks.cancel_scope.cancel)
        tasks.start_soon(made.run)
        yield made


async def submit(api: Api, signal: dict[str, Any], **headers: str) -> Response:
    """Send a signal."""
    return await api.ask("POST", "/v1/signals", signal, headers=headers)


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for a condition."""
    with anyio.fail_after(5):
        while not is_so():  # noqa: ASYNC110  # nothing tells of it
            await anyio.sleep(0.01)


async def refusal_of(api: Api, *request: Any, **more: Any) -> tuple[str, str]:
    """Return code and message of a refusal, which the owner raises and a member that hands over answers with."""
    try:
        response = await api.ask(*request, **more)
    except Refusal as refusal:
        return refusal.code, str(refusal)
    found = value_of(response)
    return found["error"], found["message"]


async def test_the_same_signal_at_owner_and_member_is_one_order(fleet: Fleet) -> None:
    signal = market_buy(idempotencyKey="launch-1")
    first = await submit(fleet.member, signal, Prefer="wait=10")
    again = await submit(fleet.owner, signal)
    assert (first.status, value_of(first)["state"], first.headers["Preference-Applied"]) == (200, "filled", "wait=10")
    assert (again.status, again.headers["Idempotent-Replayed"]) == (200, "true")
    assert value_of(again)["id"] == value_of(first)["id"]
    assert fleet.member.count("SELECT count(*) FROM orders") == 0


async def test_the_key_in_the_header_is_handed_over(fleet: Fleet) -> None:
    signal = market_buy()
    first = await submit(fleet.member, signal, **{"Idempotency-Key": '"k-1"'})
    again = await submit(fleet.owner, {**signal, "idempotencyKey": "k-1"})
    assert value_of(again)["id"] == value_of(first)["id"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/signals", {"symbol": "BTCUSDT"}),
        ("/v1/signals", market_buy(symbol="NOSUCHUSDT")),
        ("/v1/signals", b"no JSON"),
        ("/v1/signals/batch", []),
        ("/v1/locks", {"resourceId": "a"}),
        ("/v1/admin/halt", {"reason": "not an administrator"}),
    ],
)
async def test_a_refusal_reads_the_same_at_every_member(fleet: Fleet, path: str, body: object) -> None:
    at_owner = await refusal_of(fleet.owner, "POST", path, body)
    assert await refusal_of(fleet.member, "POST", path, body) == (
        at_owner[0],
        at_owner[1].replace("12345", "12345@tokyo-2"),
    )


async def test_another_payload_with_the_same_key_is_a_conflict_at_every_member(fleet: Fleet) -> None:
    await submit(fleet.owner, market_buy(idempotencyKey="k"))
    response = await submit(fleet.member, market_buy(idempotencyKey="k", quoteOrderQty="26"))
    assert (response.status, value_of(response)["error"]) == (422, "key_conflict")


async def test_an_administrator_of_the_members_machine_halts_the_owner_and_is_on_record(fleet: Fleet) -> None:
    await fleet.member.ask("POST", "/v1/admin/halt", {"reason": "stop"}, peer=ROOT)
    assert fleet.owner.context.engine.state.gate.halted == "stop"
    assert fleet.owner.count("SELECT count(*) FROM events WHERE actor = 'uid:0@tokyo-2'") == 1
    assert fleet.member.context.engine.state.gate.halted is None


async def test_who_administers_is_decided_at_the_members_machine(fleet: Fleet) -> None:
    response = await fleet.member.ask("POST", "/v1/admin/halt", {"reason": "stop"})
    assert response.status == 403
    assert "uid:12345@tokyo-2 may not administer" in value_of(response)["message"]


@pytest.mark.parametrize("key", [{"idempotencyKey": "lease-b"}, {}])
async def test_a_caller_that_goes_away_leaves_the_lease_queue_of_the_owner(fleet: Fleet, key: dict[str, str]) -> None:
    held = await fleet.owner.ask("POST", "/v1/locks", {"resourceId": "r", "ownerId": "a", "timeoutMs": 60_000})
    assert held.status == 201
    state = fleet.owner.context.engine.state
    body = {"resourceId": "r", "ownerId": "b", "timeoutMs": 60_000, **key}
    async with anyio.create_task_group() as tasks:

        async def acquire() -> None:
            await fleet.member.ask("POST", "/v1/locks", body, headers={"Prefer": "wait=60"})

        tasks.start_soon(acquire)
        await until(lambda: state.waiting_for("r") == 1)
        tasks.cancel_scope.cancel()
    await until(lambda: state.waiting_for("r") == 0)


async def test_orders_are_read_from_the_owner_and_without_one_from_the_copy(fleet: Fleet) -> None:
    order_id = value_of(await submit(fleet.member, resting_buy()))["id"]
    shown = await fleet.member.ask("GET", "/v1/orders/{id}", name=order_id)
    assert (shown.status, value_of(shown)["id"]) == (200, order_id)
    fleet.membership.has_owner = False
    page = await fleet.member.ask("GET", "/v1/orders")
    assert (page.status, value_of(page)["orders"]) == (200, [])
    assert COPY.items() <= page.headers.items()


async def test_the_report_is_the_owners_and_without_one_it_is_made_from_the_copy(fleet: Fleet) -> None:
    await submit(fleet.member, market_buy(), Prefer="wait=5")
    [whole] = value_of(await fleet.member.ask("GET", "/v1/report"))["totals"]
    assert whole["buys"]["filled"] == 1
    fleet.membership.has_owner = False
    copied = await fleet.member.ask("GET", "/v1/report")
    assert (copied.status, value_of(copied)["totals"]) == (200, [])
    assert COPY.items() <= copied.headers.items()


async def test_without_an_owner_a_signal_is_to_be_sent_again(fleet: Fleet) -> None:
    fleet.membership.has_owner = False
    fleet.calls.stop()
    with pytest.raises(NotReady, match="repeat it, a signal with the same key"):
        await submit(fleet.member, market_buy())


async def test_without_an_owner_a_halt_says_how_to_stop_trading_otherwise(fleet: Fleet) -> None:
    fleet.membership.has_owner = False
    fleet.calls.stop()
    with pytest.raises(NotReady, match="not known to be halted: stop the owner's daemon"):
        await fleet.member.ask("POST", "/v1/admin/halt", {"reason": "stop"})


async def test_each_member_answers_about_itself(fleet: Fleet) -> None:
    alive = await fleet.member.ask("GET", "/healthz")
    assert alive.status == 200


async def test_what_an_owner_refuses_because_it_ends_goes_to_the_next_one(fleet: Fleet) -> None:
    """It was the owner when the request came, and drains when the signals are to be accepted."""

    class Ending(Membership):
        asked = 0

        @property
        def answers(self) -> bool:  # type: ignore[override]
            self.asked += 1
            return self.asked == 1

    fleet.member.use(fleet.handing_over(Ending()))
    fleet.member.context.engine.decide(drain, hands_over=False)
    response = await fleet.member.ask("POST", "/v1/signals/batch", [market_buy(), market_buy(symbol="ETHUSDT")])
    assert response.status == 202
    assert fleet.owner.count("SELECT count(*) FROM orders") == 2


async def test_a_member_that_owns_answers_by_itself(fleet: Fleet) -> None:
    fleet.membership.answers = True
    await submit(fleet.member, market_buy())
    assert fleet.member.count("SELECT count(*) FROM orders") == 1
    assert fleet.owner.count("SELECT count(*) FROM orders") == 0


async def test_one_key_for_a_batch_is_refused_at_every_member(fleet: Fleet) -> None:
    """The owner reads the header, so it must see it: the batch would be accepted, and the key would not count."""
    request: dict[str, Any] = {"headers": {"Idempotency-Key": "launch-1"}}
    at_owner = await refusal_of(fleet.owner, "POST", "/v1/signals/batch", [market_buy()], **request)
    assert at_owner[0] == "invalid"
    assert await refusal_of(fleet.member, "POST", "/v1/signals/batch", [market_buy()], **request) == at_owner
    assert fleet.owner.count("SELECT count(*) FROM orders") == 0


@pytest.mark.parametrize(
    ("path", "body", "is_repeatable"),
    [
        ("/v1/signals", market_buy(), False),
        ("/v1/signals", b"\xef\xbb\xbf" + msgspec.json.encode(market_buy()), False),
        ("/v1/signals", market_buy(idempotencyKey=7), True),
        ("/v1/signals/batch", [market_buy(idempotencyKey=7), market_buy(idempotencyKey="8")], True),
        ("/v1/signals/batch", [market_buy(idempotencyKey=7), market_buy()], False),
    ],
)
async def test_only_what_has_its_own_key_is_made_again_by_the_next_owner(
    fleet: Fleet, path: str, body: object, is_repeatable: bool
) -> None:
    """After a minute an equal signal without a key is a new trade."""
    fleet.calls.stop()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(fleet.member.ask, "POST", path, body)
        with anyio.fail_after(5):
            while not (calls := await fleet.backend.calls()):  # noqa: ASYNC110  # nothing tells of it
                await anyio.sleep(0.01)
        tasks.cancel_scope.cancel()
    assert [call.is_repeatable for call in calls] == [is_repeatable]
