"""The states of an order: what each one means, and which state follows which event.

::

                      ┌──────────── withdraw, expire ──────────▶ withdrawn │ expired
                      │       arm
    accept ─▶ queued ─┼──────────────▶ armed ──┐ fire
                ▲  ▲  │ send                   ▼
                │  │  └───────────────────▶ in_flight ── place ─▶ open ─▶ partially_filled ─▶ filled
                │  │      defer               │  │  │              └──────▶ canceled │ partially_canceled
                │  └──────────────────────────┘  │  └─ refuse ─▶ rejected │ dead_letter
                │ requeue                        │ doubt
            dead_letter                          ▼
                                              in_doubt ── see ─▶ open │ partially_filled │ filled │ …
                                                 │ lose     ▲
                                                 ▼          │ see (late)
                                                lost ───────┘       rule_out (the operator) ─▶ rejected

Read it for what is *not* there. Nothing leads from ``in_doubt`` or ``lost`` back to ``queued``: after an unknown
outcome nothing is ever sent again by itself. Nothing leads from an unknown outcome or from an order on the exchange to
``expired`` or ``withdrawn``: a clock or a request cannot undo what was sent. Three transitions to ``in_doubt`` are not
drawn: an armed order after a crash; a queued one after a restore (``verbs/restored``); and an open one that the
exchange answered with an id, but that no complete search has ever found.

What the exchange shows is believed over what the daemon concluded: an order report is an event in *every* state that a
request may have reached, ``rejected`` and ``canceled`` included, because MEXC's answers can be behind its books (a
cancel may answer with the state from before it; a fill may be reported after the cancel). The only report that changes
nothing is one older than what is known (:mod:`daemon.core.rules.order_reports`).

**To add a state**: a word in :class:`State`, its row in :data:`MEANINGS`, its transitions in :data:`TRANSITIONS`.
Everything else in the daemon and its page derives from these three. The bot's client imports nothing of the daemon, so
the state gets a line in :data:`daemon.client.shapes.PHASES` too. A database accepts only the states that existed when
it was created: once there is a release, a new state needs a migration (:mod:`daemon.store.schema`).
"""

from enum import Enum, StrEnum, auto
from typing import NamedTuple

from daemon.errors import Impossible


class State(StrEnum):
    """The state of an order, as stored and shown. Five of them are MEXC's own words."""

    QUEUED = "queued"  # durable, waits to be sent
    ARMED = "armed"  # durable as if sent, waits for its instant
    IN_FLIGHT = "in_flight"  # may have been sent; no answer yet
    IN_DOUBT = "in_doubt"  # the outcome is unknown; only an order report or the operator ends it
    OPEN = "open"  # MEXC: NEW
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"  # without a fill
    PARTIALLY_CANCELED = "partially_canceled"  # with fills
    REJECTED = "rejected"  # definitely not executed
    EXPIRED = "expired"  # its deadline passed before it was sent, or sent again
    WITHDRAWN = "withdrawn"  # cancelled before it was sent, or discarded as a dead letter
    LOST = "lost"  # long and complete searches did not find it; still believed if seen
    DEAD_LETTER = "dead_letter"  # definitely not executed, set aside for the operator


class OrderEvent(StrEnum):
    """What can happen to an order."""

    ARM = "arm"  # made durable ahead of its instant
    DISARM = "disarm"  # taken back before its instant (the kill switch); nothing was sent
    SEND = "send"  # passed to the exchange's client, or the instant of an armed order came
    DEFER = "defer"  # refused or not sent, and another attempt may follow
    PLACE = "place"  # the exchange answered with its order id
    REFUSE = "refuse"  # the exchange refused for good
    SET_ASIDE = "set_aside"  # the exchange refused, and the operator must decide
    DOUBT = "doubt"  # the outcome is unknown
    LOSE = "lose"  # long and complete searches did not find it
    RULE_OUT = "rule_out"  # the operator states that it was not placed
    EXPIRE = "expire"
    WITHDRAW = "withdraw"
    REQUEUE = "requeue"  # the operator sends a dead letter back
    SEE_OPEN = "see_open"  # an order report shows that state
    SEE_PARTIALLY_FILLED = "see_partially_filled"
    SEE_FILLED = "see_filled"
    SEE_CANCELED = "see_canceled"
    SEE_PARTIALLY_CANCELED = "see_partially_canceled"


class Phase(StrEnum):
    """Groups of states, as operators see them."""

    QUEUED = "queued"  # nothing was sent
    UNDER_WAY = "under_way"  # an attempt is on disk that has no answer yet
    UNKNOWN = "unknown"  # it may exist on the exchange; only an order report or the operator ends that
    RESTING = "resting"  # on the exchange's book, or about to trade
    ENDED = "ended"  # was on the exchange, and has ended there
    NOT_PLACED = "not_placed"  # nothing was placed: the same signal may become a new order


