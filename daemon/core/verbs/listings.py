"""Listings: the exchange was asked what it shows of the pairs for which orders wait, and the orders follow.

An order moves with the announced open (:mod:`daemon.core.rules.listings`), and its amounts are rounded to its pair's
rules when these appear or change. Rules that refuse the amounts do not end it yet, because they may change until the
open; they do when it is armed (:mod:`daemon.core.verbs.fitting`).
"""

from collections.abc import Mapping
from itertools import islice
from typing import Any

from daemon.core.rules.listings import moved_to
from daemon.core.state.decision import Decision
from daemon.core.values.account import Account
from daemon.core.values.instants import instant_text
from daemon.core.values.listings import Listing
from daemon.core.values.orders import Order
from daemon.core.values.states import WAITING, State
from daemon.core.values.symbols import UNFIT, SymbolRules, amounts_changed, fit_again
from daemon.core.verbs.dispatch import SLICE, disarm
from daemon.core.verbs.fitting import refit
from daemon.core.verbs.rescheduling import move
from daemon.errors import Invalid


def learn(d: Decision, found: Mapping[str, Listing]) -> None:
    """Note what the exchange shows of pairs; :func:`settle` then compares the orders of those that changed."""
    timed, known = d.state.orders.timed, d.state.listings.known
    for symbol in [symbol for symbol in known if symbol not in timed.by_pair]:
        del known[symbol]
    for symbol, listing in found.items():
        before = known.get(symbol)
        known[symbol] = listing
        if before is None or _shown(before) != _shown(listing):
            timed.check(symbol)
            if listing.seen_ms is not None and (before is None or _told(before) != _told(listing)):
                d.record("listing.changed", symbol=symbol, **_told(listing))


def learn_account(d: Decision, account: Account) -> None:
    """Note what the exchange shows of the account."""
    d.state.listings.account = account


def settle(d: Decision) -> bool:
    """Compare a slice of the waiting orders with what is known of their pairs; return whether more are left."""
    timed = d.state.orders.timed
    for order_id in list(islice(timed.unchecked, SLICE)):
        del timed.unchecked[order_id]
        order = d.state.orders[order_id]
        listing = d.state.listings.known.get(order.symbol)
        if listing is not None:
            _follow(d, order, listing)
    return bool(timed.unchecked)


def _told(listing: Listing) -> dict[str, Any]:
    """Return what is recorded of a listing. Its other changes show in the orders."""
    return {
        "shown": listing.rules is not None,
        "tradable": listing.is_tradable,
        "opens_ms": listing.opens_ms,
        "source": None if listing.opens_ms is None else listing.source,
    }


def _shown(listing: Listing) -> tuple[SymbolRules | None, int | None]:
    return listing.rules, listing.calendar_ms


def _follow(d: Decision, order: Order, listing: Listing) -> None:
    to_ms = moved_to(order, listing, d.exchange_ms)
    if to_ms is not None:
        opens = instant_text(listing.opens_ms or to_ms)
        order = move(d, order, to_ms, f"{listing.source} shows that {order.symbol} opens at {opens}")
    waits = order.state in WAITING and order.execute_at_ms is not None and order.execute_at_ms > d.exchange_ms
    if waits and listing.rules is not None:
        _fit(d, order, listing.rules)


def _fit(d: Decision, order: Order, rules: SymbolRules) -> None:
    """Round an order to its pair's rules; an armed one is taken back for that, and armed again."""
    try:
        if order.state is State.ARMED and amounts_changed(order, fit_again(order, rules, d.exchange_ms)):
            order = disarm(d, order, "its amounts are rounded to the pair's new rules")
        if order.state is State.IN_FLIGHT:
            return  # its request has left
        order = refit(d, order, rules)
    except Invalid as refusal:
        reason = f"{UNFIT}{refusal}"
        if order.state is State.QUEUED and order.reason != reason:
            order = d.change(order, reason=reason)
            d.record("order.unfit", order, reason=reason)
        return
    if order.reason is not None and order.reason.startswith(UNFIT):
        d.change(order, reason=None)
