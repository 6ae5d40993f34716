"""The negative control: a bot that repeats a request, each time with a fresh id, until one is answered as placed."""

import anyio
import msgspec

from daemon.clock import Clock
from daemon.exchange.mexc.transport import Reply
from tests.launches.cases import PRICE, QUANTITY, SYMBOL, Launch
from tests.simulation.seams import Life, Network
from tests.simulator.trader import HEADERS, signed_query

PAUSE_S = 0.02
TIMEOUT_S = 1.0
GIVES_UP_MS = 5_000
OK = 200


class NaiveBot:
    """Buys at an instant of the machine's clock. Its client order ids begin with the signal's number."""

    def __init__(self, launch: Launch, network: Network, clock: Clock) -> None:
        self._launch = launch
        self._transport = network.transport(Life(is_fragile=False))
        self._clock = clock

    async def run(self) -> None:
        """Buy everything."""
        await self._clock.reach(self._launch.execute_at_ms)
        async with anyio.create_task_group() as tasks:
            for number in range(self._launch.orders):
                tasks.start_soon(self._buy, number)

    async def _buy(self, number: int) -> None:
        tries = 0
        while self._clock.now_ms() < self._launch.execute_at_ms + GIVES_UP_MS:
            tries += 1
            query = signed_query(
                {
                    "symbol": SYMBOL,
                    "side": "BUY",
                    "type": "LIMIT",
                    "price": PRICE,
                    "quantity": QUANTITY,
                    "newClientOrderId": f"{number}-{tries}",
                },
                self._clock.now_ms(),
            )
            headers = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
            request = self._transport.build("POST", f"/api/v3/order?{query}", headers)
            reply = await self._transport.request(request, TIMEOUT_S, repeatable=False)
            if isinstance(reply, Reply) and reply.status == OK and "orderId" in msgspec.json.decode(reply.body):
                return
            await anyio.sleep(PAUSE_S)