class SearchPolicy(Enum):
    """How an order is searched for on the exchange (:mod:`daemon.core.rules.reconciliation`)."""

    NONE = auto()
    DOUBT = auto()  # at growing intervals; enough complete searches without a result make it lost
    LOST = auto()  # seldom, for ever
    FOLLOW = auto()  # until it ends
    SUM = auto()  # until the sum of its fills is known; with a known sum the order is finished at once
    CANCELED = auto()  # a few times more, because a fill may be reported after the cancel
    RULED_OUT = auto()  # a few times more, if the operator ruled it out; otherwise the order is finished at once


class Tone(StrEnum):
    """How a state is coloured."""

    IDLE = "idle"
    BUSY = "busy"
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"


class Shown(NamedTuple):
    """How the exchange shows a state."""

    word: str  # MEXC's own
    event: OrderEvent  # the event of a report that shows it
    lateness: int  # of two reports with the same fills, the one with the higher number is newer


class Target(NamedTuple):
    """What the bot reads of its target: ``status`` and ``executionStatus``."""

    status: str
    execution_status: str


class Meaning(NamedTuple):
    """What a state means: one row of :data:`MEANINGS`. Texts are for the operator; "" where there is nothing to say."""

    phase: Phase
    maybe_sent: bool  # a request may have reached the exchange, whatever is believed now
    queue_status: str  # `status` of its row in transaction_queue, the bot's table
    tone: Tone
    search: SearchPolicy = SearchPolicy.NONE
    shown: Shown | None = None  # None: MEXC has no such state
    target: Target | None = None  # None: nothing is reported before the outcome
    bot_unknown: str = ""  # why `POST /api/mexc/trade` answers "unknown" if no fill is known and nothing rests
    needs_operator: bool = False  # listed first, and in bold
    outcome_rank: int | None = None  # an outcome, counted by metrics: its place in the page's bars, from the bottom
    is_failure: bool = False  # counts as failed in the metric of settled orders
    has_age: bool = False  # metrics show the age of the oldest: it should not last, but may
    ahead: str = ""  # what comes next while the order is not finished
    over: str = ""  # the same, once it is finished
    advice: str = ""  # what the operator can do; ID stands for the order's id
    no_cancel: str = "there is nothing to cancel"  # why a cancel is refused, where it is


_NO_ANSWER = "the answer of the exchange is awaited"
_FOLLOWED = "it is followed until filled or cancelled"
_LATE_FILLS = "it is queried again, for fills after the cancel"

