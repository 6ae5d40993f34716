"""The private streams: what a connection says and hears, without the connection.

Documented: data comes as binary protobuf, control goes as JSON. A listen key lasts 60 minutes and is extended by PUT;
a connection lasts 24 hours, and is closed after 30 seconds without a subscription. Observed: a channel that isn't to be
had is answered with code 0 and a message that says "Not Subscribed". Unknown: what happens to a connection whose key is
wrong (here it can subscribe to nothing, and so ends after 30 seconds).

Every change of an order, every trade and every changed balance is pushed at once, also of an order that look-ups can't
see yet. There are no public channels, and nothing of all this is kept on disk: a restart ends the keys.
"""

from collections import deque
from random import Random

import msgspec

from daemon.simulator.errors import Code, Refusal
from daemon.simulator.events import Event
from daemon.simulator.push_messages import CHANNELS, encode

MOST_KEYS = 60
"""Of the account (documented; the code of the refusal is unknown)."""
KEY_LASTS_MS = 60 * 60_000
CONNECTION_LASTS_MS = 24 * 60 * 60_000
UNSUBSCRIBED_LASTS_MS = 30_000
_MOST_WAITING = 10_000


class ListenKeys:
    """The keys that open the private channels."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._expires_ms: dict[str, int] = {}

    def create(self, now_ms: int) -> str:
        """Return a new key.

        Raises:
            Refusal: there are too many.
        """
        self._expires_ms = {key: self._expires_ms[key] for key in self.valid(now_ms)}
        if len(self._expires_ms) == MOST_KEYS:
            raise Refusal(Code.INPUT_INVALID)
        key = f"{self._random.getrandbits(256):064x}"
        self._expires_ms[key] = now_ms + KEY_LASTS_MS
        return key

    def extend(self, key: str, now_ms: int) -> None:
        """Let a key last from now.

        Raises:
            Refusal: it is unknown or has expired.
        """
        if not self.is_valid(key, now_ms):
            raise Refusal(Code.INPUT_INVALID)
        self._expires_ms[key] = now_ms + KEY_LASTS_MS

    def close(self, key: str) -> None:
        """End a key, and with it the connections that it opened."""
        self._expires_ms.pop(key, None)

    def valid(self, now_ms: int) -> list[str]:
        """Return the keys that are good, oldest first."""
        return [key for key in self._expires_ms if self.is_valid(key, now_ms)]

    def is_valid(self, key: str, now_ms: int) -> bool:
        """Whether a key is good."""
        return now_ms < self._expires_ms.get(key, 0)


class Stream:
    """One connection: takes the client's messages, and holds what is to be sent."""

    def __init__(self, keys: ListenKeys, listen_key: str, opened_ms: int) -> None:
        self._keys = keys
        self._listen_key = listen_key
        self._opened_ms = opened_ms
        self._idle_since_ms = opened_ms
        self._channels: set[str] = set()
        self.is_cut = False
        """A fault wants the connection cut."""
        self.outbox: deque[str | bytes] = deque(maxlen=_MOST_WAITING)
        """What is to be sent: text is control, bytes are data. What a client is too slow for is lost."""

    def receive(self, text: str, now_ms: int) -> None:
        """Take a message of the client's; its answer goes to the outbox."""
        try:
            message = msgspec.json.decode(text, type=_Message)
        except msgspec.DecodeError:
            message = _Message("")
        answer = {"id": 0, "code": 0, "msg": self._answer(message, now_ms)}
        self.outbox.append(msgspec.json.encode(answer).decode())

    def push(self, event: Event, now_ms: int) -> None:
        """Put an event into the outbox, once for each channel that shows it."""
        self.outbox.extend(body for channel, body in encode(event, now_ms) if channel in self._channels)

    def is_over(self, now_ms: int) -> bool:
        """Whether the connection is to be closed."""
        is_idle = not self._channels and now_ms >= self._idle_since_ms + UNSUBSCRIBED_LASTS_MS
        has_lost_key = bool(self._channels) and not self._has_key(now_ms)
        return self.is_cut or is_idle or has_lost_key or now_ms >= self._opened_ms + CONNECTION_LASTS_MS

    def _has_key(self, now_ms: int) -> bool:
        return self._keys.is_valid(self._listen_key, now_ms)

    def _answer(self, message: "_Message", now_ms: int) -> str:
        match message.method:
            case "PING":
                return "PONG"
            case "SUBSCRIPTION" if set(message.params) <= CHANNELS and self._has_key(now_ms):
                self._channels |= set(message.params)
                return ",".join(message.params)
            case "SUBSCRIPTION":
                return f"Not Subscribed successfully! [{','.join(message.params)}].  Reason\uff1a Blocked! "
            case "UNSUBSCRIPTION":
                self._channels -= set(message.params)
                self._idle_since_ms = now_ms
                return ",".join(message.params)
        return "msg format invalid"


class _Message(msgspec.Struct):
    method: str
    params: list[str] = []
