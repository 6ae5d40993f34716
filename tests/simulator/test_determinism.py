"""One seed gives one run: the same requests at the same times give the same replies and the same book."""

import hashlib
import os
import subprocess
import sys
from random import Random

import msgspec

from daemon.simulator.exchange import DelayedRequest
from daemon.simulator.faults import Fault
from tests.simulator.trader import Trader, order

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "MXUSDT")
PRICES = {"BTCUSDT": "95010", "ETHUSDT": "3300.5", "SOLUSDT": "180.02", "MXUSDT": "3.7003"}
FAULTS = [
    Fault("reply_lost", probability=0.1),
    Fault("error_after", probability=0.1),
    Fault("invisible", probability=0.2, delay_ms=2_000),
    Fault("slow_before", probability=0.1, delay_ms=1_000),
]


def run(seed: int) -> str:
    """Trade for a few minutes of the exchange's time, and return a digest of all replies and the book."""
    trader = Trader(seed=seed, faults=FAULTS)
    choices = Random(1)  # noqa: S311 - the client's own choices, the same in every run
    digest = hashlib.sha256()
    for _ in range(80):
        symbol = choices.choice(SYMBOLS)
        side, kind = choices.choice(["BUY", "SELL"]), choices.choice(["LIMIT", "IMMEDIATE_OR_CANCEL", "LIMIT_MAKER"])
        parameters = order(symbol=symbol, side=side, type=kind, price=PRICES[symbol], quantity="1")
        trader.now_ms += choices.randint(0, 1_500)
        answer = trader.exchange.handle(trader.request("POST", "order", **parameters), trader.now_ms)
        if isinstance(answer, DelayedRequest):
            answer = trader.exchange.resume(answer, trader.now_ms + answer.delay_ms)
        digest.update(f"{answer.status} {answer.drop_reply} {answer.body!r}".encode())
    digest.update(msgspec.json.encode(trader.exchange.orders()))
    trader.book.close()
    return digest.hexdigest()


def test_one_seed_gives_one_run_and_another_seed_another() -> None:
    assert run(1) == run(1) != run(2)


def test_a_run_is_the_same_in_another_process() -> None:
    """Another process can iterate over sets in another order."""
    script = "from tests.simulator.test_determinism import run; print(run(1))"
    environment = {**os.environ, "PYTHONHASHSEED": "2"}
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)
    assert shown.stdout.strip() == run(1)
