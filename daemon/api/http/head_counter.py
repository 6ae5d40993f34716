"""Counts the heads and the whole requests in a client's bytes."""

from typing import Any

import httptools


class HeadCounter:
    """Parses the bytes that aiohttp's server gets: where heads begin and messages end."""

    def __init__(self) -> None:
        """Begin with the first byte that aiohttp's server gets."""
        self.begun = self.complete = 0
        self.is_broken = False  # what came is no HTTP
        self.is_lost = False  # another protocol was offered; this parser does not know whether its bytes follow
        self._in_head = False
        self._parser: Any = httptools.HttpRequestParser(self)

    @property
    def is_within_head(self) -> bool:
        """Whether only a part of a head has arrived."""
        return self._in_head and not self.is_broken and not self.is_lost

    def read(self, data: bytes) -> None:
        """Parse bytes."""
        if self.is_broken or self.is_lost:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.is_lost = True
        except httptools.HttpParserError:
            self.is_broken = True

    def on_message_begin(self) -> None:
        """Count the first byte of a request."""
        self.begun += 1
        self._in_head = True

    def on_headers_complete(self) -> None:
        """Note the end of its head."""
        self._in_head = False

    def on_message_complete(self) -> None:
        """Count its end."""
        self.complete += 1
