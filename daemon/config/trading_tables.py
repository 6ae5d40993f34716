"""The tables that decide what becomes of an order: locks, queue, launch, retry, reconcile, guards.

The rules in :mod:`daemon.core.rules` take these tables as they are.
"""

from decimal import Decimal
from functools import cached_property
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from daemon.config.fields import Asset, AtRestart, Ms, Pair, Quote, Rank, Seconds, Table, exact


class LocksTable(Table, frozen=True):
    """Locks, their leases, and the clean-up of both."""

    timeout_ms: Annotated[int, Meta(ge=100, le=3_600_000)] = 30_000
    """Milliseconds that a lock's lease lasts where the caller does not say; it is the bot's own figure. A lease that
    ends frees its lock, unless an order under it is armed, in flight or in doubt: then it raises an alert."""
    scope: AtRestart[Literal["target", "symbol"]] = "target"
    """What a trade's lock covers. "target": one symbol, side and snipe target, as the bot does. "symbol": one trade per
    symbol at a time, whatever side and target. Locks on disk keep their names, and a lock of one form conflicts with
    those of the other."""
    cleanup_interval_s: Seconds = 300.0
    """Seconds between two clean-ups of finished locks and queue rows: the bot's five minutes. A clean-up makes short
    commits."""
    retention_h: Annotated[float, Meta(gt=0, le=8_760)] = 24.0
    """Hours for which finished locks and queue rows are kept for the bot's dashboard: the bot's own day. Orders,
    attempts and events are kept for longer: see [store] retention_days."""

    @property
    def per_symbol(self) -> bool:
        """Whether a trade's lock covers its symbol, not only its target."""
        return self.scope == "symbol"


class QueueTable(Table, frozen=True):
    """Priorities, deadlines and limits of the queue."""

    buy_priority: Rank = 5
    """A BUY's priority where the signal does not say; 1 is the most urgent. It is the bot's own figure."""
    sell_priority: Rank = 1
    """A SELL's priority where the signal does not say. It must be more urgent than buy_priority: a sell ends a risk, a
    buy starts one."""
    buy_deadline_ms: Ms = 5_000
    """Milliseconds after acceptance, or after executeAt, in which a BUY may still be sent. A snipe is worth something
    in its first seconds only; sent late it buys at the top."""
    sell_deadline_ms: Ms = 60_000
    """Milliseconds after acceptance, or after executeAt, in which a SELL may still be sent. A late sell is better than
    none, but not when the operator has stopped watching."""
    manual_window_ms: Ms = 60_000
    """Milliseconds after its order's end in which an identical SELL without a key, or signal without key and target,
    counts as a repetition: a double click, or a sender's retry. After that it is a new order, such as the next step of
    a ladder."""
    arm_ahead_ms: Annotated[int, Meta(ge=10, le=60_000)] = 500
    """Milliseconds before its executeAt at which an order's attempt is made durable, so that no disk write delays the
    send. Long enough for a slow disk, and short because an armed order is in doubt if the machine fails."""
    max_queued: Annotated[int, Meta(ge=1, le=1_000_000)] = 10_000
    """Orders that may wait in the queue. Beyond that signals are refused at once (409), which is better than a queue
    that is never emptied within its deadlines: at 10 orders per second the default is more than a quarter of an hour.
    Orders that wait for their executeAt count. SELLs are counted among themselves only, so that BUYs never take a
    SELL's place."""
    max_in_flight: Annotated[int, Meta(ge=1, le=10_000)] = 64
    """Requests that may be on their way to the exchange at once, each on a connection of its own. At 10 orders per
    second and a timeout of 5 seconds there can be 50."""
    drain_s: Seconds = 10.0
    """Seconds for which a stopping daemon waits for the answers to requests on their way. The next start searches for
    what is still unanswered, so the wait saves a doubt and never an order. Keep it below the service's
    TimeoutStopSec."""


