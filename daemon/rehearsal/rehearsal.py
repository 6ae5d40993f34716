"""A fleet before your eyes: a database, the simulated exchange, two daemons and a bot on this machine.

The owner is killed, and the other takes over; the killed one starts again, and the account is handed back to it. At the
end the exchange's own book says whether every signal became exactly one order.
"""

import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import anyio

from daemon.rehearsal import databases, processes
from daemon.rehearsal.bot import Bot
from daemon.rehearsal.databases import Database
from daemon.rehearsal.members import Member

NAMES = ("north", "south")
TRADES_S = 5.0
"""How long the bot trades before each thing that happens."""

ID_CHARS = 26
"""A client order id begins with the id of its order."""


def rehearse(wanted: str | None, say: Callable[[str], None]) -> bool:
    """Rehearse in a temporary directory; return whether every signal became exactly one order.

    Args:
        wanted: the database, one of ``databases.DATABASES``; ``None``: the first that is installed.
        say: shows a line.

    Raises:
        CannotCreate: a part is not installed, does not start, or does not do its part in time.

    """
    with tempfile.TemporaryDirectory(
        prefix="sniperd-"
    ) as name:  # a short path: those of sockets have 107 bytes at most
        directory = Path(name)
        directory.chmod(0o711)  # the database may run as another user, in a directory of its own
        processes.make_place(directory / "database")
        server = databases.find(wanted, directory / "database")
        try:
            return anyio.run(_Rehearsal(server, directory, say).run)
        except BaseExceptionGroup as group:
            raise first_of(group) from None


def first_of(error: BaseException) -> BaseException:
    """Return the first error in a group of groups."""
    return first_of(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


class _Rehearsal:
    """What happens, in order."""

    def __init__(self, server: Database, directory: Path, say: Callable[[str], None]) -> None:
        self._server = server
        self._directory = directory
        self._say = say
        self._members = [Member(name, directory) for name in NAMES]

    async def run(self) -> bool:
        began_s, say = anyio.current_time(), self._say
        self._say = lambda text: say(f"{anyio.current_time() - began_s:5.1f} s  {text}")
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(processes.database(self._server, self._directory / "database"))
            self._say(f"{self._server.name} runs, in a directory that is thrown away")
            exchange = await stack.enter_async_context(processes.exchange(self._directory))
            self._say(f"the simulated exchange runs at {exchange}")
            members = await stack.enter_async_context(anyio.create_task_group())
            stack.callback(members.cancel_scope.cancel)
            for member in self._members:
                member.configure(exchange, self._server.url)
                members.start_soon(member.run)
            await self._found()
            bot = Bot(self._members, self._say)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(bot.run)
                await anyio.sleep(TRADES_S)
                await self._happen()
                await anyio.sleep(TRADES_S)
                bot.stop()
            return self._judge(bot, await _book(exchange))

    async def _found(self) -> None:
        """Make the fleet: its tables, its owner, its standby."""
        owner, other = self._members
        await owner.command("fleet", "init")
        self._say("`sniperd fleet init` made the ledger")
        owner.start()
        await owner.until_owner_is(owner.name)
        other.start()
        await other.until_owner_is(owner.name)
        self._say(f"{owner.name} owns the account; {other.name} stands by; a bot sends signals to both")

    async def _happen(self) -> None:
        """Kill the owner, and bring it back."""
        owner, other = self._members
        await owner.kill()
        killed_s = anyio.current_time()
        self._say(f"{owner.name} is killed")
        await other.until_owner_is(other.name)
        self._say(f"{other.name} owns the account, {anyio.current_time() - killed_s:.1f} s after that")
        await anyio.sleep(TRADES_S)
        owner.start()
        await owner.until_owner_is(other.name)
        self._say(f"{owner.name} runs again, and stands by")
        await anyio.sleep(TRADES_S)
        await owner.command("fleet", "hand-over", "--reason", "the rehearsal")
        await other.until_owner_is(owner.name)
        self._say(f"{other.name} handed over to {owner.name}")

    def _judge(self, bot: Bot, book: list[dict[str, Any]]) -> bool:
        """Compare the signals with the exchange's book."""
        orders = Counter(str(order["clientOrderId"])[:ID_CHARS] for order in book)
        expected = {order.id for order in bot.orders.values() if order.placed}
        twice = [order_id for order_id, count in orders.items() if count > 1]
        missing, strange = expected - orders.keys(), orders.keys() - expected
        self._say(
            f"{bot.sent} signals, {len(expected)} placed, {orders.total()} orders in the exchange's book: "
            f"{len(twice)} twice, {len(missing)} missing, {len(strange)} of no signal"
        )
        return not (twice or missing or strange)


async def _book(exchange: str) -> list[dict[str, Any]]:
    """Return all orders of the simulated exchange."""
    async with aiohttp.ClientSession() as session, session.get(f"{exchange}/simulator/orders") as response:
        found: list[dict[str, Any]] = await response.json()
        return found
