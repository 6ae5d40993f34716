"""Real processes for tests: the daemon, the simulated exchange, and whoever calls them.

Nothing here shares memory with what it tests. A test waits for an event of the log, a state or an answer, each with a
deadline; it never waits for time. Every process is started on a leash: it ends with its test, also when that fails, and
with the test run, also when that is killed.
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
"""How a daemon names whoever runs the tests: the actor of what they ask for."""
