"""A client of the simulated exchange's streams, with a decoder of its own."""

from collections.abc import Iterator
from typing import Any

import msgspec

from daemon.simulator.streams import Stream
from tests.simulator.trader import Trader

Message = dict[int, Any]


def decoded(data: bytes) -> Message:
    """Decode a protobuf message without a schema: numbers, texts, and messages where bytes are not a text."""
    return dict(fields(data))


def fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Decode a protobuf message with repeated fields: pairs of number and value."""
    rest = iter(data)
    for tag in iter(lambda: varint(rest, default=0), 0):
        value = varint(rest) if tag & 7 == 0 else bytes(next(rest) for _ in range(varint(rest)))
        assert tag & 7 in {0, 2}
        yield tag >> 3, value


def varint(data: Iterator[int], default: int | None = None) -> int:
    number = shift = 0
    for byte in data:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return number
    assert default is not None, "the message ends within a number"
    return default


class Listener:
    """A client of the streams, without a connection."""

    def __init__(self, trader: Trader, *channels: str, key: str | None = None) -> None:
        self.trader = trader
        self.key = trader.ask("POST", "userDataStream")["listenKey"] if key is None else key
        self.stream: Stream = trader.exchange.open_stream(self.key, trader.now_ms)
        if channels:
            assert self.say(method="SUBSCRIPTION", params=channels) == ",".join(channels)

    def say(self, **message: object) -> str:
        """Send a control message and return the answer's message."""
        self.trader.exchange.receive(self.stream, msgspec.json.encode(message).decode(), self.trader.now_ms)
        text = next(each for each in reversed(self.stream.outbox) if isinstance(each, str))
        self.stream.outbox.remove(text)
        answer = msgspec.json.decode(text)
        assert (answer["id"], answer["code"]) == (0, 0)
        return str(answer["msg"])

    def received(self) -> list[Message]:
        """Return the messages pushed since the last call, decoded: the wrapper with its body under its number."""
        pushed = [decoded(data) for data in self.stream.outbox if isinstance(data, bytes)]
        self.stream.outbox.clear()
        for wrapper in pushed:
            for number in wrapper.keys() & {304, 306, 307}:
                wrapper[number] = decoded(wrapper[number])
        return pushed
