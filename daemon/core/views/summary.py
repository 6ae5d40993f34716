"""The summary: whether all is well, in one sentence with a colour, and the figures that come with it.

The page, ``sniperd status`` and ``sniperd top`` show this. What is worst decides, in this order: trading is halted;
what needs the operator now (lost orders, critical alerts); what needs the operator today (dead letters, warnings) or
is not as it should be; and otherwise all is well. Only a display knows whether it is
connected to the daemon, which comes before all of these.
"""

from collections.abc import Iterator, Sequence

import msgspec

from daemon.core.state.gate import Stage
from daemon.core.state.trading_state import TradingState
from daemon.core.values.decimals import plain
from daemon.core.values.fleet_health import TAKEOVER_MS, FleetHealth, Standing
from daemon.core.values.poller_health import PollerHealth
from daemon.core.values.states import PENDING, RESTING, State, Tone

MAX_NAMED = 2
"""Troubles that the sentence names; the others are counted."""

NEEDS_NOW, NEEDS_TODAY, NEEDS_NOBODY = ": needs you", ": needs you today", ", nothing needs you"

_WORST_FIRST = (Tone.BAD, Tone.WARN, Tone.IDLE)


class Firing(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that fires."""

    name: str
    is_critical: bool
    is_back: bool  # its figure is: it ends once that has lasted for a while
    summary: str


class Circumstances(msgspec.Struct, frozen=True, kw_only=True):
    """What the summary needs to know beside the trading state."""

    halted: str | None  # the reason; a fleet's standby knows it from its copy
    alerts: Sequence[Firing]
    dead_letters: int
    reachable: bool | None  # the exchange answers; None: not tried yet
    unreachable_since_ms: int | None
    wait_until_ms: int  # until when the exchange asked to wait
    clock_wrong: str | None  # what is wrong with the clock, as :func:`clock_steps.disagreement` says
    poller: PollerHealth | None  # None: the bot's targets are not polled
    fleet: FleetHealth | None  # None: this daemon is alone
    is_takeover_late: bool  # no member has owned the account for longer than a takeover takes


class Fact(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What is known of the bot or the exchange: a text, the instant that follows it, and why."""

    text: str
    tone: Tone
    at_ms: int | None = None
    why: str | None = None


class Spending(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What the day's BUYs cost, as ``[guards] max_notional_per_day`` counts them."""

    text: str
    amount: str | None  # null: they are paid in several assets
    limit: str | None  # null: no limit
    asset: str


class Summary(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """Whether all is well. Days are those of UTC."""

    sentence: str
    tone: Tone
    needs_attention: int  # lost and dead orders, orders in doubt for too long, other alerts that fire
    filled_today: int
    open: int  # orders that rest on the exchange
    spending: Spending
    bot: Fact
    exchange: Fact
    last_signal_ms: int | None  # when the last new order was accepted


class _Trouble(msgspec.Struct, frozen=True):
    """Something that is not well."""

    text: str
    tone: Tone
    needs: int = 0  # how many things need the operator
    is_settled: bool = True  # else it is open whether it will need the operator


def summary(state: TradingState, around: Circumstances, now_ms: int) -> Summary:
    """Return whether all is well."""
    troubles = list(_troubles(state, around, now_ms))
    tone = next((tone for tone in _WORST_FIRST if any(each.tone is tone for each in troubles)), Tone.GOOD)
    worst = [each for each in troubles if each.tone is tone]
    tally = state.orders.tally
    return Summary(
        sentence=_capital(_sentence(worst) if worst else _well(state, now_ms)),
        tone=tone,
        needs_attention=sum(each.needs for each in troubles),
        filled_today=tally.filled(now_ms),
        open=_open(state),
        spending=_spending(state, now_ms),
        bot=_bot(tally.accepted_ms, around.poller, now_ms),
        exchange=_exchange(around),
        last_signal_ms=tally.accepted_ms,
    )


def _sentence(worst: Sequence[_Trouble]) -> str:
    texts = list(dict.fromkeys(each.text for each in worst))
    named, more = texts[:MAX_NAMED], len(texts) - MAX_NAMED
    if more > 0:
        named.append(f"{more} more")
    if not any(each.needs for each in worst):
        return "; ".join(named) + (NEEDS_NOBODY if all(each.is_settled for each in worst) else "")
    return "; ".join(named) + (NEEDS_NOW if worst[0].tone is Tone.BAD else NEEDS_TODAY)


def _well(state: TradingState, now_ms: int) -> str:
    waiting = sum(state.orders.counts[each] for each in PENDING)
    counts = {"filled today": state.orders.tally.filled(now_ms), "open": _open(state), "waiting": waiting}
    shown = [f"{count:,} {what}" for what, count in counts.items() if count]
    return f"all well: {', '.join(shown) or 'ready for signals'}{NEEDS_NOBODY}"


def _troubles(state: TradingState, around: Circumstances, now_ms: int) -> Iterator[_Trouble]:
    if around.halted is not None:
        yield _Trouble(f"trading is halted ({around.halted})", Tone.BAD, 1)
    yield from _orders(state, around)
    yield from _alerts(state, around)
    yield from _no_trade(state, around, now_ms)


def _orders(state: TradingState, around: Circumstances) -> Iterator[_Trouble]:
    lost, doubted = state.orders.counts[State.LOST], state.orders.counts[State.IN_DOUBT]
    if lost:
        yield _Trouble(f"{_many(lost)} lost", Tone.BAD, lost)
    if doubted and any(alert.name == "order_in_doubt" for alert in around.alerts):
        yield _Trouble(f"{_many(doubted)} in doubt for too long", Tone.BAD, doubted)
    elif doubted:
        yield _Trouble(f"{_many(doubted)} in doubt, and searched for", Tone.WARN)
    if around.dead_letters:
        yield _Trouble(f"{_many(around.dead_letters)} set aside (dead letters)", Tone.WARN, around.dead_letters)


def _alerts(state: TradingState, around: Circumstances) -> Iterator[_Trouble]:
    """Yield the alerts, without those whose matter is stated already.

    An alert ends a while after its matter, up to half a minute. Its sentence has the present figure, so until then it
    would name a figure that is well as what needs the operator.
    """
    is_over = {
        "trading_halted": around.halted is None,
        "order_lost": not state.orders.counts[State.LOST],
        "order_in_doubt": not state.orders.counts[State.IN_DOUBT],
        "dead_letter": not around.dead_letters,
    }
    if around.clock_wrong is not None and all(alert.name != "clock_wrong" for alert in around.alerts):
        yield _Trouble(around.clock_wrong.partition(":")[0], Tone.BAD, 1)  # its alert fires a little later
    for alert in around.alerts:
        if is_over.get(alert.name, alert.is_back):
            yield _Trouble(f"the alert {alert.name} is about to end", Tone.WARN)
        elif alert.name not in is_over:
            yield _Trouble(_short(alert.summary), Tone.BAD if alert.is_critical else Tone.WARN, 1)


def _no_trade(state: TradingState, around: Circumstances, now_ms: int) -> Iterator[_Trouble]:
    """Yield why nothing is sent at the moment, as long as that does not need the operator."""
    gate = state.gate
    if gate.stage is Stage.STARTING:
        yield _Trouble("starting: what an earlier process left is checked before anything is sent", Tone.WARN)
    elif gate.stage is Stage.STANDBY:
        yield _standing_by(around)
    elif gate.stage is Stage.DRAINING:
        yield _Trouble("stopping: nothing more is sent", Tone.WARN)
    else:
        why = gate.preflight_pending or gate.why_no_turn(state.exchange_time.exchange_ms(now_ms))
        if why is not None:
            yield _Trouble(f"no order is sent yet ({why})", Tone.WARN)
        if state.backoff.why is not None:
            yield _Trouble(f"the exchange refuses orders ({state.backoff.why})", Tone.WARN)
    if around.wait_until_ms > now_ms:
        yield _Trouble("the exchange asked to wait: no order is sent", Tone.WARN)
    if around.reachable is False:
        yield _Trouble("the exchange does not answer", Tone.WARN)
    if around.poller is not None and around.poller.failing_ms:
        yield _Trouble("the bot does not answer as it should", Tone.WARN)


def _standing_by(around: Circumstances) -> _Trouble:
    fleet = around.fleet
    if fleet is None or not fleet.is_owned:
        return _unowned(around, fleet)
    if fleet.standing is Standing.DOOR:
        return _Trouble(f"a door: {fleet.owner} owns the account and trades", Tone.IDLE)
    if fleet.cannot_own is not None:
        return _Trouble(f"standing by, but unable to take over ({fleet.cannot_own})", Tone.WARN)
    return _Trouble(f"standing by: {fleet.owner} owns the account and trades", Tone.IDLE)


def _unowned(around: Circumstances, fleet: FleetHealth | None) -> _Trouble:
    """Say that nobody trades, as far as this member knows: nobody can know yet whether that needs the operator."""
    is_door = fleet is not None and fleet.standing is Standing.DOOR
    is_known = fleet is None or fleet.backend_error is None
    text = f"{'a door' if is_door else 'standing by'}, and " + (
        "no member owns the account: nothing is traded"
        if is_known
        else "the fleet's database does not answer: this member does not know who trades"
    )
    if around.is_takeover_late and all(alert.name != "fleet_no_owner" for alert in around.alerts):
        return _Trouble(text, Tone.BAD, 1)  # another member raises the alert
    if is_known:
        is_due = fleet is not None and (fleet.cannot_own is None or fleet.standbys > 0)
        text += f"; a takeover is due within {TAKEOVER_MS // 1_000} s" if is_due else "; no member could take over yet"
    return _Trouble(text, Tone.WARN, is_settled=False)


def _bot(accepted_ms: int | None, poller: PollerHealth | None, now_ms: int) -> Fact:
    if poller is not None and poller.failing_ms:
        since_ms = now_ms - poller.failing_ms
        return Fact(text="does not answer as it should since", tone=Tone.BAD, at_ms=since_ms, why=poller.error)
    if poller is not None and poller.reachable is None:
        return Fact(text="not polled yet", tone=Tone.IDLE)
    if poller is not None:
        return Fact(text=f"polled, shows {_many(poller.targets, 'target')}; last answer", tone=Tone.GOOD,
                    at_ms=poller.answered_ms)  # fmt: skip
    if accepted_ms is None:
        return Fact(text="no signal yet", tone=Tone.IDLE)
    return Fact(text="last signal", tone=Tone.IDLE, at_ms=accepted_ms)


def _exchange(around: Circumstances) -> Fact:
    if around.reachable is None:
        return Fact(text="not asked yet", tone=Tone.IDLE)
    if around.reachable:
        return Fact(text="answers", tone=Tone.GOOD)
    return Fact(text="does not answer since", tone=Tone.BAD, at_ms=around.unreachable_since_ms)


def _spending(state: TradingState, now_ms: int) -> Spending:
    guards, exposure = state.rules.config.guards, state.orders.exposure
    asset, limit = guards.asset, plain(guards.most_per_day) if guards.most_per_day else None
    if not exposure.is_paid_in(asset, now_ms):
        bound = "no daily limit" if limit is None else f"the daily limit is {limit} {asset}"
        text = f"in several assets, which have no sum; {bound}"
        return Spending(text=text, amount=None, limit=limit, asset=asset)
    amount = plain(exposure.spent(now_ms))
    text = f"{amount} {asset}, no daily limit" if limit is None else f"{amount} of {limit} {asset}"
    if exposure.unpriced(now_ms) is not None:
        text += ", and an order whose worth is not known yet"
    return Spending(text=text, amount=amount, limit=limit, asset=asset)


def _open(state: TradingState) -> int:
    return sum(state.orders.counts[each] for each in RESTING)


def _short(text: str) -> str:
    """Return an alert's first sentence as a part of another: ``orders that …: 2`` becomes ``orders that … (2)``."""
    head, colon, rest = text.partition(". ")[0].partition(": ")
    return f"{head} ({rest})" if colon else head


def _many(count: int, what: str = "order") -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