class LaunchTable(Table, frozen=True):
    """Orders with an executeAt: how they reach the exchange at their instant."""

    lead_ms: Annotated[float, Meta(ge=0, le=1_000)] | Literal["auto"] = "auto"
    """Milliseconds before executeAt, by the exchange's clock, at which an armed order's first byte leaves, so that it
    arrives at executeAt. "auto": the quickest way there that the measurements of the exchange's clock allow, less a
    margin: 1 ms after one measurement, because the exchange cuts its time to milliseconds, and a quarter of it after
    two dozen, which are made in the seconds before an instant; and more where the ways vary. One order in five hundred
    may arrive a moment early; it is refused and goes once more. 0 sends at executeAt, which is late by the way
    there."""
    batch_orders: bool = True
    """Orders of one pair for one instant that order_rate_per_s has no room for leave at the instant all the same, up to
    20 in one request. MEXC documents that it counts such a request once. Set it to false if your account is answered
    with 429 for it: they then leave in the next second. Whatever the rate has room for leaves one by one in any
    case."""
    window_ms: Annotated[int, Meta(ge=0, le=600_000)] = 10_000
    """Milliseconds after executeAt in which an order that the exchange refuses as not open yet is attempted in a steady
    rhythm, as fast as order_rate_per_s allows for all orders of its pair together. A launch that is late is late by
    seconds, or by minutes; the order's deadline usually comes first. After that [retry] applies."""
    sell_share: Annotated[float, Meta(ge=0, le=0.9)] = 0.2
    """The share of order_rate_per_s that attempts before an open leave unused: two of ten orders per second. A SELL
    closes a position, so it must not wait behind BUYs that will be refused anyway; and after the open it lets more
    orders follow the first one at once."""


class RetryTable(Table, frozen=True):
    """Another attempt after a definite refusal, within the order's deadline.

    A definite refusal is "not open yet" or no connection, for example. After an unknown outcome nothing is ever sent
    again.
    """

    first_ms: Ms = 50
    """Milliseconds until the second attempt. At a launch every refusal costs a place in the row, so the first retries
    come fast."""
    factor: Annotated[float, Meta(ge=1, le=10)] = 1.5
    """Factor by which each further wait is longer than the one before: a launch that is late is not worth the whole
    order rate."""
    longest_ms: Ms = 1_000
    """The longest wait between two attempts, in milliseconds: a sniper must not sleep through the open."""
    attempts: Annotated[int, Meta(ge=1, le=10_000)] = 200
    """Attempts per order, at most; after that the order becomes a dead letter for the operator. The deadline nearly
    always comes first: this bounds orders with a long one."""


class ReconcileTable(Table, frozen=True):
    """The search for orders whose outcome is unknown, and the tracking of placed ones."""

    first_ms: Ms = 100
    """Milliseconds until the second query; the first is made at once. MEXC may take some time to show a fresh order."""
    factor: Annotated[float, Meta(ge=1, le=10)] = 2.0
    """Factor by which each further wait is longer than the one before: a fresh query is answered soon, and an old one
    costs little."""
    longest_ms: Ms = 30_000
    """The longest wait between two queries, in milliseconds. A resting order is queried at this pace."""
    grace_ms: Annotated[int, Meta(ge=1_000, le=3_600_000)] = 10_000
    """Milliseconds after recv_window_ms has passed from which "not found" counts as evidence. MEXC's queries lag behind
    its books, by how much is undocumented: ten seconds are the least that is prudent."""
    negatives: Annotated[int, Meta(ge=2, le=100)] = 3
    """Consecutive complete searches without a result, over every source that can show an order, before an order is
    marked `lost` and the operator is alerted. Marking it frees nothing: its key, and a lock that it holds, stay until
    the operator resolves it, or it is found after all."""
    lost_every_ms: Annotated[int, Meta(ge=1_000, le=86_400_000)] = 600_000
    """Milliseconds between two queries for a lost order. They continue until the operator resolves it."""
    startup_s: AtRestart[Seconds] = 10.0
    """Seconds for which a starting daemon searches for what was in flight when it ended, before it accepts signals.
    What is still in doubt then keeps its lock, so the bound serves everything else: the exchange may be down for
    hours."""


