"""Connections to a Valkey or Redis server, over redis-py: requests in bounded time, and messages of a channel.

redis-py repeats a command whose answer did not arrive, ten times by default. Here nothing is repeated below the caller:
whether a write happened is for the caller to find out. A connection on which anything went wrong is closed, because the
answer that is still under way would be taken for that of the next command.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing, contextmanager
from typing import Any

from redis.asyncio.connection import Connection, ConnectionPool, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import MasterNotFoundError, Sentinel, SentinelConnectionPool
from redis.backoff import NoBackoff
from redis.credentials import CredentialProvider
from redis.exceptions import (
    AuthenticationError,
    AuthenticationWrongNumberOfArgsError,
    NoPermissionError,
    NoScriptError,
    RedisError,
    ResponseError,
)

from daemon.config.credentials import Secret
from daemon.errors import BackendFailed, BackendRefused
from daemon.fleet.valkey_scripts import Script
from daemon.fleet.valkey_url import Address

TIMEOUT_S = 2.0
"""What a request may take, with its connection."""

SILENCE_S = 5.0
"""After so long without a message a listener asks whether the server is there."""

RECONNECT_S = 0.2

_FORBIDDEN_IN_SCRIPT = ("ACL failure in script", "The user executing the script can't")
"""What Valkey and Redis from 7.2 on say, and Redis 7.0."""

Reply = Any
"""bytes, int, ``None``, or a list of them."""

Argument = bytes | str | int
Command = tuple[Argument, ...]


class Connections:
    """The connections of one member."""

    def __init__(self, address: Address, password: Secret | None) -> None:
        self.address = address
        self._pool: Any = _pool(address, password)  # its methods lack types

    async def ask(self, room: asyncio.Semaphore, *commands: Command) -> list[Reply]:
        """Send commands at once, on one connection; return their replies.

        Raises:
            BackendFailed: one of them failed or has no reply in time. Each of them may have happened.
            BackendRefused: the user may not connect, or may not do this.

        """
        with _as_failure(self.address):
            async with asyncio.timeout(TIMEOUT_S), room:
                return await self._ask(commands)

    async def run(
        self,
        room: asyncio.Semaphore,
        script: Script,
        keys: tuple[str, ...],
        args: tuple[Argument, ...],
        *after: Command,
    ) -> list[Reply]:
        """Run a script, and then commands; return their replies. The script's text is sent if the server lacks it.

        Raises:
            BackendFailed: one of them failed or has no reply in time. Each of them may have happened.
            BackendRefused: the user may not connect, or may not do this.

        """
        rest = (len(keys), *keys, *args)
        with _as_failure(self.address):
            async with asyncio.timeout(TIMEOUT_S), room:
                try:
                    return await self._ask([(b"EVALSHA", script.sha, *rest), *after])
                except NoScriptError:  # so it did not run
                    return await self._ask([(b"EVAL", script.text, *rest), *after])

    async def settings(self, room: asyncio.Semaphore, *names: str) -> dict[str, str] | None:
        """Return settings of the server; ``None`` if it does not show them to this user.

        Raises:
            BackendFailed: it did not answer.

        """
        with _as_failure(self.address):
            async with asyncio.timeout(TIMEOUT_S), room:
                try:
                    [found] = await self._ask([(b"CONFIG", b"GET", *names)])
                except ResponseError:
                    return None
        texts = [text.decode() for text in found]
        return dict(zip(texts[::2], texts[1::2], strict=True))

    async def messages(self, channel: str) -> AsyncIterator[bytes | None]:
        """Yield what is published on a channel, for ever; ``None`` for a new connection: before it some was missed."""
        while True:
            connection = self._pool.make_connection()
            try:
                async with aclosing(_heard(connection, channel)) as heard:
                    async for message in heard:
                        yield message
            except (RedisError, OSError, TimeoutError):
                await asyncio.sleep(RECONNECT_S)
            finally:
                await connection.disconnect(nowait=True)

    async def close(self) -> None:
        """End all connections."""
        await self._pool.aclose()
        if isinstance(self._pool, SentinelConnectionPool):
            await self._pool.sentinel_manager.aclose()

    async def _ask(self, commands: Sequence[Command]) -> list[Reply]:
        connection = await self._pool.get_connection()
        try:
            await connection.send_packed_command(connection.pack_commands(commands))
            return [await connection.read_response() for _ in commands]
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        finally:
            await self._pool.release(connection)


async def _heard(
    connection: Any,  # noqa: ANN401  # its methods lack types
    channel: str,
) -> AsyncGenerator[bytes | None, None]:
    """Yield ``None`` and then a channel's messages, until the connection fails."""
    async with asyncio.timeout(TIMEOUT_S):
        await connection.connect()
        await connection.send_command("SUBSCRIBE", channel)
    is_asked = False
    while True:
        message = await connection.read_response(timeout=SILENCE_S)
        if message is None:
            if is_asked:
                raise TimeoutError
            async with asyncio.timeout(TIMEOUT_S):
                await connection.send_command("PING")
        elif message[0] == b"subscribe":
            yield None
        elif message[0] == b"message":
            yield message[2]
        is_asked = message is None