# fmt: off
MEANINGS: dict[State, Meaning] = {
    State.QUEUED: Meaning(
        phase=Phase.QUEUED, maybe_sent=False,
        queue_status="pending", tone=Tone.IDLE, has_age=True,
        advice="`sniperd cancel ID` withdraws it",
    ),
    State.ARMED: Meaning(
        phase=Phase.UNDER_WAY, maybe_sent=False,
        queue_status="processing", tone=Tone.BUSY,
        ahead="it fires at its instant",
    ),
    State.IN_FLIGHT: Meaning(
        phase=Phase.UNDER_WAY, maybe_sent=True,
        queue_status="processing", tone=Tone.BUSY, has_age=True,
        bot_unknown=_NO_ANSWER,
        ahead="the exchange's answer is awaited",
        no_cancel="the exchange's answer is awaited; cancel it again in a moment",
    ),
    State.IN_DOUBT: Meaning(
        phase=Phase.UNKNOWN, maybe_sent=True, search=SearchPolicy.DOUBT,
        queue_status="processing", tone=Tone.WARN, needs_operator=True, has_age=True,
        bot_unknown=_NO_ANSWER,
        ahead="it is searched for; a miss means nothing yet",
        advice="wait, and do not send it again under another key; use `sniperd resolve ID` only if you have "
        "seen its outcome on the exchange",
        no_cancel="it may exist on the exchange and is searched for; cancel it again when it is found",
    ),
    State.OPEN: Meaning(
        phase=Phase.RESTING, maybe_sent=True, search=SearchPolicy.FOLLOW,
        shown=Shown("NEW", OrderEvent.SEE_OPEN, lateness=0),
        queue_status="completed", target=Target("executing", "placed"), tone=Tone.BUSY,
        bot_unknown="the exchange accepted it and has not shown it since",
        ahead=_FOLLOWED,
        advice="`sniperd cancel ID` asks the exchange to cancel it",
    ),
    State.PARTIALLY_FILLED: Meaning(
        phase=Phase.RESTING, maybe_sent=True, search=SearchPolicy.FOLLOW,
        shown=Shown("PARTIALLY_FILLED", OrderEvent.SEE_PARTIALLY_FILLED, lateness=0),
        queue_status="completed", target=Target("executing", "partial"), tone=Tone.BUSY,
        bot_unknown="the exchange shows it as partly filled, but not how much of it",
        ahead=_FOLLOWED,
        advice="`sniperd cancel ID` asks the exchange to cancel what is not filled",
    ),
    State.FILLED: Meaning(
        phase=Phase.ENDED, maybe_sent=True, search=SearchPolicy.SUM,
        shown=Shown("FILLED", OrderEvent.SEE_FILLED, lateness=2),
        queue_status="completed", target=Target("completed", "success"), tone=Tone.GOOD, outcome_rank=0,
        bot_unknown="the exchange shows it as filled, but not how much of it",
        ahead="the exchange is queried again for the sum of its fills, which it has not shown yet",
        over="nothing: it is filled",
    ),
    State.CANCELED: Meaning(
        phase=Phase.ENDED, maybe_sent=True, search=SearchPolicy.CANCELED,
        shown=Shown("CANCELED", OrderEvent.SEE_CANCELED, lateness=1),
        queue_status="cancelled", target=Target("cancelled", "failed"), tone=Tone.IDLE, outcome_rank=2,
        ahead=_LATE_FILLS,
        over="nothing: the exchange cancelled it without a fill",
    ),
    State.PARTIALLY_CANCELED: Meaning(
        phase=Phase.ENDED, maybe_sent=True, search=SearchPolicy.CANCELED,
        shown=Shown("PARTIALLY_CANCELED", OrderEvent.SEE_PARTIALLY_CANCELED, lateness=1),
        queue_status="completed", target=Target("completed", "partial"), tone=Tone.IDLE, outcome_rank=1,
        bot_unknown="the exchange shows it as cancelled after fills, but not how much was filled",
        ahead=_LATE_FILLS,
        over="nothing: the exchange cancelled what was not filled",
    ),
    State.REJECTED: Meaning(
        phase=Phase.NOT_PLACED, maybe_sent=True, search=SearchPolicy.RULED_OUT,
        queue_status="failed", target=Target("failed", "failed"), tone=Tone.BAD, outcome_rank=5, is_failure=True,
        ahead="the operator resolved it as not placed; it is searched for a few times more, and a report of it counts",
        over="nothing: it was refused; the same signal may be sent again",
    ),
    State.EXPIRED: Meaning(
        phase=Phase.NOT_PLACED, maybe_sent=False,
        queue_status="failed", target=Target("failed", "failed"), tone=Tone.WARN, outcome_rank=4, is_failure=True,
        over="nothing: its deadline passed before it was sent; the same signal may be sent again",
    ),
    State.WITHDRAWN: Meaning(
        phase=Phase.NOT_PLACED, maybe_sent=False,
        queue_status="cancelled", target=Target("cancelled", "failed"), tone=Tone.IDLE, outcome_rank=3,
        over="nothing: it was withdrawn before it was sent",
    ),
    State.LOST: Meaning(
        phase=Phase.UNKNOWN, maybe_sent=True, search=SearchPolicy.LOST,
        queue_status="processing", target=Target("executing", "unknown"),
        tone=Tone.BAD, needs_operator=True, outcome_rank=7, is_failure=True, has_age=True,
        bot_unknown=_NO_ANSWER,
        ahead="the operator resolves it (`sniperd resolve ID`); until then its lock stays, and searches go on",
        advice="look on the exchange, in open orders, history and trades, for every client order id that begins with "
        "ID-, whatever its number; then resolve it: `sniperd resolve ID --as filled|open|canceled|not-placed "
        "--reason …`",
        no_cancel="it may exist on the exchange, but no search finds it; look there, then run `sniperd resolve`",
    ),
    State.DEAD_LETTER: Meaning(
        phase=Phase.NOT_PLACED, maybe_sent=True,
        queue_status="failed", target=Target("failed", "failed"),
        tone=Tone.BAD, needs_operator=True, outcome_rank=6, is_failure=True,
        over="nothing by itself: you decide, `sniperd requeue ID` or `sniperd cancel ID`",
        advice="`sniperd requeue ID --reason …` sends it back, `sniperd cancel ID` discards it",
    ),
}
"""What each state means."""
# fmt: on


def _in_phase(*phases: Phase) -> frozenset[State]:
    return frozenset(state for state, meaning in MEANINGS.items() if meaning.phase in phases)


REPORT_EVENTS = {state: meaning.shown.event for state, meaning in MEANINGS.items() if meaning.shown is not None}
"""The exchange's states, and the event of a report that shows each."""

