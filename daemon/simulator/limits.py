"""Rate limits: weights, rates, and the ban of a client that ignores them.

`Limits` names the document of each limit; "General Info", "Market Data Endpoints" and "Spot Account/Trade" are pages of
mexc.com/api-docs/spot-v3. A 429 has `Retry-After`; a client that continues after a 429 is banned with 418, for two
minutes to three days, longer each time (General Info). The FAQ says instead that access resumes after ten minutes; the
fault `rate_limited` with `retry_after_s=0` answers without the header. Unknown: the number of refusals before a ban.

Only admitted requests use weight; a refused request counts towards the ban. The counters are not stored: they end with
the server.
"""

from collections import defaultdict, deque
from collections.abc import Collection
from typing import Literal

import msgspec

from daemon.simulator.errors import Code, Refusal

_FIRST_BAN_MS = 120_000
_LONGEST_BAN_MS = 3 * 86_400_000
_REFUSALS_COUNT_FOR_MS = 60_000

Budget = Literal["orders", "batches", "account", "announcements"]
"""A rate that an endpoint may share with others, in addition to its weight."""


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The limits; 0 disables one. The defaults are MEXC's."""

    weight_per_ip: int = 300
    """In 10 s. General Info in its edition of June 2026; that of September 2025 says 500."""
    weight_per_account: int = 500
    """In 10 s. General Info."""
    orders_per_s: int = 12
    """Requests that place or cancel, together. Spot Account/Trade of 2026, New Order, Batch Orders and Cancel Order: a
    batch counts as one request there. A summary of an announcement of March 2025 says 5 orders a second."""
    batches_per_s: int = 2
    """Spot Account/Trade, Batch Orders, in addition."""
    requests_per_s: int = 20
    """Requests of one IP address to one endpoint. In no document: MEXC's support names it."""
    ban_after: int = 50
    """Refusals of one IP address within a minute. MEXC's number is unknown."""
    account_per_s: int = 2
    """Spot Account/Trade, Account Information."""
    announcements_per_2s: int = 5
    """In no document that is at hand: a client that polls them names it."""
    shared_request_limit: bool = False
    """Whether `requests_per_s` counts the requests to all endpoints together. MEXC's support does not say; the
    documents speak of limits of each endpoint."""
    batch_counts_orders: bool = False
    """Whether each order of a batch counts in `orders_per_s`. No document says so."""
    weight_per_endpoint: bool = False
    """Whether each endpoint has a `weight_per_ip` of its own, as General Info of September 2025 says. Without it all
    share one, which is stricter."""


UNLIMITED = Limits(0, 0, 0, 0, 0, 0, 0, 0)


class Banned(Exception):
    """The address is banned. The reply has the status 418 and no code of MEXC's table."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(retry_after_s)
        self.retry_after_s = retry_after_s


class _Window:
    """A sliding window: a total weight of at most `limit` within `span_ms`."""

    def __init__(self, limit: int, span_ms: int) -> None:
        self._limit = limit
        self._span_ms = span_ms
        self._taken: deque[tuple[int, int]] = deque()
        self._total = 0

    def wait_ms(self, weight: int, now_ms: int) -> int:
        """Return the time until `weight` fits into the window, 0: it fits now."""
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
    """The usage, the refusals and the bans of one IP address."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._weights: defaultdict[str, _Window] = defaultdict(lambda: _Window(limits.weight_per_ip, 10_000))
        self._requests: defaultdict[str, _Window] = defaultdict(lambda: _Window(limits.requests_per_s, 1_000))
        self._ban_after = limits.ban_after
        self._refused_ms: deque[int] = deque(maxlen=limits.ban_after or 1)
        self._banned_until_ms = 0
        self._next_ban_ms = _FIRST_BAN_MS

    def windows(self, endpoint: str) -> tuple[_Window, _Window]:
        """Return the windows of weight and of requests that an endpoint's requests use."""
        limits = self._limits
        weights = self._weights[endpoint if limits.weight_per_endpoint else ""]
        return weights, self._requests["" if limits.shared_request_limit else endpoint]

    def check_ban(self, now_ms: int) -> None:
        if now_ms < self._banned_until_ms:
            raise Banned(_seconds(self._banned_until_ms - now_ms))

    def refused(self, now_ms: int) -> None:
        """Count a refusal; ban the address after `ban_after` refusals within a minute."""
        self._refused_ms.append(now_ms)
        if len(self._refused_ms) == self._ban_after and now_ms - self._refused_ms[0] < _REFUSALS_COUNT_FOR_MS:
            self._refused_ms.clear()
            self._banned_until_ms = now_ms + self._next_ban_ms
            self._next_ban_ms = min(2 * self._next_ban_ms, _LONGEST_BAN_MS)


class RateLimiter:
    """Counts the requests of each address and of the account."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._addresses: dict[str, _Address] = {}
        self._account = _Window(limits.weight_per_account, 10_000)
        self._budgets: dict[Budget, _Window] = {
            "orders": _Window(limits.orders_per_s, 1_000),
            "batches": _Window(limits.batches_per_s, 1_000),
            "account": _Window(limits.account_per_s, 1_000),
            "announcements": _Window(limits.announcements_per_2s, 2_000),
        }

    def admit_address(self, remote: str, endpoint: str, weight: int, now_ms: int) -> None:
        """Count a request at the gateway; `endpoint` is empty for an unknown one.

        Raises:
            Banned: the address is banned.
            Refusal: the address exceeds a limit.
        """
        address = self._addresses.get(remote)
        if address is None:
            address = self._addresses[remote] = _Address(self._limits)
        address.check_ban(now_ms)
        by_weight, by_number = address.windows(endpoint)
        self._take(address, [(by_weight, weight), (by_number, 1)], now_ms)

    def admit_account(
        self, remote: str, weight: int, budgets: Collection[Budget], now_ms: int, *, orders: int = 1
    ) -> None:
        """Count a request by its account and its endpoint's own rates, a signed one after its signature was checked.

        Raises:
            Refusal: the account exceeds a limit.
        """
        windows = [(self._account, weight)]
        for budget in budgets:
            counts_orders = budget == "orders" and self._limits.batch_counts_orders
            windows.append((self._budgets[budget], orders if counts_orders else 1))
        self._take(self._addresses[remote], windows, now_ms)

    @staticmethod
    def _take(address: _Address, windows: list[tuple[_Window, int]], now_ms: int) -> None:
        """Use all windows or, if one has no room, none."""
        wait_ms = max(window.wait_ms(weight, now_ms) for window, weight in windows)
        if wait_ms:
            address.refused(now_ms)
            raise Refusal(Code.TOO_MANY_REQUESTS, retry_after_s=_seconds(wait_ms))
        for window, weight in windows:
            window.take(weight, now_ms)


def _seconds(duration_ms: int) -> int:
    """Round up to whole seconds, the unit of `Retry-After`."""
    return -(-duration_ms // 1_000)
