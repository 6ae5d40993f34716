"""Real processes for tests: the daemon, the simulated exchange, and their clients.

Nothing here shares memory with the tested processes. A test waits for a log event, a state or a response, each with a
deadline; it never sleeps. Every process ends with its test, even if the test fails, and with the test run, even if that
is killed.
"""

import os

from tests.support.child import Child
from tests.support.daemon_process import KEYS, Daemon, Keys
from tests.support.exchange_process import Exchange
from tests.support.stage import Stage
from tests.support.unix_http import Answer, ask
from tests.support.waiting import at_once, eventually, wall_ms

__all__ = [
    "KEYS", "ME", "Answer", "Child", "Daemon", "Exchange", "Keys", "Stage", "ask", "at_once", "eventually", "wall_ms",
]  # fmt: skip

ME = f"uid:{os.getuid()}"
"""The actor that a daemon records for requests of the user who runs the tests."""
