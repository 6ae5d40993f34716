"""The state of the poller, as it is shown."""

import msgspec

from daemon.core.values.poller_health import PollerHealth


def test_it_is_shown_under_the_names_of_all_views() -> None:
    health = PollerHealth(
        url="http://bot", reachable=False, failing_ms=7, answered_ms=None, targets=0, untold=1, error="HTTP 503"
    )
    assert msgspec.to_builtins(health) == {
        "url": "http://bot",
        "reachable": False,
        "failingMs": 7,
        "answeredMs": None,
        "targets": 0,
        "untold": 1,
        "error": "HTTP 503",
    }
