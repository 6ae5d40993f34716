"""The summary: the first line of the page and of ``sniperd status``."""

import itertools
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from daemon.config.tables import AlertsTable
from daemon.core.rules.exposure import DAY_MS
from daemon.core.state.gate import Stage
from daemon.core.values.fleet_health import FleetHealth, Standing
from daemon.core.values.poller_health import PollerHealth
from daemon.core.values.states import State, Tone
from daemon.core.verbs.clock_steps import FAR_MS, disagreement
from daemon.core.views.summary import Circumstances, Fact, Firing, Summary, summary
from daemon.monitoring.alert_rules import rules as alert_rules
from daemon.monitoring.alerts import Alert, AlertState
from tests.core.bench import Bench
from tests.core.making import NOON_MS, an_id, order, placed, query, report, request, rules, unclear
from tests.support.fleets import some_fleet

MIDNIGHT_MS = (NOON_MS // DAY_MS + 1) * DAY_MS

_numbers = itertools.count(100)

NOBODY = ", nothing needs you"
UNOWNED = "Standing by, and no member owns the account: nothing is traded"
SILENT = "the fleet's database does not answer"


@pytest.fixture
def bench() -> Bench:
    return Bench()


def said(bench: Bench, **around: Any) -> Summary:
    calm: dict[str, Any] = {
        "halted": None, "alerts": [], "dead_letters": 0, "reachable": True, "unreachable_since_ms": None,
        "wait_until_ms": 0, "clock_wrong": None, "poller": None, "fleet": None,
        "is_takeover_late": False,
    }  # fmt: skip
    return summary(bench.state, Circumstances(**(calm | around)), bench.now_ms)


def line(bench: Bench, **around: Any) -> tuple[Tone, str]:
    found = said(bench, **around)
    return found.tone, found.sentence


def firing(name: str, value: float = 1, *, is_back: bool = False) -> Firing:
    """Return an alert of one of the daemon's rules."""
    [rule] = [rule for rule in alert_rules(AlertsTable()) if rule.name == name]
    alert = Alert(rule=rule, state=AlertState.FIRING, since_ms=NOON_MS, value=value)
    is_critical = rule.severity.value == "critical"
    return Firing(name=name, is_critical=is_critical, is_back=is_back, summary=alert.summary)


def poller(**changes: Any) -> PollerHealth:
    given: dict[str, Any] = {
        "url": "http://bot", "reachable": True, "failing_ms": 0, "answered_ms": NOON_MS - 1_000, "targets": 3,
        "untold": 0, "error": None,
    }  # fmt: skip
    return PollerHealth(**(given | changes))


def has(bench: Bench, state: State, count: int = 1) -> None:
    """Put orders of a state into the trading state."""
    for number in itertools.islice(_numbers, count):
        bench.state.orders.keep(order(state, order_id=an_id(number), seq=number, key=f"key-{number}"))


def fill(bench: Bench, symbol: str = "FOOUSDT") -> None:
    bench.submit(symbol=symbol)
    sent = bench.send_next(placed())
    bench.query(sent, query(report(State.FILLED, "1")))


# All is well.


def test_without_orders_all_is_well(bench: Bench) -> None:
    assert line(bench) == (Tone.GOOD, "All well: ready for signals, nothing needs you")


def test_the_sentence_counts_what_was_filled_today_what_is_open_and_what_waits(bench: Bench) -> None:
    for symbol in ("AAUSDT", "BBUSDT"):
        fill(bench, symbol)
    has(bench, State.OPEN, 2)
    has(bench, State.PARTIALLY_FILLED)
    has(bench, State.QUEUED)
    found = said(bench)
    assert found.sentence == "All well: 2 filled today, 3 open, 1 waiting, nothing needs you"
    assert (found.filled_today, found.open, found.needs_attention, found.last_signal_ms) == (2, 3, 0, NOON_MS)


def test_a_fill_is_counted_once_on_its_day_and_after_a_start(bench: Bench) -> None:
    fill(bench)
    bench.settle()
    assert said(bench).filled_today == 1
    bench.crash()
    bench.open()
    found = said(bench)
    assert (found.filled_today, found.last_signal_ms) == (1, NOON_MS)
    bench.pass_time(MIDNIGHT_MS - bench.now_ms)
    assert said(bench).filled_today == 0
    fill(bench, "BARUSDT")
    assert said(bench).filled_today == 1


def test_a_batch_is_the_last_signal(bench: Bench) -> None:
    bench.submit()
    bench.pass_time(1_000)
    bench.submit_all([request(symbol="AAUSDT"), request(symbol="BBUSDT")])
    assert said(bench).last_signal_ms == NOON_MS + 1_000


# What is not well, in the order of precedence.


def test_a_lost_order_needs_the_operator(bench: Bench) -> None:
    has(bench, State.LOST)
    assert line(bench) == (Tone.BAD, "1 order lost: needs you")
    assert said(bench).needs_attention == 1
    assert line(bench, alerts=[firing("order_lost")]) == (Tone.BAD, "1 order lost: needs you")


def test_a_halt_comes_before_everything_else(bench: Bench) -> None:
    has(bench, State.LOST, 2)
    found = said(bench, halted="a rehearsal", alerts=[firing("trading_halted"), firing("order_lost", 2)])
    assert (found.tone, found.sentence) == (Tone.BAD, "Trading is halted (a rehearsal); 2 orders lost: needs you")
    assert found.needs_attention == 3


def test_an_order_in_doubt_needs_nobody_until_its_alert_fires(bench: Bench) -> None:
    has(bench, State.IN_DOUBT)
    assert line(bench) == (Tone.WARN, "1 order in doubt, and searched for, nothing needs you")
    assert said(bench).needs_attention == 0
    late = said(bench, alerts=[firing("order_in_doubt")])
    assert (late.tone, late.sentence) == (Tone.BAD, "1 order in doubt for too long: needs you")
    assert late.needs_attention == 1


def test_dead_letters_and_warnings_need_the_operator_today(bench: Bench) -> None:
    found = said(bench, dead_letters=2, alerts=[firing("dead_letter", 2), firing("queue_depth", 1_200)])
    assert found.tone is Tone.WARN
    assert found.sentence == (
        "2 orders set aside (dead letters); 1200 orders and callers wait for their turn: needs you today"
    )
    assert found.needs_attention == 3


def test_a_critical_alert_is_named_and_warnings_are_not_beside_it(bench: Bench) -> None:
    alerts = [firing("exchange_unreachable"), firing("queue_depth", 1_200)]
    assert line(bench, alerts=alerts, reachable=False) == (Tone.BAD, "The exchange does not answer: needs you")
    assert line(bench, alerts=[firing("armed_not_ready", 2)]) == (
        Tone.BAD,
        "Orders whose instant is near are not ready (2): needs you",
    )


def test_the_sentence_names_two_troubles_and_counts_the_others(bench: Bench) -> None:
    has(bench, State.LOST)
    alerts = [firing("order_seen_late"), firing("exchange_unreachable"), firing("disk_low", 40)]
    found = said(bench, alerts=alerts)
    assert found.sentence == (
        "1 order lost; orders that counted as not placed but exist on the exchange (1); 2 more: needs you"
    )
    assert found.needs_attention == 4


@pytest.mark.parametrize("name", ["order_lost", "order_in_doubt", "dead_letter", "trading_halted"])
def test_an_alert_that_still_fires_is_never_all_well(bench: Bench, name: str) -> None:
    expected = f"The alert {name} is about to end, nothing needs you"
    assert line(bench, alerts=[firing(name, 0)]) == (Tone.WARN, expected)


@pytest.mark.parametrize("name", ["fleet_no_standby", "exchange_unreachable"])
def test_an_alert_whose_figure_is_back_needs_nobody_while_it_waits_for_its_end(bench: Bench, name: str) -> None:
    found = said(bench, alerts=[firing(name, is_back=True)])
    expected = f"The alert {name} is about to end, nothing needs you"
    assert (found.tone, found.sentence, found.needs_attention) == (Tone.WARN, expected, 0)


def test_lost_orders_need_the_operator_also_when_their_alert_has_not_seen_them_yet(bench: Bench) -> None:
    has(bench, State.LOST)
    assert line(bench, alerts=[firing("order_lost", 0, is_back=True)]) == (Tone.BAD, "1 order lost: needs you")


def test_every_alert_that_fires_alone_keeps_the_tone_from_good(bench: Bench) -> None:
    for rule in alert_rules(AlertsTable()):
        tone, sentence = line(bench, alerts=[firing(rule.name)])
        assert tone in {Tone.WARN, Tone.BAD}, rule.name
        assert sentence[0].isupper() or not sentence[0].isalpha()


# Why nothing is sent, while nobody is needed.


def test_each_stage_but_ready_is_named(bench: Bench) -> None:
    bench.state.gate.stage = Stage.STARTING
    assert line(bench)[1].startswith("Starting: what an earlier process left is checked")
    bench.drain()
    assert line(bench) == (Tone.WARN, "Stopping: nothing more is sent, nothing needs you")


@pytest.mark.parametrize(
    ("fleet", "tone", "expected"),
    [
        (some_fleet(), Tone.IDLE, "Standing by: tokyo-1 owns the account and trades, nothing needs you"),
        (
            some_fleet(cannot_own="its copy is behind"),
            Tone.WARN,
            "Standing by, but unable to take over (its copy is behind), nothing needs you",
        ),
        (
            some_fleet(standing=Standing.DOOR, cannot_own="it is a door"),
            Tone.IDLE,
            "A door: tokyo-1 owns the account and trades, nothing needs you",
        ),
        (some_fleet(owner=None), Tone.WARN, f"{UNOWNED}; a takeover is due within 10 s"),
        (some_fleet(owner=None, members=[]), Tone.WARN, f"{UNOWNED}; a takeover is due within 10 s"),
        (
            some_fleet(owner=None, cannot_own="its copy is behind"),
            Tone.WARN,
            f"{UNOWNED}; a takeover is due within 10 s",
        ),
        (
            some_fleet(owner=None, cannot_own="its copy is behind", members=[]),
            Tone.WARN,
            f"{UNOWNED}; no member could take over yet",
        ),
        (
            some_fleet(owner=None, standing=Standing.DOOR, cannot_own="it is a door"),
            Tone.WARN,
            "A door, and no member owns the account: nothing is traded; a takeover is due within 10 s",
        ),
        (
            some_fleet(owner=None, cannot_own=SILENT, backend_error="no answer in time"),
            Tone.WARN,
            "Standing by, and the fleet's database does not answer: this member does not know who trades",
        ),
        (None, Tone.WARN, f"{UNOWNED}; no member could take over yet"),
    ],
)
def test_a_standby_names_the_owner_or_what_comes_next(
    bench: Bench, fleet: FleetHealth | None, tone: Tone, expected: str
) -> None:
    bench.state.gate.stand_by()
    assert line(bench, fleet=fleet) == (tone, expected)
    assert line(bench, fleet=fleet, dead_letters=1)[0] is Tone.WARN


@pytest.mark.parametrize(
    ("fleet", "expected"),
    [
        (some_fleet(owner=None), f"{UNOWNED}: needs you"),
        (
            some_fleet(owner=None, backend_error="no answer in time"),
            "Standing by, and the fleet's database does not answer: this member does not know who trades: needs you",
        ),
    ],
)
def test_no_owner_for_longer_than_a_takeover_takes_needs_the_operator_at_every_member(
    bench: Bench, fleet: FleetHealth, expected: str
) -> None:
    """One member raises the alert. The others state it, too."""
    bench.state.gate.stand_by()
    found = said(bench, fleet=fleet, is_takeover_late=True)
    assert (found.tone, found.sentence, found.needs_attention) == (Tone.BAD, expected, 1)
    found = said(bench, fleet=fleet, is_takeover_late=True, alerts=[firing("fleet_no_owner")])
    assert (found.tone, found.needs_attention) == (Tone.BAD, 1)
    assert found.sentence.startswith("No member of the fleet owns the account")


def test_a_takeover_that_came_is_not_late(bench: Bench) -> None:
    """The alert is judged once a second."""
    bench.state.gate.stand_by()
    assert line(bench, fleet=some_fleet(), is_takeover_late=True)[0] is Tone.IDLE


def _preflight(bench: Bench) -> None:
    bench.state.gate.preflight_pending = "the key is not checked yet"


def _check(bench: Bench) -> None:
    bench.state.gate.check_pending = True


def _backoff(bench: Bench) -> None:
    bench.state.backoff.shut("HTTP 503", "a-1", bench.now_ms, first_ms=500)


@pytest.mark.parametrize(
    ("happens", "around", "expected"),
    [
        (_preflight, {}, "No order is sent yet (the key is not checked yet), nothing needs you"),
        (_check, {}, "No order is sent yet (the database is being checked, which a start does before anything is sent"),
        (_backoff, {}, "The exchange refuses orders (HTTP 503), nothing needs you"),
        (None, {"wait_until_ms": NOON_MS + 1}, "The exchange asked to wait: no order is sent, nothing needs you"),
        (None, {"reachable": False}, "The exchange does not answer, nothing needs you"),
        (None, {"poller": poller(failing_ms=1)}, "The bot does not answer as it should, nothing needs you"),
    ],
)
def test_what_keeps_orders_or_signals_back_is_a_warning(
    bench: Bench, happens: Callable[[Bench], None] | None, around: dict[str, Any], expected: str
) -> None:
    if happens is not None:
        happens(bench)
    tone, sentence = line(bench, **around)
    assert tone is Tone.WARN
    assert sentence.startswith(expected)


# The facts beside the sentence.


def test_the_exchange_answers_or_does_not_since(bench: Bench) -> None:
    assert said(bench, reachable=None).exchange == Fact(text="not asked yet", tone=Tone.IDLE)
    assert said(bench).exchange == Fact(text="answers", tone=Tone.GOOD)
    silent = said(bench, reachable=False, unreachable_since_ms=NOON_MS - 7).exchange
    assert silent == Fact(text="does not answer since", tone=Tone.BAD, at_ms=NOON_MS - 7)


def test_the_bot_is_known_by_its_last_signal_or_by_its_polls(bench: Bench) -> None:
    assert said(bench).bot == Fact(text="no signal yet", tone=Tone.IDLE)
    bench.submit()
    assert said(bench).bot == Fact(text="last signal", tone=Tone.IDLE, at_ms=NOON_MS)
    assert said(bench, poller=poller(reachable=None)).bot == Fact(text="not polled yet", tone=Tone.IDLE)
    polled = Fact(text="polled, shows 1 target; last answer", tone=Tone.GOOD, at_ms=NOON_MS - 1_000)
    assert said(bench, poller=poller(targets=1)).bot == polled
    failing = said(bench, poller=poller(reachable=False, failing_ms=9, error="HTTP 503")).bot
    assert failing == Fact(text="does not answer as it should since", tone=Tone.BAD, at_ms=NOON_MS - 9, why="HTTP 503")


def test_the_spending_is_what_the_daily_limit_counts() -> None:
    limited = Bench(rules(guards={"max_notional_per_day": 500.0}))
    limited.submit(quote_order_qty=Decimal("25.50"))
    found = said(limited).spending
    assert (found.text, found.amount, found.limit, found.asset) == ("25.5 of 500 USDT", "25.5", "500", "USDT")
    limited.pass_time(MIDNIGHT_MS - limited.now_ms)
    assert said(limited).spending.text == "0 of 500 USDT"


def test_spending_without_a_limit_or_in_several_assets_says_so(bench: Bench) -> None:
    bench.submit(quote_order_qty=Decimal(25))
    assert said(bench).spending.text == "25 USDT, no daily limit"
    bench.submit(symbol="FOOUSDT", quantity=Decimal(1))
    assert said(bench).spending.text == "25 USDT, no daily limit, and an order whose worth is not known yet"
    bench.submit(symbol="ETHBTC")
    found = said(bench).spending
    assert (found.text, found.amount) == ("in several assets, which have no sum; no daily limit", None)
    bench.state.set_rules(rules(guards={"max_notional_per_day": 500.0}))
    assert said(bench).spending.text == "in several assets, which have no sum; the daily limit is 500 USDT"


def test_assets_are_known_after_a_start_too(bench: Bench) -> None:
    bench.submit(symbol="ETHBTC")
    sent = bench.send_next(unclear())
    bench.query(sent, query(report(State.FILLED, "1")))
    bench.settle()
    bench.crash()
    bench.open()
    assert said(bench).spending.amount is None


def test_a_wrong_clock_is_not_well_before_its_alert_fires(bench: Bench) -> None:
    wrong = disagreement(FAR_MS + 4_000)
    assert line(bench, clock_wrong=wrong) == (Tone.BAD, "The daemon's clock is 64 s behind the exchange's: needs you")
    found = said(bench, clock_wrong=wrong, alerts=[firing("clock_wrong", FAR_MS + 4_000)])
    assert found.sentence.startswith("This machine's clock and the exchange's differ by 64000 ms")
    assert found.needs_attention == 1
