"""The calendar of new listings on MEXC's website: when coins open that the API may not show yet.

``GET /api/operation/new_coin_calendar?timestamp=ms`` is undocumented (observed, 2025). It names coins, not pairs; a new
coin opens with a USDT pair. It is only a hint: what the API shows counts more, and a failure is harmless.
"""

from collections.abc import Mapping

import msgspec

from daemon.clock import Clock
from daemon.exchange.mexc.replies import UNREADABLE
from daemon.exchange.mexc.requests import OK
from daemon.exchange.mexc.transport import Reply, Transport

PATH = "/api/operation/new_coin_calendar"
QUOTE = "USDT"
TIMEOUT_S = 5.0
HEADERS = "User-Agent: sniperd\r\n"


class _Coin(msgspec.Struct, rename="camel"):
    vcoin_name: str
    first_open_time: int


class _Coins(msgspec.Struct, rename="camel"):
    new_coins: list[msgspec.Raw]


class _Calendar(msgspec.Struct):
    data: _Coins


_calendar = msgspec.json.Decoder(_Calendar)
_coin = msgspec.json.Decoder(_Coin, strict=False)


class ListingCalendar:
    """Reads the calendar over connections of its own: it is another server than the API."""

    def __init__(self, transport: Transport, clock: Clock) -> None:
        self._transport = transport
        self._clock = clock

    async def opens(self) -> Mapping[str, int] | None:
        """Return when the pairs of coming listings open (Unix ms); ``None`` if the calendar cannot be read."""
        target = f"{PATH}?timestamp={self._clock.now_ms()}"
        request = self._transport.build("GET", target, HEADERS)
        reply = await self._transport.request(request, TIMEOUT_S, repeatable=True)
        return parse(reply.body) if isinstance(reply, Reply) and reply.status == OK else None


def parse(body: bytes) -> Mapping[str, int] | None:
    """Read the calendar; ``None`` if it cannot be read.

    A coin that cannot be read is left out, and so is a name that stands for several coins with different instants.
    """
    try:
        shown = _calendar.decode(body).data.new_coins
    except UNREADABLE:
        return None
    opens: dict[str, set[int]] = {}
    for each in shown:
        try:
            coin = _coin.decode(each)
        except UNREADABLE:
            continue
        opens.setdefault(f"{coin.vcoin_name.upper()}{QUOTE}", set()).add(coin.first_open_time)
    return {pair: min(instants) for pair, instants in opens.items() if len(instants) == 1}
