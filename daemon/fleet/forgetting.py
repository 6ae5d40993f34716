"""An administrator removes a member whose machine is lost from the fleet's list."""

from collections.abc import Sequence

from daemon.errors import BackendFailed, NotReady, Unknown, WrongState
from daemon.fleet.port import Backend, MemberReport

LATELY_MS = 30_000
"""A member that has reported itself within this time is not removed: it would report itself again."""


async def forget(backend: Backend, name: str) -> Sequence[MemberReport]:
    """Remove the members with a name, or the one with an id, that have not reported themselves lately; return them.

    A machine that replaced the lost one under the same name stays in the list.

    Raises:
        NotReady: the fleet's database does not answer.
        Unknown: there is no such member.
        WrongState: it has reported itself lately.

    """
    try:
        members = await backend.members()
        lost = _lost(members, name)
        for each in lost:
            await backend.forget(each.member)
    except BackendFailed as error:
        raise NotReady(f"the fleet's database does not answer: {error}") from error
    return lost


def _lost(members: Sequence[MemberReport], name: str) -> Sequence[MemberReport]:
    found = [each for each in members if name in {each.name, each.member}]
    if not found:
        raise Unknown(f"the fleet has no member called {name[:40]!r}")
    latest_ms = max(each.seen_ms for each in members)  # by the database's clock, as all of them
    lost = [each for each in found if latest_ms - each.seen_ms > LATELY_MS]
    if not lost:
        ago_s = (latest_ms - found[0].seen_ms) / 1_000
        raise WrongState(
            f"{name} reported itself {ago_s:.0f} s ago: stop its daemon, and repeat this after {LATELY_MS // 1_000} s; "
            "`sniperd fleet leave` on that machine does it at once"
        )
    return lost
