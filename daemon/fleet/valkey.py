"""The fleet's shared data in Valkey or Redis.

The server keeps everything in memory: about 8 KB an order. It is as durable as it is set up: :meth:`Valkey.doubts` asks
for an append-only file that is synced before each answer, and for replicas that have synced, too, before a write counts
(WAITAOF). A fail-over of such a server still may choose a replica that lacks writes; the members notice by the position
that each of them keeps.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager

import msgspec

from daemon.config.credentials import Secret
from daemon.errors import BackendFailed, BadConfig, Deposed, LogWentBack
from daemon.fleet import valkey_doubts, valkey_scripts
from daemon.fleet.port import (
    Call,
    Change,
    Entry,
    Lease,
    MemberReport,
    Notice,
    Position,
    another_accounts,
    missing_log,
    second_log,
)
from daemon.fleet.valkey_connections import Argument, Command, Connections, Reply
from daemon.fleet.valkey_scripts import Script
from daemon.fleet.valkey_url import address

SYNC_MS = 700
"""How long a write waits for the replicas to have it, and then to have synced it. After that its outcome is unknown."""

DECIDING, OTHERS = 2, 8
"""How many requests are under way at once: those that write or renew, and those of doors and copies. The former never
wait behind the latter."""

ACCOUNTS = "sniperd:accounts"

_report_bytes = msgspec.msgpack.Encoder().encode
_report = msgspec.msgpack.Decoder(MemberReport).decode


@asynccontextmanager
async def open_log(url: str, ledger: str, durability: str, password: Secret | None) -> AsyncIterator["Valkey"]:
    """Open a ledger. It connects when it is used.

    Raises:
        BadConfig: the URL cannot be read.

    """
    connections = Connections(address(url), password)
    try:
        yield Valkey(connections, ledger, durability)
    finally:
        await connections.close()


async def create_log(url: str, ledger: str, account: str, *, role: str, password: Secret | None) -> None:
    """Create the ledger of an account. Its keys are made when they are used; ``role`` gets its rights by an ACL.

    Raises:
        BadConfig: the ledger belongs to another account, or the account has another ledger.
        BackendFailed: the server does not answer, or the user lacks a right.

    """
    del role
    async with open_log(url, ledger, "single", password) as backend:
        await backend.create(account)


class Valkey:
    """One ledger on a Valkey or Redis server: a :class:`~daemon.fleet.port.Backend`."""

    def __init__(self, connections: Connections, ledger: str, durability: str) -> None:
        self._connections = connections
        self._ledger = ledger
        self._channel = f"sniperd:{{{ledger}}}"
        self._me = secrets.token_hex(4)  # by which this member knows its own notices
        self._last = Position()  # of the log, as far as this member knows it to be durable
        self._is_synchronous = durability == "synchronous"
        self._replicas = 1
        self._product = "Valkey or Redis"
        self._deciding = asyncio.Semaphore(DECIDING)
        self._others = asyncio.Semaphore(OTHERS)

    @property
    def name(self) -> str:
        """What it is: product, version as soon as it is known, and address."""
        return f"{self._product} at {self._connections.address}"

    async def create(self, account: str) -> None:
        """Give an account this ledger.

        Raises:
            BadConfig: one of them belongs to another one.

        """
        found = await self._run(valkey_scripts.CREATE, (self._key("account"), ACCOUNTS), account, self._ledger)
        if found == b"ledger":
            raise BadConfig(another_accounts(self._ledger))
        if found == b"account":
            [other] = await self._connections.ask(self._others, (b"HGET", ACCOUNTS, account))
            raise BadConfig(second_log(self._ledger, (other or b"another one").decode()))

    async def account(self) -> str:
        """Return whose ledger it is."""
        [account] = await self._connections.ask(self._others, (b"GET", self._key("account")))
        if account is None:
            raise BackendFailed(f"{self.name}: {missing_log(self._ledger)}")
        return str(account.decode())

    async def replace_account(self, account: str) -> None:
        """Record the account's new key."""
        found = await self._run(valkey_scripts.REPLACE, (self._key("account"), ACCOUNTS), account, self._ledger)
        if found == b"missing":
            raise BackendFailed(f"{self.name}: {missing_log(self._ledger)}")
        if found == b"account":
            raise BadConfig(second_log(self._ledger))

    async def append(self, entry: Entry) -> None:
        """Write an entry durably; the same entry again succeeds."""
        found = await self._write_entry(valkey_scripts.APPEND, entry)
        if found == valkey_scripts.OTHER:
            raise Deposed(f"entry {entry.n} of the fleet's log is another member's, or another one owns the account")
        if found == valkey_scripts.GAP:
            raise LogWentBack(f"the fleet's log lacks entry {entry.n - 1}, which this member has seen")

    async def read(self, after: int, limit: int) -> Sequence[Entry]:
        """Return entries from ``after + 1`` on.

        With replicas, what is returned is on them: a reader must not remember an entry that a fail-over then undoes.
        """
        asked: Command = (b"XRANGE", self._key("log"), f"{after + 1}-0", b"+", b"COUNT", limit)
        [found] = await self._connections.ask(self._others, asked)
        if found and self._is_synchronous and _entry(*found[-1]).position != self._last:
            wanted = self._replicas  # on one connection: the next one may lead to a server that lacks them
            found, *synced = await self._connections.ask(self._others, asked, self._touch(), *_wait(wanted))
            self._check_synced(synced, wanted)
        entries = [_entry(*each) for each in found]
        self._last = entries[-1].position if entries else self._last
        return entries

    async def lease(self) -> Lease:
        """Return the lease as it is."""
        asked: Command = (b"HMGET", self._key("lease"), b"owner", b"epoch", b"until_ms")
        [owner, epoch, until_ms], is_there = await self._connections.ask(
            self._deciding, asked, (b"EXISTS", self._key("account"))
        )
        if not is_there:
            raise BackendFailed(f"{self.name}: {missing_log(self._ledger)}")
        return Lease((owner or b"").decode(), int(epoch or 0), int(until_ms or 0))

    async def take(self, seen: Lease, lease: Lease, entry: Entry) -> bool:
        """Write a new lease and the entry of its takeover; the same again succeeds."""
        await self._look()
        leases = seen.owner, seen.epoch, seen.until_ms, lease.owner, lease.epoch, lease.until_ms
        return bool(await self._write_entry(valkey_scripts.TAKE, entry, *leases) == valkey_scripts.OK)

    async def renew(self, lease: Lease, *, hands_over: bool = False) -> bool:
        """Move the end of the lease of its owner and epoch."""
        values = lease.owner, lease.epoch, lease.until_ms, int(hands_over)
        found = await self._write(valkey_scripts.RENEW, (self._key("lease"),), *values, look=True)
        return bool(found == valkey_scripts.OK)

    async def report(self, member: MemberReport) -> None:
        """Record what a member says about itself."""
        await self._run(valkey_scripts.REPORT, (self._key("members"),), member.member, _report_bytes(member))

    async def members(self) -> Sequence[MemberReport]:
        """Return what each member said last."""
        [found] = await self._connections.ask(self._others, (b"HVALS", self._key("members")))
        parts = (value.partition(b" ") for value in found)
        try:
            said = [msgspec.structs.replace(_report(report), seen_ms=int(seen)) for seen, _, report in parts]
        except (msgspec.MsgspecError, ValueError) as error:
            raise BackendFailed(f"{self.name}: a member's report cannot be read: {error}") from error
        return sorted(said, key=lambda member: (member.name, member.member))

    async def forget(self, member: str) -> None:
        """Remove a member from the list."""
        await self._connections.ask(self._others, (b"HDEL", self._key("members"), member))

    async def call(self, call: Call) -> None:
        """Hand a call to the owner."""
        cells = call.member, call.expires_ms, int(call.is_repeatable), call.request
        await self._run(valkey_scripts.CALL, self._call_keys(call.call_id), *self._from, call.call_id, *cells)

    async def calls(self, known: Collection[str] = ()) -> Sequence[Call]:
        """Return the open calls, oldest first."""
        found = await self._run(valkey_scripts.CALLS, (self._key("calls"),), self._key("call:"), *known)
        return [
            Call(call_id.decode(), member.decode(), int(expires_ms), is_repeatable == b"1", request)
            for call_id, member, expires_ms, is_repeatable, request in found
        ]

    async def claim(self, call_id: str) -> bool:
        """Take a call that is not repeatable."""
        found = await self._run(valkey_scripts.CLAIM, self._call_keys(call_id), call_id)
        return bool(found == valkey_scripts.OK)

    async def answer(self, call_id: str, answer: bytes) -> None:
        """Answer a call."""
        await self._run(valkey_scripts.ANSWER, self._call_keys(call_id), *self._from, call_id, answer)

    async def answer_to(self, call_id: str) -> bytes | None:
        """Return and remove the answer to a call."""
        found = await self._run(valkey_scripts.ANSWER_TO, (self._key(f"call:{call_id}"),))
        return None if found is None else bytes(found)

    async def withdraw(self, call_id: str) -> None:
        """Remove a call."""
        call, calls = self._call_keys(call_id)
        await self._connections.ask(self._others, (b"DEL", call), (b"ZREM", calls, call_id))

    async def notices(self) -> AsyncIterator[Notice]:
        """Yield what other members change; after a lost connection, that anything may have."""
        async for message in self._connections.messages(self._channel):
            if message is None:
                for change in Change:
                    yield Notice(change)
                continue
            sender, what, *subject = message.decode().split(" ", 2)
            if sender != self._me:
                yield Notice(Change(what), *subject)

    async def doubts(self, durability: str) -> Sequence[str]:
        """Return why the server may lose what it acknowledged."""
        info = await self._look()
        settings = await self._connections.settings(self._others, *valkey_doubts.SETTINGS)
        found = list(valkey_doubts.doubts(info, settings, durability))
        if durability == "synchronous" and not found:
            wanted = self._replicas
            replies = await self._connections.ask(self._others, self._touch(), *_wait(wanted))
            found += [missing] if (missing := _unsynced(replies, wanted)) else []
        return found

    async def try_rights(self) -> None:
        """Run a script that writes what means nothing: the ACL of a ledger's user goes by its keys."""
        await self._run(valkey_scripts.TOUCH, (self._key("touched"),))

    def _touch(self) -> Command:
        """Return a write that changes nothing, for those who must wait for what others wrote."""
        return (b"SET", self._key("touched"), b"")

    @property
    def _from(self) -> tuple[str, str]:
        """Return where notices go, and who sends them."""
        return self._channel, self._me

    def _key(self, name: str) -> str:
        return f"{self._channel}:{name}"

    def _call_keys(self, call_id: str) -> tuple[str, str]:
        return self._key(f"call:{call_id}"), self._key("calls")

    async def _run(self, script: Script, keys: tuple[str, ...], *args: Argument) -> Reply:
        return (await self._connections.run(self._others, script, keys, args))[0]

    async def _write_entry(self, script: Script, entry: Entry, *more: Argument) -> Reply:
        """Write an entry if it follows the last one; the server compares hashes, but cannot compute one."""
        keys = self._key("log"), self._key("lease"), self._key("touched")
        cells = entry.n, entry.epoch, entry.at_ms, entry.hash, entry.body, await self._hash_before(entry)
        found = await self._write(script, keys, *cells, *more)
        if found == valkey_scripts.OK:
            self._last = entry.position
        return found

    async def _hash_before(self, entry: Entry) -> bytes:
        """Return the hash that an entry follows; nothing if it does not follow the one that is there."""
        last = self._last if self._last.n == entry.n - 1 else Position(entry.n - 1)
        if last.n and last is not self._last:
            [found] = await self._connections.ask(self._deciding, (b"XRANGE", self._key("log"), last.n, last.n))
            last = _entry(*found[0]).position if found else last
        return last.hash if entry.follows(last) else b""

    async def _write(self, script: Script, keys: tuple[str, ...], *args: Argument, look: bool = False) -> Reply:
        """Run a script whose effect must survive a fail-over; with ``look``, count the replicas for the next one."""
        wanted = self._replicas
        after: list[Command] = [(b"INFO",)] if look else []
        after += _wait(wanted) if self._is_synchronous else []
        replies = await self._connections.run(self._deciding, script, keys, (*self._from, *args), *after)
        if look:
            self._learn(replies[1])
        if self._is_synchronous:
            self._check_synced(replies, wanted)
        return replies[0]

    def _check_synced(self, replies: Sequence[Reply], wanted: int) -> None:
        if missing := _unsynced(replies, wanted):
            raise BackendFailed(f"{self.name}: {missing}")

    async def _look(self) -> dict[str, str]:
        [found] = await self._connections.ask(self._deciding, (b"INFO",))
        return self._learn(found)

    def _learn(self, found: Reply) -> dict[str, str]:
        """Read INFO: how many replicas a write has to wait for changes as they come and go."""
        info = valkey_doubts.parsed(found)
        self._product = valkey_doubts.product(info)
        self._replicas = max(1, valkey_doubts.replicas(info))
        return info


def _wait(replicas: int) -> list[Command]:
    """Return what waits until this connection's writes are on the disks of the server and of its replicas.

    WAITAOF alone takes a second: a replica is asked once, in the moment in which it receives the write, what it has
    synced, and then reports by itself every second. After WAIT it is asked again, and has synced.
    """
    return [(b"WAIT", replicas, SYNC_MS), (b"WAITAOF", 1, replicas, SYNC_MS)]


def _unsynced(replies: Sequence[Reply], replicas: int) -> str:
    """Return what the last two replies, to :func:`_wait`, lack."""
    received, [local, synced] = replies[-2:]
    if local and synced >= replicas:
        return ""
    if received < replicas:
        return f"{received} of {replicas} replicas had a write after {SYNC_MS} ms"
    return (
        f"{synced} of {replicas} replicas had synced a write after {SYNC_MS} ms; each of them needs appendonly yes "
        "and appendfsync always"
    )


def _entry(name: bytes, cells: list[bytes]) -> Entry:
    named = dict(zip(cells[::2], cells[1::2], strict=True))
    n = int(name.partition(b"-")[0])
    return Entry(n, int(named[b"e"]), int(named[b"t"]), named[b"b"], named[b"h"])