class GuardsTable(Table, frozen=True, dict=True):
    """What is refused (409, `guarded`) before it becomes an order.

    Guards protect against buying: only the price band holds up a SELL, and nothing holds up an emergency SELL
    (`skipLock`). Repetitions place nothing and are always answered. A guard that is on and lacks a figure that it needs
    refuses. What was bought today still counts after a restart.
    """

    repeat_window_ms: Annotated[int, Meta(ge=0, le=3_600_000)] = 2_000
    """Milliseconds after a BUY in which another one of the same owner and symbol, but for another target, is refused,
    unless it says allowRepeat. A double click in the bot makes a second target and so a second key, and no user clicks
    twice within two seconds on purpose. 0 is off."""
    max_notional_per_order: Quote = 0.0
    """The most that a single BUY may cost, in units of notional_asset: the bound for a typing error. A market order by
    quantity is judged by the pair's last price, and refused where that price is unavailable. 0 is off."""
    max_notional_per_day: Quote = 0.0
    """The most that the BUYs of a day (UTC) may cost, in units of notional_asset: the bound for a bot out of control.
    Every BUY accepted that day counts with the requested amount, unless it ended without being placed. 0 is off."""
    notional_asset: Asset = "USDT"
    """The asset of the two limits above. While one of them is set, pairs quoted in another asset are not bought: a
    hundred USDT and a hundred BTC have no sum."""
    max_open_buys_per_owner: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    """BUYs of one owner that may be queued, in flight, in doubt or open on the exchange at a time, over all symbols. It
    bounds what a bot can start before the first results are known. 0 is off."""
    allowed_symbols: list[Pair] = msgspec.field(default_factory=list)
    """The only pairs that may be bought. Selling is never restricted, so that a position can always be closed. Empty,
    the default, allows all: a sniper trades pairs that cannot be listed beforehand."""
    forbidden_symbols: list[Pair] = msgspec.field(default_factory=list)
    """Pairs that must not be bought. Selling is not restricted here either: a pair that becomes forbidden while it is
    held must still be sold."""
    price_band_percent: Annotated[float, Meta(ge=0, le=1_000)] = 0.0
    """Percent that a limit price may be worse than the pair's last price, a BUY above it or a SELL below: it catches a
    misplaced decimal point. It costs a request of weight 10 before the order, at most one per second and pair, of
    the 250 in ten seconds that [exchange] weight_per_10s allows. A pair without a last price, as before its first
    trade, is refused: leave it off where you snipe listings. 0 is off."""

    @cached_property
    def most_per_order(self) -> Decimal:
        """``max_notional_per_order``, exactly; 0 is off."""
        return exact(self.max_notional_per_order)

    @cached_property
    def most_per_day(self) -> Decimal:
        """``max_notional_per_day``, exactly; 0 is off."""
        return exact(self.max_notional_per_day)

    @cached_property
    def price_band(self) -> Decimal:
        """``price_band_percent``, exactly; 0 is off."""
        return exact(self.price_band_percent)

    @cached_property
    def asset(self) -> str:
        """``notional_asset`` in upper case."""
        return self.notional_asset.upper()

    @cached_property
    def allowed(self) -> frozenset[str]:
        """``allowed_symbols`` in upper case; empty allows all."""
        return frozenset(pair.upper() for pair in self.allowed_symbols)

    @cached_property
    def forbidden(self) -> frozenset[str]:
        """``forbidden_symbols`` in upper case."""
        return frozenset(pair.upper() for pair in self.forbidden_symbols)

    @property
    def limits_notional(self) -> bool:
        """Whether the cost of a BUY is limited."""
        return bool(self.max_notional_per_order or self.max_notional_per_day)
