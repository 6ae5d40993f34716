"""What a configuration sets for the poller."""

import msgspec

from daemon.poller.targets import TargetRules

_MOST_DOUBLINGS = 30


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How the bot's targets are read. Times are milliseconds, sizes are bytes."""

    rules: TargetRules
    interval_ms: int
    longest_interval_ms: int
    timeout_ms: int
    body_limit: int
    report_attempts: int

    def wait_ms(self, failures: int) -> int:
        """Return the wait after so many failures: doubled each time, bounded."""
        return min(self.interval_ms << min(failures, _MOST_DOUBLINGS), self.longest_interval_ms)
