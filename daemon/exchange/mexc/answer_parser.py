"""Reads one HTTP answer from bytes, for connections that aiohttp does not own."""

import httptools

from daemon.exchange.mexc.transport import INTERIM, MAX_BODY, Reply, retry_after_ms

MAX_BESIDE = 1 << 20
"""How many bytes there may be beside the body: headers, interim answers, the sizes of chunks."""


class AnswerParser:
    """Collects an answer; interim answers before it are skipped.

    What follows the answer, like a 408 of a server that has waited, is no part of it; the connection is used no more.
    """

    def __init__(self) -> None:
        self.is_complete = False
        self.keeps_alive = False  # the connection may carry another request
        self._parser = httptools.HttpResponseParser(self)
        self._status = 0
        self._size = 0  # of all that was fed
        self._body = bytearray()
        self._retry_after: str | None = None
        self._is_bounded = False  # the end of its body is known before the connection ends
        self._has_head = False

    def feed(self, data: bytes) -> None:
        """Take bytes; an empty piece is the end of the connection.

        Raises:
            httptools.HttpParserError: this is no HTTP answer.
            ConnectionError: the connection ended before the answer did, or the answer is too long.

        """
        if not data:
            if not self._has_head or self._is_bounded:
                raise ConnectionError("the server closed the connection before the end of its answer")
            self.is_complete = True
            return
        self._size += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            if not self.is_complete:
                raise
            self.keeps_alive = False
        if len(self._body) > MAX_BODY or self._size - len(self._body) > MAX_BESIDE:
            raise ConnectionError(f"the answer is longer than {MAX_BODY} bytes, or its headers than {MAX_BESIDE}")

    @property
    def reply(self) -> Reply:
        """The complete answer."""
        return Reply(self._status, bytes(self._body), retry_after_ms(self._retry_after))

    def on_message_begin(self) -> None:
        """Note that something follows the answer."""
        if self.is_complete:
            self.keeps_alive = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Note what counts of a header."""
        if self.is_complete:
            return
        match name.lower():
            case b"retry-after":
                self._retry_after = value.decode("latin-1")
            case b"content-length" | b"transfer-encoding":
                self._is_bounded = True

    def on_headers_complete(self) -> None:
        """Note that the status is known."""
        if not self.is_complete:
            self._status = self._parser.get_status_code()
            self._has_head = self._status not in INTERIM

    def on_body(self, body: bytes) -> None:
        """Collect a piece of the body."""
        if not self.is_complete:
            self._body += body

    def on_message_complete(self) -> None:
        """Note the end of an answer; after an interim one another follows."""
        if self._has_head and not self.is_complete:
            self.is_complete = True
            self.keeps_alive = self._parser.should_keep_alive()
