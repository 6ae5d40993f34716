"""PostgreSQL as the fleet's database.

Each operation is one statement, and so one transaction. What counts is committed synchronously; calls, answers and the
members' reports are not, because an answer is given only after the log has the decision.

An entry that can be read is not always durable: the wait for the synchronous standby may have been cancelled. So before
an entry that is there already counts as written, something is committed after it: the standby gets all in order.
"""

import secrets
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager, suppress

import anyio
import asyncpg
import msgspec

from daemon.config.credentials import Secret
from daemon.errors import BackendFailed, BadConfig, Deposed, LogWentBack
from daemon.fleet import postgres_doubts, postgres_notices, postgres_rights
from daemon.fleet.port import Call, Change, Entry, Lease, MemberReport, Notice, Role, head, missing_log, second_log
from daemon.fleet.postgres_line import Line, Servers
from daemon.fleet.postgres_tables import ACCOUNT, create_log

__all__ = ["PostgresBackend", "create_log", "open_log"]

TELL_AFTER_S = 0.01
"""The time after a change when others are told. What else changes until then is told with it."""

_NOW_MS = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"

# For all that write an entry: $1 ledger, $2 n, $3 epoch, $4 at_ms, $5 body, $6 hash, $7 head.
_BEFORE = """
    FROM sniperd.log before
    WHERE before.ledger = $1 AND before.n = $2::bigint - 1 AND sha256(before.hash || $7::bytea || $5::bytea) = $6::bytea
"""
_VALUES = "$1::text, $2::bigint, $3::bigint, $4::bigint, $5::bytea, $6::bytea"

_APPEND = f"""
INSERT INTO sniperd.log (ledger, n, epoch, at_ms, body, hash) SELECT {_VALUES} {_BEFORE}
ON CONFLICT DO NOTHING RETURNING n
"""  # constants

_TAKE = f"""
WITH taken AS (
    UPDATE sniperd.ledgers SET owner = $8, epoch = $9, until_ms = $10
    WHERE ledger = $1 AND owner = $11 AND epoch = $12 AND until_ms = $13 AND EXISTS (SELECT {_BEFORE})
    RETURNING ledger
)
INSERT INTO sniperd.log (ledger, n, epoch, at_ms, body, hash) SELECT {_VALUES} FROM taken RETURNING n
"""  # noqa: S608  # constants

_RENEW = """
UPDATE sniperd.ledgers SET until_ms = CASE WHEN $5 THEN $4::bigint ELSE greatest(until_ms, $4::bigint) END
WHERE ledger = $1 AND owner = $2 AND epoch = $3 RETURNING ledger
"""

_REPLACE = "UPDATE sniperd.ledgers SET account = $2 WHERE ledger = $1 RETURNING ledger"

_NOTIFY = "SELECT pg_notify($1, $2)"

_LEASE = "SELECT owner, epoch, until_ms FROM sniperd.ledgers WHERE ledger = $1"

_READ = "SELECT n, epoch, at_ms, body, hash FROM sniperd.log WHERE ledger = $1 AND n > $2 ORDER BY n LIMIT $3"

# A row lock is written to the server's log, so its commit waits for the standby, and for all that was written before.
_SETTLE = "SELECT owner, epoch FROM sniperd.ledgers WHERE ledger = $1 FOR UPDATE"

_REPORT = f"""
INSERT INTO sniperd.members (ledger, member, name, role, version, format, n, clock_error_ms, reaches_exchange,
    configuration, seen_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, {_NOW_MS})
ON CONFLICT (ledger, member) DO UPDATE SET (name, role, version, format, n, clock_error_ms, reaches_exchange,
    configuration, seen_ms) = (excluded.name, excluded.role, excluded.version, excluded.format, excluded.n,
    excluded.clock_error_ms, excluded.reaches_exchange, excluded.configuration, excluded.seen_ms)
"""  # noqa: S608  # constants

_MEMBERS = """
SELECT member, name, role, version, format, n, clock_error_ms, reaches_exchange, configuration, seen_ms
FROM sniperd.members WHERE ledger = $1 ORDER BY name, member
"""

_FORGET = "DELETE FROM sniperd.members WHERE ledger = $1 AND member = $2"

_CALL = """
WITH handed AS (
    INSERT INTO sniperd.calls (ledger, call_id, member, expires_ms, is_repeatable, request)
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING call_id
)
SELECT pg_notify($7, $8) FROM handed
"""

_CALLS = f"""
SELECT call_id, member, expires_ms, is_repeatable, CASE WHEN call_id = ANY($2::text[]) THEN '' ELSE request END
FROM sniperd.calls
WHERE ledger = $1 AND answer IS NULL AND NOT is_claimed AND expires_ms > {_NOW_MS} ORDER BY arrival
"""  # noqa: S608  # constants

