"""Reads one HTTP answer from bytes, for connections that aiohttp does not own."""

import httptools

from daemon.exchange.mexc.transport import INTERIM, MAX_BODY, Reply, retry_after_ms


class AnswerParser:
    """Collects an answer; interim answers before it are skipped."""

    def __init__(self) -> None:
        self.is_complete = False
        self.keeps_alive = False  # the connection may carry another request
        self._parser = httptools.HttpResponseParser(self)
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
        self._parser.feed_data(data)
        if len(self._body) > MAX_BODY:
            raise ConnectionError(f"the answer is longer than {MAX_BODY} bytes")

    @property
    def reply(self) -> Reply:
        """The complete answer."""
        return Reply(self._parser.get_status_code(), bytes(self._body), retry_after_ms(self._retry_after))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Note what counts of a header."""
        match name.lower():
            case b"retry-after":
                self._retry_after = value.decode("latin-1")
            case b"content-length" | b"transfer-encoding":
                self._is_bounded = True

    def on_headers_complete(self) -> None:
        """Note that the status is known."""
        self._has_head = self._parser.get_status_code() not in INTERIM

    def on_body(self, body: bytes) -> None:
        """Collect a piece of the body."""
        self._body += body

    def on_message_complete(self) -> None:
        """Note the end of an answer; after an interim one another follows."""
        if self._has_head:
            self.is_complete = True
            self.keeps_alive = self._parser.should_keep_alive()