MAYBE_SENT = frozenset(state for state, meaning in MEANINGS.items() if meaning.maybe_sent)
"""States in which a request may have reached the exchange, whatever is believed now."""

UNDER_WAY = _in_phase(Phase.UNDER_WAY)
"""States in which an attempt is on disk that has no answer yet."""

WAITING = _in_phase(Phase.QUEUED, Phase.UNDER_WAY) - MAYBE_SENT
"""States in which nothing was sent: the order can be withdrawn."""

OUTCOME_UNKNOWN = _in_phase(Phase.UNKNOWN)
"""States that only an order report or the operator ends."""

RESTING = _in_phase(Phase.RESTING)
"""States in which an order is on the exchange's book, or may trade at once."""

ENDED = _in_phase(Phase.ENDED)
"""States in which an order was on the exchange, and has ended there."""

CANCELLED = frozenset({State.WITHDRAWN, State.CANCELED, State.PARTIALLY_CANCELED})
"""States that a cancel leads to, before or on the exchange."""

KEY_FREE = _in_phase(Phase.NOT_PLACED)
"""States in which nothing was placed, so that the same signal may become a new order."""

PENDING = _in_phase(Phase.QUEUED, Phase.UNDER_WAY) | {
    state for state, meaning in MEANINGS.items() if meaning.search is SearchPolicy.DOUBT
}
"""States whose outcome is still to come; ``lost`` is not among them, because nothing more is expected."""

FINISHED = KEY_FREE | {state for state, meaning in MEANINGS.items() if meaning.search is SearchPolicy.SUM}
"""States in which an order can be finished: at once, or when the sum of its fills is known. A cancelled order is
finished once it was seen again."""

SEARCHED = frozenset(state for state, meaning in MEANINGS.items() if meaning.search is not SearchPolicy.NONE)
"""States in which an order is searched for, until it is finished."""

OUTCOMES = tuple(
    sorted(
        (state for state, meaning in MEANINGS.items() if meaning.outcome_rank is not None),
        key=lambda state: MEANINGS[state].outcome_rank or 0,
    )
)
"""How an order can end, or be given up, in the order in which the page stacks them."""

TRANSITIONS: dict[State, dict[OrderEvent, State]] = {state: {} for state in State} | {
    State.QUEUED: {
        OrderEvent.ARM: State.ARMED,
        OrderEvent.SEND: State.IN_FLIGHT,
        OrderEvent.EXPIRE: State.EXPIRED,
        OrderEvent.WITHDRAW: State.WITHDRAWN,
        OrderEvent.DOUBT: State.IN_DOUBT,
        OrderEvent.SET_ASIDE: State.DEAD_LETTER,  # the rules of its pair, which was not listed before, refuse it
    },
    State.ARMED: {
        OrderEvent.SEND: State.IN_FLIGHT,
        OrderEvent.DISARM: State.QUEUED,
        OrderEvent.EXPIRE: State.EXPIRED,
        OrderEvent.WITHDRAW: State.WITHDRAWN,
        OrderEvent.DOUBT: State.IN_DOUBT,
    },
    State.IN_FLIGHT: {
        OrderEvent.PLACE: State.OPEN,
        OrderEvent.DEFER: State.QUEUED,
        OrderEvent.REFUSE: State.REJECTED,
        OrderEvent.SET_ASIDE: State.DEAD_LETTER,
        OrderEvent.DOUBT: State.IN_DOUBT,
    },
    State.IN_DOUBT: {OrderEvent.LOSE: State.LOST, OrderEvent.RULE_OUT: State.REJECTED},
    State.LOST: {OrderEvent.RULE_OUT: State.REJECTED},
    State.DEAD_LETTER: {OrderEvent.REQUEUE: State.QUEUED, OrderEvent.WITHDRAW: State.WITHDRAWN},
    State.OPEN: {OrderEvent.DOUBT: State.IN_DOUBT},  # the exchange answered that it was placed, and has never shown it
}
"""Which state follows which event. An event that is not listed under a state is impossible there."""

for _state in MAYBE_SENT:
    TRANSITIONS[_state].update({event: seen for seen, event in REPORT_EVENTS.items()})

WITHDRAWABLE = frozenset(state for state, events in TRANSITIONS.items() if OrderEvent.WITHDRAW in events)
"""States in which a cancel needs no request to the exchange."""


def after(state: State, event: OrderEvent) -> State:
    """Return the state that follows.

    Raises:
        Impossible: the table has no such transition; nothing was changed.

    """
    try:
        return TRANSITIONS[state][event]
    except KeyError:
        raise Impossible(f"{event.value} is impossible for an order that is {state.value}") from None
