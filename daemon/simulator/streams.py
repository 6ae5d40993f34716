"""The private streams: the protocol of a connection, without I/O.

Documented: data messages are binary protobuf, control messages JSON. A listen key is valid for 60 minutes and is
extended by PUT. A connection is closed after 24 hours, and after 30 seconds without a subscription. Observed: the
answer for an unavailable channel has code 0 and a message with "Not Subscribed". Unknown: the behaviour for a wrong key
(here no subscription succeeds, so the connection ends after 30 seconds).

Every change of an order, every trade and every changed balance is pushed immediately, also for an order that is still
invisible to queries. There are no public channels. Nothing is stored: a restart ends the keys.
"""

from collections import deque
from random import Random

import msgspec

from daemon.simulator.errors import Code, Refusal
from daemon.simulator.events import Event
from daemon.simulator.push_messages import CHANNELS, encode

MAX_KEYS = 60
"""Per account (documented; the code of the refusal is unknown)."""
KEY_LIFETIME_MS = 60 * 60_000
CONNECTION_LIFETIME_MS = 24 * 60 * 60_000
UNSUBSCRIBED_TIMEOUT_MS = 30_000
_MAX_OUTBOX = 10_000


class ListenKeys:
    """The listen keys of the account."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._expires_ms: dict[str, int] = {}

    def create(self, now_ms: int) -> str:
        """Return a new key.

        Raises:
            Refusal: the account has `MAX_KEYS` valid keys.
        """
        self._expires_ms = {key: self._expires_ms[key] for key in self.valid(now_ms)}
        if len(self._expires_ms) == MAX_KEYS:
            raise Refusal(Code.INPUT_INVALID)
        key = f"{self._random.getrandbits(256):064x}"
        self._expires_ms[key] = now_ms + KEY_LIFETIME_MS
        return key

    def extend(self, key: str, now_ms: int) -> None:
        """Restart a key's lifetime.

        Raises:
            Refusal: the key is unknown or has expired.
        """
        if not self.is_valid(key, now_ms):
            raise Refusal(Code.INPUT_INVALID)
        self._expires_ms[key] = now_ms + KEY_LIFETIME_MS

    def close(self, key: str) -> None:
        """Remove a key; its connections end."""
        self._expires_ms.pop(key, None)

    def valid(self, now_ms: int) -> list[str]:
        """Return the valid keys, oldest first."""
        return [key for key in self._expires_ms if self.is_valid(key, now_ms)]

    def is_valid(self, key: str, now_ms: int) -> bool:
        """Return whether a key exists and has not expired."""
        return now_ms < self._expires_ms.get(key, 0)


class Stream:
    """One connection: receives the client's messages, and queues the messages to send."""

    def __init__(self, keys: ListenKeys, listen_key: str, opened_ms: int) -> None:
        self._keys = keys
        self._listen_key = listen_key
        self._opened_ms = opened_ms
        self._idle_since_ms = opened_ms
        self._channels: set[str] = set()
        self.is_cut = False
        """Whether a fault cuts the connection."""
        self.outbox: deque[str | bytes] = deque(maxlen=_MAX_OUTBOX)
        """Messages to send: control as text, data as bytes. If the client is too slow, the oldest are lost."""

    def receive(self, text: str, now_ms: int) -> None:
        """Process a client's message; the answer goes to the outbox."""
        try:
            message = msgspec.json.decode(text, type=_Message)
        except msgspec.DecodeError:
            message = _Message("")
        answer = {"id": 0, "code": 0, "msg": self._answer(message, now_ms)}
        self.outbox.append(msgspec.json.encode(answer).decode())

    def push(self, event: Event, now_ms: int) -> None:
        """Add an event to the outbox, once for each subscribed channel that shows it."""
        self.outbox.extend(body for channel, body in encode(event, now_ms) if channel in self._channels)

    def is_over(self, now_ms: int) -> bool:
        """Return whether the connection must end."""
        is_idle = not self._channels and now_ms >= self._idle_since_ms + UNSUBSCRIBED_TIMEOUT_MS
        has_lost_key = bool(self._channels) and not self._has_key(now_ms)
        return self.is_cut or is_idle or has_lost_key or now_ms >= self._opened_ms + CONNECTION_LIFETIME_MS

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
