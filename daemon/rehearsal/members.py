"""The daemons of a rehearsal."""

from pathlib import Path

import aiohttp
import anyio
import msgspec
from anyio.abc import Process

from daemon.core.values.fleet_health import FleetHealth
from daemon.errors import CannotCreate
from daemon.rehearsal import processes

LOOK_S = 0.05
WITHIN_S = 60.0
ANSWER_S = 2.0
PAUSE_S = 0.2
"""The wait before an ended daemon is started again: that of the service (RestartSec=)."""

CONFIGURATION = """\
[exchange]
mode = "live"
base_url = "{exchange}"

[guards]
repeat_window_ms = 0

[reconcile]
startup_s = 2

[store]
path = "{directory}/{name}.db"

[sockets]
signals = "{directory}/{name}-signals.sock"
status = "{directory}/{name}-status.sock"

[fleet]
url = "{database}"
name = "{name}"
durability = "single"
"""


class _Answer(msgspec.Struct):
    fleet: FleetHealth | None


class Member:
    """A daemon that can be killed and started again."""

    def __init__(self, name: str, directory: Path) -> None:
        self.name = name
        self.config = directory / f"{name}.toml"
        self.signals = directory / f"{name}-signals.sock"
        self._directory = directory
        self._log = directory / f"{name}.log"
        self._process: Process | None = None
        self._is_wanted = anyio.Event()

    def configure(self, exchange: str, database: str) -> None:
        """Write its configuration: the defaults, but for addresses and the guard against double clicks."""
        text = CONFIGURATION.format(exchange=exchange, directory=self._directory, name=self.name, database=database)
        self.config.write_text(text, encoding="utf-8")

    async def command(self, *words: str) -> None:
        """Run a command with its configuration.

        Raises:
            CannotCreate: it failed; with what it wrote.

        """
        log = self._directory / f"{self.name}-command.log"
        command = processes.sniperd(*words, "--config", str(self.config))
        environ = processes.environment(self._directory)
        async with processes.running(command, log, environ=environ) as process:
            code = await process.wait()
        if code:
            raise CannotCreate("\n".join([f"sniperd {' '.join(words)} failed:", *processes.tail(log)]))

    def start(self) -> None:
        """Let it run from now on."""
        self._is_wanted.set()

    async def kill(self) -> None:
        """Kill it, until it is started again. It has no time for anything, as at a power failure."""
        assert self._process is not None
        self._is_wanted = anyio.Event()
        self._process.kill()
        await self._process.wait()

    async def run(self) -> None:
        """Keep it running while it is wanted, as systemd does, until cancelled."""
        command = processes.sniperd("run", "--config", str(self.config))
        environ = processes.environment(self._directory)
        while True:
            await self._is_wanted.wait()
            async with processes.running(command, self._log, environ=environ) as self._process:
                await self._process.wait()
            await anyio.sleep(PAUSE_S)

    async def health(self) -> FleetHealth | None:
        """Return what it says of the fleet; ``None`` if it does not answer."""
        connector = aiohttp.UnixConnector(str(self.signals))
        timeout = aiohttp.ClientTimeout(ANSWER_S)
        try:
            async with (
                aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
                session.get("http://localhost/v1/fleet") as response,
            ):
                return msgspec.json.decode(await response.read(), type=_Answer).fleet
        except (aiohttp.ClientError, OSError, msgspec.DecodeError):
            return None

    async def until_owner_is(self, name: str | None) -> None:
        """Wait until it says that this member owns the account, or with ``None`` any, and it can take over itself.

        Raises:
            CannotCreate: it does not in time; with the end of its log.

        """
        with anyio.move_on_after(WITHIN_S):
            while True:
                found = await self.health()
                is_owned = found is not None and found.is_owned and name in {None, found.owner}
                if found is not None and is_owned and found.cannot_own is None:
                    return
                await anyio.sleep(LOOK_S)
        raise CannotCreate(
            "\n".join([f"{self.name} did not come so far; the end of its log:", *processes.tail(self._log)])
        )
