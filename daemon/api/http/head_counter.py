"""Where a connection stands in what its caller sends: within a head, or behind so many whole requests."""

from typing import Any

import httptools


class Heads:
    """Counts what aiohttp's server is given: where heads begin and messages end."""

    def __init__(self) -> None:
        """Begin with the first byte that aiohttp's server is given."""
        self.begun = self.complete = 0
        self.is_broken = False  # what came is no HTTP
        self.is_lost = False  # another protocol was offered; whether its bytes follow, this parser cannot tell
        self._in_head = False
        self._parser: Any = httptools.HttpRequestParser(self)

    @property
    def is_within_head(self) -> bool:
        """Whether a part of a head has come, and no more."""
        return self._in_head and not self.is_broken and not self.is_lost

    def read(self, data: bytes) -> None:
        """Read what came."""
        if self.is_broken or self.is_lost:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.is_lost = True
        except httptools.HttpParserError:
            self.is_broken = True

    def on_message_begin(self) -> None:
        """Hear of the first byte of a request."""
        self.begun += 1
        self._in_head = True

    def on_headers_complete(self) -> None:
        """Hear that its head has come."""
        self._in_head = False

    def on_message_complete(self) -> None:
        """Hear that all of it has come."""
        self.complete += 1
