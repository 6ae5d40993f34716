"""Values for the suite."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, TypeVarTuple

import anyio
import msgspec

from daemon.errors import BackendFailed
from daemon.fleet.entries import Body, Takeover, encode
from daemon.fleet.port import Backend, Call, Entry, Lease, MemberReport, Position, Role, next_entry
from tests.support.waiting import PATIENCE_S

Values = TypeVarTuple("Values")
Answer = TypeVar("Answer")

BEGINNING = Position()
NOBODY = Lease()
FIRST = Lease("tokyo-1", 1, 5_000)
SECOND = Lease("tokyo-2", 2, 9_000)

FAR_MS = 4_000_000_000_000
"""A time that no clock of this century reaches."""


def entries(count: int, before: Position = BEGINNING, *, epoch: int = 1, word: bytes = b"rows") -> list[Entry]:
    """Make entries that follow a position."""
    made = []
    for number in range(count):
        body = encode(Body(facts={"test": f"{word.decode()} {number}"}))
        made.append(next_entry(before, epoch=epoch, at_ms=1_000 + number, body=body))
        before = made[-1].position
    return made


def takeover(before: Position = BEGINNING, *, epoch: int = 1) -> Entry:
    """Make the entry of a takeover."""
    body = encode(Body(takeover=Takeover("tokyo", "tokyo", 0, "a test")))
    return next_entry(before, epoch=epoch, at_ms=1_000, body=body)


async def owned(backend: Backend, count: int = 0) -> list[Entry]:
    """Let the first owner take a new ledger and write entries; return all of the log."""
    first = takeover()
    assert await backend.take(NOBODY, FIRST, first)
    written = entries(count, first.position)
    for entry in written:
        await backend.append(entry)
    return [first, *written]


def report(member: str, **changes: Any) -> MemberReport:
    """Make what a member says."""
    made = MemberReport(
        member=member,
        name="tokyo",
        role=Role.MEMBER,
        version="1.1.0",
        format=1,
        n=7,
        clock_error_ms=8.5,
        reaches_exchange=True,
        configuration="c0ffee",
    )
    return msgspec.structs.replace(made, **changes)


def call(call_id: str, **changes: Any) -> Call:
    """Make a call that can be made twice and does not expire."""
    return msgspec.structs.replace(Call(call_id, "laptop", FAR_MS, True, b"\0 GET /v1/status \xff"), **changes)


async def answered(ask: Callable[[*Values], Awaitable[Answer]], *values: *Values) -> Answer:
    """Ask again until there is an answer."""
    with anyio.fail_after(PATIENCE_S):
        while True:
            try:
                return await ask(*values)
            except BackendFailed:
                await anyio.sleep(0.01)
