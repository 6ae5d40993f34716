"""Reads a plain POST that arrived whole: httptools parses it, and header blocks that came before are remembered.

A bot sends the same headers with every request; only the path and the body differ. What the parser made of such a block
is used again, because it depends on nothing else.
"""

import re

import httptools
import msgspec
from multidict import CIMultiDict, CIMultiDictProxy, MultiMapping

MAX_REQUEST = 65_536
"""Bytes of the longest request that is recognised."""

MAX_HEADER_LINE = 8_000
MAX_HEADERS = 64

MAX_REMEMBERED = 128
"""Header blocks that are remembered; there is one per bot and length of its bodies."""

LONGEST_REMEMBERED = 1_024
"""Bytes of the longest header block that is remembered."""

_REQUEST_LINE = re.compile(rb"POST (/[0-9A-Za-z_/-]*) HTTP/1\.1\r\n")
_UNUSUAL = frozenset({b"transfer-encoding", b"content-encoding", b"expect", b"upgrade", b"trailer"})
_KEY = "Idempotency-Key"


class Fields(msgspec.Struct, frozen=True):
    """What a header block says. ``length`` is that of the body."""

    headers: MultiMapping[str]
    keep_alive: bool
    length: int


class Head(msgspec.Struct, frozen=True):
    """A parsed request."""

    path: str
    fields: Fields
    body: bytes


class Heads:
    """Reads requests."""

    def __init__(self) -> None:
        self._known: dict[bytes, Fields] = {}

    def read(self, data: bytes) -> Head | None:
        """Parse a request; ``None`` unless the bytes are exactly one plain POST."""
        if len(data) > MAX_REQUEST:
            return None
        line, end = _REQUEST_LINE.match(data), data.find(b"\r\n\r\n")
        if line is None or end < line.end():
            return _parsed(data)
        block, body = data[line.end() : end], data[end + 4 :]
        fields = self._known.get(block)
        if fields is not None and len(body) == fields.length:
            return Head(line[1].decode(), fields, body)
        head = _parsed(data)
        if head is not None and head.body == body and len(block) <= LONGEST_REMEMBERED:
            self._remember(block, head.fields)
        return head

    def _remember(self, block: bytes, fields: Fields) -> None:
        if _KEY in fields.headers:  # each block comes once
            return
        if len(self._known) >= MAX_REMEMBERED:
            self._known.clear()
        self._known[block] = fields


def _parsed(data: bytes) -> Head | None:
    if not data.startswith(b"POST /"):
        return None
    found = _Parsed()
    parser = httptools.HttpRequestParser(found)
    try:
        parser.feed_data(data)
        if not found.is_plain or parser.get_http_version() != "1.1":
            return None
        fields = Fields(CIMultiDictProxy(found.headers), found.keep_alive, len(found.body))
        return Head(found.url.decode("ascii"), fields, found.body)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade, UnicodeDecodeError):
        return None


class _Parsed:
    """The parser's callbacks and what they found."""

    def __init__(self) -> None:
        self.url = self.body = b""
        self.headers: CIMultiDict[str] = CIMultiDict()
        self._seen: set[bytes] = set()  # of some headers aiohttp admits one, of others many
        self._begun = self._complete = 0
        self._is_unusual = False

    @property
    def is_plain(self) -> bool:
        return (
            self._begun == self._complete == 1
            and not self._is_unusual
            and len(self.headers) <= MAX_HEADERS
            and "content-length" in self.headers
            and "host" in self.headers
            and not any(mark in self.url for mark in b"?%#")
        )

    @property
    def keep_alive(self) -> bool:
        return "close" not in ",".join(self.headers.getall("Connection", [])).lower()

    def on_message_begin(self) -> None:
        self._begun += 1

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        lower = name.lower()
        self._is_unusual |= lower in _UNUSUAL or lower in self._seen or len(name) + len(value) > MAX_HEADER_LINE
        self._seen.add(lower)
        self.headers.add(name.decode("ascii", "surrogateescape"), value.decode("utf-8", "surrogateescape"))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self._complete += 1