class _Login(CredentialProvider):
    """User and password, which no configuration of a connection shows."""

    def __init__(self, user: str, password: Secret | None) -> None:
        self._user = user
        self._password = password

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        """Return the arguments of AUTH."""
        password = "" if self._password is None else self._password.reveal()
        return (self._user, password) if self._user else (password,)

    async def get_credentials_async(self) -> tuple[str] | tuple[str, str]:
        """Return them, without the warning that redis-py's own method writes."""
        return self.get_credentials()


def _pool(address: Address, password: Secret | None) -> ConnectionPool:
    once: dict[str, Any] = {"retry": Retry(NoBackoff(), 0), "socket_timeout": None, "socket_connect_timeout": None}
    settings: dict[str, Any] = once | {"db": address.database, "protocol": 2}
    if address.user or password:
        settings["credential_provider"] = _Login(address.user, password)
    if address.is_encrypted:
        settings |= address.files
    if address.sentinel:
        return _sentinels(address, once, settings | {"ssl": address.is_encrypted})
    if address.socket:
        return ConnectionPool(UnixDomainSocketConnection, path=address.socket, **settings)
    [(host, port)] = address.hosts
    return ConnectionPool(SSLConnection if address.is_encrypted else Connection, host=host, port=port, **settings)


def _sentinels(address: Address, once: dict[str, Any], settings: dict[str, Any]) -> ConnectionPool:
    """Return connections to the server that the Sentinels name. They are asked one after the other, without a login.

    Who can change their answers chooses the server, so they are asked over TLS where the server is.
    """
    sentinels: Any = Sentinel  # without types
    found: Any = SentinelConnectionPool
    each = once | {"socket_timeout": TIMEOUT_S / 4, "socket_connect_timeout": TIMEOUT_S / 4, "protocol": 2}
    each |= {"ssl": True} | address.files if address.is_encrypted else {}
    pool: ConnectionPool = found(address.sentinel, sentinels(address.hosts, sentinel_kwargs=each), **settings)
    return pool


@contextmanager
def _as_failure(address: Address) -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise BackendFailed(f"{address} did not answer within {TIMEOUT_S:g} s") from error
    except MasterNotFoundError as error:  # its own text is a description of redis-py's objects
        raise BackendFailed(
            f"{address}: no Sentinel answers, or none knows a working primary called {address.sentinel!r}; check "
            "[fleet] url: valkeys:// and rediss:// ask the Sentinels over TLS, valkey:// and redis:// without it"
        ) from error
    except (AuthenticationError, AuthenticationWrongNumberOfArgsError) as error:
        raise BackendRefused(
            f"{address}: {error}; correct the user in [fleet] url, its password ([fleet] password_file, or systemd's "
            "credential fleet_password), or the server's ACL"
        ) from error
    except (RedisError, OSError) as error:
        if not _lacks_a_right(error):
            raise BackendFailed(f"{address}: {error}") from error
        raise BackendRefused(
            f"{address}: {error}; give the user its rights (ACL SETUSER; `sniperd manual fleet` lists them), or run "
            "`sniperd fleet init` with --url as one that has them"
        ) from error


def _lacks_a_right(error: Exception) -> bool:
    """Return whether the server's ACL forbids a command, also within a script: that has no code of its own."""
    return isinstance(error, NoPermissionError) or any(words in str(error) for words in _FORBIDDEN_IN_SCRIPT)
