"""A long answer is decoded when no order is about to leave: its decoding would hold up the thread that writes it."""

import pytest

from daemon.exchange.mexc.requests import LONG_BODY, LONGEST_QUIET_S, QUIET_MS

from .clocks import LoopClock, in_virtual_time
from .scripted import ok, trading
from .wire import answering, serve

PAIRS = [{"symbol": f"A{number}USDT", "baseAsset": f"A{number}", "quoteAsset": "USDT"} for number in range(2_000)]
LONG, SHORT = ok({"symbols": PAIRS}), ok({"symbols": PAIRS[:1]})


@in_virtual_time
@pytest.mark.parametrize(
    ("answer", "instants_ms", "waits_ms"),
    [
        pytest.param(LONG, [], (0, 5), id="no order waits"),
        pytest.param(LONG, [QUIET_MS + 50], (0, 5), id="the instant is not near"),
        pytest.param(LONG, [50], (50, 80), id="an instant is near"),
        pytest.param(LONG, [50, 120], (120, 150), id="another one follows"),
        pytest.param(LONG, list(range(0, 3_000, 50)), (1_000, 1_100), id="there is no end of them"),
        pytest.param(SHORT, [50], (0, 5), id="a short answer"),
    ],
)
async def test_a_long_answer_waits_for_an_instant_that_is_near(
    answer: bytes, instants_ms: list[int], waits_ms: tuple[int, int]
) -> None:
    assert len(LONG) > LONG_BODY > len(SHORT)
    assert waits_ms[1] <= LONGEST_QUIET_S * 1_100
    clock = LoopClock()
    async with serve(answering(answer)) as peer, trading(peer.url, clock) as client:
        began_ms = clock.now_ms()
        for at_ms in instants_ms:
            assert client._requests.pacer.reserve_order_slot(began_ms + at_ms)
        assert await client.load_rules(began_ms)
        least_ms, most_ms = waits_ms
        assert least_ms <= clock.now_ms() - began_ms <= most_ms
