"""A ledger is given up, so that its account can begin another one.

An account has one ledger: with two, two owners would trade for it. But a log may have to be left behind, because it
lost entries and went on without them (:mod:`daemon.fleet.loss`).
"""

import secrets

from daemon.errors import BadConfig, NotNow
from daemon.fleet.agreement import IF_OTHER_ACCOUNT, other_account
from daemon.fleet.copying import PIECE
from daemon.fleet.entries import Body, Takeover, encode
from daemon.fleet.port import Backend, Lease, Position, next_entry

GIVEN_UP = "given up "
"""How the account of such a ledger begins; no hash of a key begins so."""

NOBODY = "nobody"
"""The owner of such a ledger: the id of no member."""

FOREVER_MS = 253_402_300_799_000
"""The end of the year 9999, Unix ms."""


async def give_up(backend: Backend, ledger: str, account: str) -> None:
    """Take a ledger from its account. It can be done again.

    The last entry is a takeover by nobody, with a lease that does not end. So a member that still owns the account
    writes nothing more, and none that stands by takes over. One that starts is refused: it has another account.

    Raises:
        BackendFailed: the database does not answer, or has no such ledger.
        BadConfig: it is another account's ledger.
        NotNow: a member of it is at work.

    """
    found = await backend.account()
    if found.startswith(GIVEN_UP):
        return
    if found != account:
        raise BadConfig(f"{other_account(ledger)}: {IF_OTHER_ACCOUNT}")
    seen = await backend.lease()
    position, at_ms = await _end(backend)
    lease = Lease(NOBODY, seen.epoch + 1, FOREVER_MS)
    body = Body(takeover=Takeover(NOBODY, NOBODY, seen.until_ms, "the ledger was given up", seen.owner))
    entry = next_entry(position, epoch=lease.epoch, at_ms=at_ms, body=encode(body))
    if seen.owner != NOBODY and not await backend.take(seen, lease, entry):
        raise NotNow(f"a member of ledger {ledger} is at work: stop all of its daemons, then repeat this")
    await backend.replace_account(GIVEN_UP + secrets.token_hex(8))


async def _end(backend: Backend) -> tuple[Position, int]:
    """Return the end of the log, and the instant of its last entry."""
    position, at_ms = Position(), 0
    while found := await backend.read(position.n, PIECE):
        position, at_ms = found[-1].position, found[-1].at_ms
    return position, at_ms
