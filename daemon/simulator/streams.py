"""The streams: listen keys, and the protocol of a connection, without I/O.

Documented ("Websocket Market Streams", "Websocket User Data Streams" and "FAQs" at mexc.com/api-docs/spot-v3): data
messages are binary protobuf, control messages JSON. A listen key is valid for 60 minutes, is extended by PUT, and takes
five connections. A connection takes 30 subscriptions. It is closed after 24 hours, after 30 seconds without a
subscription, and after a minute without a message in either direction; a PING counts.

Observed: the answer for an unavailable channel has code 0 and a message with "Not Subscribed"; ccxt writes the PING in
lower case; a key that is gone is refused with 730708. Unknown: what happens to a sixth connection of a key (here it is
closed at once), to a 31st subscription (here its message is refused as a whole), and for a wrong key (here no private
subscription succeeds, so the connection ends after 30 seconds).

Every change of an order, every trade and every changed balance is pushed immediately, also for an order that is still
invisible to queries. `public_streams` has the public channels. Nothing is stored: a restart ends the keys.
"""

from collections import deque
from collections.abc import Callable
from random import Random

import msgspec

from daemon.simulator.errors import Code, Refusal
from daemon.simulator.events import Event
from daemon.simulator.market import Market
from daemon.simulator.public_streams import Feed, open_feed, symbol_of
from daemon.simulator.push_messages import CHANNELS, encode

MAX_KEYS = 60
"""Per account (documented; the code of the refusal is unknown)."""
MAX_CONNECTIONS = 5
"""Per key (documented)."""
MAX_SUBSCRIPTIONS = 30
"""Per connection (documented)."""
KEY_LIFETIME_MS = 60 * 60_000
CONNECTION_LIFETIME_MS = 24 * 60 * 60_000
UNSUBSCRIBED_TIMEOUT_MS = 30_000
SILENCE_TIMEOUT_MS = 60_000
_MAX_OUTBOX = 10_000

FindMarket = Callable[[str], Market | None]
"""Returns a symbol's market, None for an unknown symbol."""


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
            raise Refusal(Code.LISTEN_KEY_UNKNOWN)
        self._expires_ms[key] = now_ms + KEY_LIFETIME_MS

    def close(self, key: str, now_ms: int) -> None:
        """Remove a key; its connections end.

        Raises:
            Refusal: the key is unknown or has expired.
        """
        if not self.is_valid(key, now_ms):
            raise Refusal(Code.LISTEN_KEY_UNKNOWN)
        del self._expires_ms[key]

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
        self.listen_key = listen_key
        self._opened_ms = opened_ms
        self._idle_since_ms = opened_ms
        self._flowed_ms = opened_ms
        self._channels: set[str] = set()
        self._feeds: dict[str, Feed] = {}
        self.is_refused = False
        """Whether the key has too many connections."""
        self.is_cut = False
        """Whether a fault cuts the connection."""
        self.outbox: deque[str | bytes] = deque(maxlen=_MAX_OUTBOX)
        """Messages to send: control as text, data as bytes. If the client is too slow, the oldest are lost."""

    def receive(self, text: str, now_ms: int, find_market: FindMarket = lambda _: None) -> None:
        """Process a client's message; the answer goes to the outbox."""
        try:
            message = msgspec.json.decode(text, type=_Message)
        except msgspec.DecodeError:
            message = _Message("")
        self._flowed_ms = now_ms
        answer = {"id": 0, "code": 0, "msg": self._answer(message, now_ms, find_market)}
        self.outbox.append(msgspec.json.encode(answer).decode())

    def push(self, event: Event, now_ms: int) -> None:
        """Add an event to the outbox, once for each subscribed channel that shows it."""
        for channel, body in encode(event, now_ms):
            if channel in self._channels:
                self._send(body, now_ms)

    def publish(self, find_market: FindMarket, now_ms: int) -> None:
        """Add the news of the subscribed public channels to the outbox."""
        for feed in self._feeds.values():
            market = find_market(feed.symbol)
            if market is not None and (body := feed.news(market, now_ms)) is not None:
                self._send(body, now_ms)

    def watched(self) -> set[str]:
        """Return the symbols of the subscribed public channels."""
        return {feed.symbol for feed in self._feeds.values()}

    def subscriptions(self) -> list[str]:
        """Return the subscribed channels, private and public, sorted."""
        return sorted([*self._channels, *self._feeds])

    def is_over(self, now_ms: int) -> bool:
        """Return whether the connection must end."""
        is_subscribed = bool(self.subscriptions())
        is_idle = not is_subscribed and now_ms >= self._idle_since_ms + UNSUBSCRIBED_TIMEOUT_MS
        is_silent = now_ms >= self._flowed_ms + SILENCE_TIMEOUT_MS
        has_lost_key = bool(self._channels) and not self._has_key(now_ms)
        is_old = now_ms >= self._opened_ms + CONNECTION_LIFETIME_MS
        return self.is_refused or self.is_cut or is_idle or is_silent or has_lost_key or is_old

    def _send(self, body: bytes, now_ms: int) -> None:
        self._flowed_ms = now_ms
        self.outbox.append(body)

    def _has_key(self, now_ms: int) -> bool:
        return self._keys.is_valid(self.listen_key, now_ms)

    def _answer(self, message: "_Message", now_ms: int, find_market: FindMarket) -> str:
        match message.method.upper():
            case "PING":
                return "PONG"
            case "SUBSCRIPTION" if self._subscribe(message.params, now_ms, find_market):
                return ",".join(message.params)
            case "SUBSCRIPTION":
                return f"Not Subscribed successfully! [{','.join(message.params)}].  Reason\uff1a Blocked! "
            case "UNSUBSCRIPTION":
                self._channels -= set(message.params)
                for name in message.params:
                    self._feeds.pop(name, None)
                self._idle_since_ms = now_ms
                return ",".join(message.params)
        return "msg format invalid"

    def _subscribe(self, names: list[str], now_ms: int, find_market: FindMarket) -> bool:
        """Subscribe to all these channels, or to none; return which."""
        private = CHANNELS.intersection(names)
        public = {name: find_market(symbol_of(name) or "") for name in names if name not in private}
        if private and not self._has_key(now_ms):
            return False
        if len(self._channels | private) + len(self._feeds.keys() | public.keys()) > MAX_SUBSCRIPTIONS:
            return False
        feeds = {name: open_feed(name, market) for name, market in public.items() if market is not None}
        if feeds.keys() != public.keys():
            return False
        self._channels |= private
        self._feeds |= feeds
        return True


class _Message(msgspec.Struct):
    method: str
    params: list[str] = []
