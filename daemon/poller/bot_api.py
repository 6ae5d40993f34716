"""Client of the bot's API for targets, bounded in size and time. A failure is a value, not an exception."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import msgspec
from yarl import URL

from daemon.config.credentials import Secret

TARGETS = "/api/snipe-targets"
MAX_ROWS = 1_000
"""The number of rows of an answer that are read; the bot shows a hundred."""

MAX_REPLY = 64 << 10
"""Bytes of the answer to a report that are read."""

_OK, _ERROR, _TOO_EARLY, _TOO_MANY, _TIMEOUT = 200, 500, 425, 429, 408


class Trouble(msgspec.Struct, frozen=True):
    """Why a request to the bot failed."""

    why: str
    answered: bool = True  # the bot is reachable
    refused: bool = False  # the bot rejects this request; a retry helps little


class _Shown(msgspec.Struct):
    data: list[msgspec.Raw]
    success: bool = True


class _Accepted(msgspec.Struct):
    success: bool = True


_shown = msgspec.json.Decoder(_Shown)
_accepted = msgspec.json.Decoder(_Accepted)
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class BotClient:
    """Sends requests to the bot."""

    def __init__(
        self, session: aiohttp.ClientSession, base_url: str, user_id: str, token: Secret | None = None
    ) -> None:
        """``token`` is sent as ``Authorization: Bearer``, where the bot requires it."""
        self.url = base_url.rstrip("/")
        self._session = session
        self._targets = URL(self.url + TARGETS)
        self._user_id = user_id
        self._token = token

    async def targets(self, status: str, *, timeout_s: float, limit: int) -> list[bytes] | Trouble:
        """Read the user's targets with a status; each row is undecoded JSON.

        Args:
            status: the bot's name of it.
            timeout_s: seconds for the whole request.
            limit: bytes of the longest answer that is accepted.

        """
        url = self._targets.with_query(userId=self._user_id, status=status)
        answer = await self._ask("GET", url, None, timeout_s, limit)
        if isinstance(answer, Trouble):
            return answer
        try:
            shown = _shown.decode(answer)
        except _UNREADABLE as error:
            return Trouble(f"the answer cannot be read: {str(error)[:200]}")
        if not shown.success:
            return Trouble("the bot answers that it failed")
        return [bytes(row) for row in shown.data[:MAX_ROWS]]

    async def report(self, target_id: str, body: bytes, *, timeout_s: float) -> Trouble | None:
        """Send a report about a target; ``None`` if the bot accepted it."""
        answer = await self._ask("PATCH", self._targets / target_id, body, timeout_s, MAX_REPLY)
        if isinstance(answer, Trouble):
            return answer
        try:
            accepted = _accepted.decode(answer).success
        except _UNREADABLE:
            accepted = True  # the HTTP status says that it was accepted
        return None if accepted else Trouble("the bot answers that it failed", refused=True)

    async def _ask(self, method: str, url: URL, body: bytes | None, timeout_s: float, limit: int) -> bytes | Trouble:
        answer = await self._answer(method, url, body, timeout_s, limit)
        if isinstance(answer, Trouble) and self._token is not None:
            # The bot may echo the token, and its answer is shown in the status.
            return msgspec.structs.replace(answer, why=answer.why.replace(self._token.reveal(), "***"))
        return answer

    async def _answer(self, method: str, url: URL, body: bytes | None, timeout_s: float, limit: int) -> bytes | Trouble:
        headers = {"Content-Type": "application/json"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token.reveal()}"
        try:
            async with (
                asyncio.timeout(timeout_s),
                self._session.request(method, url, data=body, headers=headers, allow_redirects=False) as response,
            ):
                return await _read(response, limit)
        except TimeoutError:
            return Trouble(f"no answer within {timeout_s:g} s", answered=False)
        except (aiohttp.ClientError, OSError, ValueError) as error:  # ValueError: malformed headers
            return Trouble(f"{type(error).__name__}: {str(error)[:200]}", answered=False)


@asynccontextmanager
async def open_client(base_url: str, user_id: str, token: Secret | None = None) -> AsyncIterator[BotClient]:
    """Open the HTTP session with the bot: few connections, no cookies, no decompression."""
    connector = aiohttp.TCPConnector(limit=4, keepalive_timeout=30)
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        skip_auto_headers=("Accept-Encoding",),
    ) as session:
        yield BotClient(session, base_url, user_id, token)


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes | Trouble:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > limit:
            return Trouble(f"the answer is longer than {limit} bytes")
    status = response.status
    if _OK <= status < _OK + 100:
        return bytes(body)
    is_passing = status >= _ERROR or status in {_TIMEOUT, _TOO_EARLY, _TOO_MANY}
    return Trouble(f"HTTP {status} {bytes(body[:100])!r}", refused=not is_passing)
