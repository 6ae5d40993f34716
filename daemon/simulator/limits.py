"""How much a client may ask: weights, rates, and the ban for who doesn't listen.

Documented: 300 weight in 10 s per IP address, 500 in 10 s per account; placing and cancelling share 12 requests a
second; two batches a second; a 429 carries `Retry-After`; who goes on after a 429 is banned with 418, from two
minutes to three days, longer each time. MEXC's support names 20 requests a second in all. Unknown: whether each
endpoint has its own window (taken here: one for all, which is stricter) and how many refusals make a ban.

What is counted is what was let in; a refused request costs nothing but counts towards the ban. All of it is
forgotten when the server ends.
"""

from collections import deque
from typing import Literal

import msgspec

from daemon.simulator.errors import Code, Refusal

_FIRST_BAN_MS = 120_000
_LONGEST_BAN_MS = 3 * 86_400_000
_REFUSALS_COUNT_FOR_MS = 60_000

Budget = Literal["", "orders", "batches"]
"""A rate that an endpoint shares with others, beside its weight."""


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is allowed; 0 switches a limit off. The defaults are MEXC's figures."""

    weight_per_ip: int = 300
    """In 10 s."""
    weight_per_account: int = 500
    """In 10 s."""
    orders_per_s: int = 12
    """Requests that place or cancel."""
    batches_per_s: int = 2
    requests_per_s: int = 20
    """Of one IP address, of every kind."""
    ban_after: int = 50
    """Refusals of one IP address within a minute. MEXC's figure is unknown."""


UNLIMITED = Limits(0, 0, 0, 0, 0, 0)


class Banned(Exception):
    """The address is banned; no code of MEXC's table says so, only the status 418 does."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(retry_after_s)
        self.retry_after_s = retry_after_s


class _Window:
    """A sliding window: at most `limit` within `span_ms`."""

    def __init__(self, limit: int, span_ms: int) -> None:
        self._limit = limit
        self._span_ms = span_ms
        self._taken: deque[tuple[int, int]] = deque()
        self._total = 0

    def wait_ms(self, weight: int, now_ms: int) -> int:
        """Return how long until there is room, 0 for now."""
        while self._taken and self._taken[0][0] <= now_ms - self._span_ms:
            self._total -= self._taken.popleft()[1]
        if not self._limit or self._total + weight <= self._limit:
            return 0
        excess = self._total + weight - self._limit
        for taken_ms, taken in self._taken:
            excess -= taken
            if excess <= 0:
                return taken_ms + self._span_ms - now_ms
        return self._span_ms

    def take(self, weight: int, now_ms: int) -> None:
        if self._limit:
            self._taken.append((now_ms, weight))
            self._total += weight


class _Address:
    """What one IP address has used, and how it behaved."""

    def __init__(self, limits: Limits) -> None:
        self.windows = (_Window(limits.weight_per_ip, 10_000), _Window(limits.requests_per_s, 1_000))
        self._ban_after = limits.ban_after
        self._refused_ms: deque[int] = deque(maxlen=limits.ban_after or 1)
        self._banned_until_ms = 0
        self._next_ban_ms = _FIRST_BAN_MS

    def check_ban(self, now_ms: int) -> None:
        if now_ms < self._banned_until_ms:
            raise Banned(_seconds(self._banned_until_ms - now_ms))

    def refused(self, now_ms: int) -> None:
        """Count a refusal; enough of them within a minute make a ban."""
        self._refused_ms.append(now_ms)
        if len(self._refused_ms) == self._ban_after and now_ms - self._refused_ms[0] < _REFUSALS_COUNT_FOR_MS:
            self._refused_ms.clear()
            self._banned_until_ms = now_ms + self._next_ban_ms
            self._next_ban_ms = min(2 * self._next_ban_ms, _LONGEST_BAN_MS)


class RateLimiter:
    """Counts what every address and the account have asked."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._addresses: dict[str, _Address] = {}
        self._account = _Window(limits.weight_per_account, 10_000)
        self._budgets: dict[Budget, _Window] = {
            "orders": _Window(limits.orders_per_s, 1_000),
            "batches": _Window(limits.batches_per_s, 1_000),
        }

    def admit_address(self, remote: str, weight: int, now_ms: int) -> None:
        """Count a request at the gateway.

        Raises:
            Banned: the address goes on after too many refusals.
            Refusal: it asks too much.
        """
        address = self._addresses.get(remote)
        if address is None:
            address = self._addresses[remote] = _Address(self._limits)
        address.check_ban(now_ms)
        by_weight, by_number = address.windows
        self._take(address, [(by_weight, weight), (by_number, 1)], now_ms)

    def admit_account(self, remote: str, weight: int, budget: Budget, now_ms: int) -> None:
        """Count a signed request, once its signature is known to be right.

        Raises:
            Refusal: the account asks too much.
        """
        windows = [(self._account, weight)]
        if budget:
            windows.append((self._budgets[budget], 1))
        self._take(self._addresses[remote], windows, now_ms)

    @staticmethod
    def _take(address: _Address, windows: list[tuple[_Window, int]], now_ms: int) -> None:
        """Take from all windows or from none."""
        wait_ms = max(window.wait_ms(weight, now_ms) for window, weight in windows)
        if wait_ms:
            address.refused(now_ms)
            raise Refusal(Code.TOO_MANY_REQUESTS, retry_after_s=_seconds(wait_ms))
        for window, weight in windows:
            window.take(weight, now_ms)


def _seconds(duration_ms: int) -> int:
    """Round up to whole seconds, as the header wants them."""
    return -(-duration_ms // 1_000)