_CLAIM = f"""
UPDATE sniperd.calls SET is_claimed = true
WHERE ledger = $1 AND call_id = $2 AND answer IS NULL AND NOT is_claimed AND expires_ms > {_NOW_MS} RETURNING call_id
"""  # noqa: S608  # constants

_ANSWER = """
WITH answered AS (
    UPDATE sniperd.calls SET answer = $3 WHERE ledger = $1 AND call_id = $2 AND answer IS NULL RETURNING call_id
)
SELECT pg_notify($4, $5) FROM answered
"""

_ANSWER_TO = """
DELETE FROM sniperd.calls WHERE ledger = $1 AND call_id = $2 AND answer IS NOT NULL RETURNING answer
"""

_WITHDRAW = "DELETE FROM sniperd.calls WHERE ledger = $1 AND call_id = $2"

_REMOVE_EXPIRED = f"DELETE FROM sniperd.calls WHERE ledger = $1 AND expires_ms <= {_NOW_MS}"  # noqa: S608  # constants


class PostgresBackend:
    """The log, lease, members and calls of one ledger."""

    def __init__(self, servers: Servers, ledger: str) -> None:
        self._ledger = ledger
        self._servers = servers
        self._channel = postgres_notices.channel(ledger)
        self._me = secrets.token_hex(4)  # by which this member knows its own notices
        self._log = Line(servers, synchronous_commit="on")
        self._lease = Line(servers, synchronous_commit="on")  # which does not wait for a long append
        self._reading = Line(servers, synchronous_commit="off")
        self._calls = Line(servers, synchronous_commit="off")
        self._news: set[Change] = set()  # what the others are to be told
        self._has_news = anyio.Event()

    @property
    def name(self) -> str:
        """Product, version and place."""
        version = next((line.version for line in self._lines if line.version), "")
        return f"PostgreSQL {version} on {self._servers.place}" if version else f"PostgreSQL on {self._servers.place}"

    async def account(self) -> str:
        """Return whose ledger it is."""
        for (account,) in await self._lease.fetch(ACCOUNT, self._ledger):
            return str(account)
        raise BackendFailed(missing_log(self._ledger))

    async def replace_account(self, account: str) -> None:
        """Record the account's new key."""
        try:
            if not await self._lease.fetch(_REPLACE, self._ledger, account):
                raise BackendFailed(missing_log(self._ledger))
        except asyncpg.UniqueViolationError as error:
            raise BadConfig(second_log(self._ledger)) from error

    async def append(self, entry: Entry) -> None:
        """Write an entry; see :class:`~daemon.fleet.port.Backend`."""
        if await self._log.fetch(_APPEND, *self._written(entry)):
            self._tell(Change.LOG)
            return
        found = await self._at(self._log, entry.n)
        if found is None:
            raise LogWentBack(
                f"the fleet's log lacks entry {entry.n - 1}, or has another one, which this member has seen"
            )
        if found != entry:
            raise Deposed(f"another member has written entry {entry.n} of the fleet's log")
        await self._log.fetch(_SETTLE, self._ledger)

    async def read(self, after: int, limit: int) -> Sequence[Entry]:
        """Return entries from ``after + 1`` on."""
        return [Entry(*row) for row in await self._reading.fetch(_READ, self._ledger, after, limit)]

    async def lease(self) -> Lease:
        """Return the lease."""
        for row in await self._lease.fetch(_LEASE, self._ledger):
            return Lease(*row)
        raise BackendFailed(missing_log(self._ledger))

    async def take(self, seen: Lease, lease: Lease, entry: Entry) -> bool:
        """Write a lease and the entry of its takeover."""
        values = [lease.owner, lease.epoch, lease.until_ms, seen.owner, seen.epoch, seen.until_ms]
        try:
            if await self._lease.fetch(_TAKE, *self._written(entry), *values):
                self._tell(Change.LOG)
                self._tell(Change.LEASE)
                return True
        except asyncpg.UniqueViolationError:
            return False
        if await self._at(self._lease, entry.n) != entry:
            return False
        return any(
            (owner, epoch) == (lease.owner, lease.epoch)
            for owner, epoch in await self._lease.fetch(_SETTLE, self._ledger)
        )

    async def renew(self, lease: Lease, *, hands_over: bool = False) -> bool:
        """Move the end of the owner's lease."""
        values = lease.owner, lease.epoch, lease.until_ms, hands_over
        is_owner = bool(await self._lease.fetch(_RENEW, self._ledger, *values))
        if is_owner:
            self._tell(Change.LEASE)
        if hands_over:  # its process ends soon
            await self._tell_others()
        return is_owner

    async def report(self, member: MemberReport) -> None:
        """Record what a member says, and remove the calls that nobody waits for."""
        *values, _ = msgspec.structs.astuple(member)
        await self._calls.fetch(_REPORT, self._ledger, *values)
        await self._calls.fetch(_REMOVE_EXPIRED, self._ledger)

    async def members(self) -> Sequence[MemberReport]:
        """Return what each member said last."""
        rows = await self._calls.fetch(_MEMBERS, self._ledger)
        return [MemberReport(**{**row, "role": Role(row["role"])}) for row in rows]

    async def forget(self, member: str) -> None:
        """Remove a member from the list."""
        await self._calls.fetch(_FORGET, self._ledger, member)

    async def call(self, call: Call) -> None:
        """Hand a call to the owner."""
        notice = self._notice(Change.CALL, call.call_id)
        await self._calls.fetch(_CALL, self._ledger, *msgspec.structs.astuple(call), self._channel, notice)

    async def calls(self, known: Collection[str] = ()) -> Sequence[Call]:
        """Return the calls that wait for an owner."""
        return [Call(*row) for row in await self._calls.fetch(_CALLS, self._ledger, known)]

    async def claim(self, call_id: str) -> bool:
        """Take a call that is not repeatable."""
        return bool(await self._calls.fetch(_CLAIM, self._ledger, call_id))

    async def answer(self, call_id: str, answer: bytes) -> None:
        """Answer a call."""
        notice = self._notice(Change.ANSWER, call_id)
        await self._calls.fetch(_ANSWER, self._ledger, call_id, answer, self._channel, notice)

    async def answer_to(self, call_id: str) -> bytes | None:
        """Return and remove the answer to a call."""
        for (answer,) in await self._calls.fetch(_ANSWER_TO, self._ledger, call_id):
            return bytes(answer)
        return None

    async def withdraw(self, call_id: str) -> None:
        """Remove a call."""
        await self._calls.fetch(_WITHDRAW, self._ledger, call_id)

    def notices(self) -> AsyncIterator[Notice]:
        """Yield what other members change."""
        return postgres_notices.listen(self._servers, self._channel, self._me)

    async def doubts(self, durability: str) -> Sequence[str]:
        """Return why the database may lose what it acknowledged."""
        return await postgres_doubts.find(self._log, durability)

    async def try_rights(self) -> None:
        """Do what a member does, in a transaction that is rolled back."""
        await postgres_rights.attempt(self._servers, self._ledger)

    async def keep_telling(self) -> None:
        """Tell the other members of changes of the log and the lease, until cancelled.

        It is not done with the change itself: NOTIFY keeps a lock of the whole server until its transaction is durable,
        and wakes every listener before the order that waits for the change has left.
        """
        while True:
            await self._has_news.wait()
            await anyio.sleep(TELL_AFTER_S)
            await self._tell_others()

    async def _tell_others(self) -> None:
        news, self._news, self._has_news = self._news, set(), anyio.Event()
        with suppress(BackendFailed):  # who was not told looks by itself
            for change in sorted(news):
                await self._calls.fetch(_NOTIFY, self._channel, self._notice(change))

    def close(self) -> None:
        """Close the connections."""
        for line in self._lines:
            line.close()

    @property
    def _lines(self) -> Sequence[Line]:
        return self._log, self._lease, self._reading, self._calls

    def _written(self, entry: Entry) -> Sequence[object]:
        """Return what writes an entry, as the first seven values of a statement."""
        return self._ledger, *msgspec.structs.astuple(entry), head(entry.n, entry.epoch, entry.at_ms)

    async def _at(self, line: Line, n: int) -> Entry | None:
        """Return the entry of a number."""
        found = [Entry(*row) for row in await line.fetch(_READ, self._ledger, n - 1, 1)]
        return found[0] if found and found[0].n == n else None

    def _tell(self, change: Change) -> None:
        self._news.add(change)
        self._has_news.set()

    def _notice(self, change: Change, subject: str = "") -> str:
        return f"{self._me} {change} {subject}"


@asynccontextmanager
async def open_log(url: str, ledger: str, durability: str, password: Secret | None) -> AsyncIterator[PostgresBackend]:
    """Open a ledger. It connects when it is used. What ``durability`` promises is set at the server: see ``doubts``.

    Raises:
        BadConfig: the URL cannot be read.

    """
    del durability
    backend = PostgresBackend(Servers(url, password), ledger)
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(backend.keep_telling)
            yield backend
            tasks.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        if len(group.exceptions) > 1:
            raise
        (error,) = group.exceptions  # what ended the caller's block, as it was
        raise error from error.__cause__
    finally:
        backend.close()
