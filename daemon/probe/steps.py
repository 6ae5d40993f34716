"""The steps of the live probe, in order, and the clean-up after them."""

import time
from contextlib import suppress
from http.client import HTTPException
from ssl import SSLError

import msgspec

from daemon.clock import monotonic_us, wall_ms
from daemon.config.probe_results import ProbeResults
from daemon.core.values.decimals import plain
from daemon.core.values.exchange_replies import Advice, Answer, Placed, Refused, Unclear
from daemon.core.values.orders import OrderType
from daemon.core.values.states import RESTING, State
from daemon.exchange.mexc.codes import SERVER_CODES
from daemon.exchange.mexc.preflight import TEST
from daemon.exchange.mexc.replies import envelope
from daemon.exchange.mexc.single_requests import Server, Unanswered
from daemon.probe.idle import IdleConnection
from daemon.probe.probe import CannotProbe, Orders, Report, Sent

TIMEOUT_S, PAUSE_S = 10.0, 0.1
HIDDEN_S = 3.0
"""An ended order that is not shown by its client id within this time counts as hidden."""


class Probe:
    """Probes one exchange."""

    def __init__(self, server: Server, name: str, orders: Orders, report: Report, *, idle_s: float) -> None:
        """Build it; an idle connection is watched for ``idle_s`` seconds at most, 0: not at all."""
        self._idle_s = idle_s
        self._server = server
        self._orders = orders
        self._report = report
        self.results = ProbeResults(exchange=name, symbol=orders.plan.symbol, probed_ms=wall_ms())

    def run(self) -> None:
        """Run every step; :attr:`results` has what was measured, also after an error.

        Raises:
            CannotProbe: an answer made the remaining steps pointless.
            Unanswered: the exchange did not answer.

        """
        idle = self._open_idle()
        first = self._orders.new_id()
        self._probe_test_order()
        self._probe_lag(first)
        self._probe_repeated_open(first)
        self._probe_ended(first)
        self._probe_repeated_ended(first)
        self._probe_refused_id()
        for order_type in (OrderType.IMMEDIATE_OR_CANCEL, OrderType.FILL_OR_KILL):
            self._probe_type(order_type)
        if idle is not None:
            self._probe_idle(idle)

    def clean_up(self) -> list[str]:
        """Cancel every order that may be open; return the ids of those not known to have ended."""
        self._report("cancelling what is left")
        left = [sent for sent in self._orders.sent if not sent.refused]
        ends = _now_s() + TIMEOUT_S
        while True:
            left = [sent for sent in left if not self._has_ended(sent)]
            others = self._cancel_open()
            if (not left and not others) or _now_s() > ends:
                return [sent.exchange_order_id or sent.client_order_id for sent in left] + others
            time.sleep(PAUSE_S * 5)

    # The steps.

    def _probe_test_order(self) -> None:
        plan = self._orders.plan
        if plan.too_little is None:
            return
        self._report("does order/test check the minimum?")
        parameters = [
            ("symbol", plan.symbol), ("side", "BUY"), ("type", "LIMIT"), ("quantity", plain(plan.too_little)),
            ("price", plain(plan.price)),
        ]  # fmt: skip
        answer = self._server.private("POST", TEST, parameters)
        self._report(f"  {answer.said}")
        self._set(test_checks_amount=answer.status != 200)  # noqa: PLR2004  # HTTP's OK

    def _probe_lag(self, client_order_id: str) -> None:
        self._report("how long until a placed order is shown?")
        answer = self._orders.place(client_order_id)
        if not isinstance(answer, Placed):
            raise CannotProbe(f"an ordinary order is not accepted, so nothing can be measured: {answer}")
        self._measure_lag(client_order_id)

    def _measure_lag(self, client_order_id: str) -> None:
        """Take the longest of all lags; one longer than the timeout counts as the timeout."""
        began = _now_s()
        while (state := self._orders.look(by="origClientOrderId", value=client_order_id)) is None:
            if _now_s() > began + TIMEOUT_S:
                break
            time.sleep(PAUSE_S)
        lag_ms = int((_now_s() - began) * 1_000)
        self._set(lookup_lag_ms=max(lag_ms, self.results.lookup_lag_ms or 0))
        self._report(f"  {'shown' if state else 'not shown'} after {lag_ms} ms")

    def _probe_repeated_open(self, client_order_id: str) -> None:
        self._report("is the id of an open order accepted again?")
        accepted = self._is_accepted_again(self._orders.place(client_order_id))
        if accepted is not None:
            self._set(repeated_id_open=accepted)

    def _probe_ended(self, client_order_id: str) -> None:
        self._report("is an order that has ended shown by its client id?")
        for sent in self._orders.sent:
            if sent.exchange_order_id is not None:
                self._orders.cancel(sent.exchange_order_id)
                self._wait_for_end(sent.exchange_order_id)
        ends = _now_s() + HIDDEN_S
        while (state := self._orders.look(by="origClientOrderId", value=client_order_id)) is None:
            if _now_s() > ends:
                break
            time.sleep(PAUSE_S)
        self._set(ended_shown_by_id=state is not None)
        self._report(f"  {'yes' if state else 'no'}")

    def _probe_repeated_ended(self, client_order_id: str) -> None:
        self._report("is the id of an ended order accepted again?")
        accepted = self._is_accepted_again(self._orders.place(client_order_id))
        if accepted is not None:
            self._set(repeated_id_ended=accepted)
        self._end_last()

    def _probe_refused_id(self) -> None:
        too_little = self._orders.plan.too_little
        if too_little is None:
            return
        self._report("is the id of a refused attempt accepted again?")
        client_order_id = self._orders.new_id()
        if not isinstance(self._orders.place(client_order_id, quantity=too_little), Refused):
            self._report("  undecided: an order below the minimum was not refused")
            self._end_last()
            return
        answer = self._orders.place(client_order_id)
        accepted = self._is_accepted_again(answer)
        if accepted is not None:
            self._set(refused_id_reusable=accepted)
        if accepted:
            self._measure_lag(client_order_id)
        self._end_last()

    def _probe_type(self, order_type: OrderType) -> None:
        self._report(f"is {order_type.value} accepted?")
        answer = self._orders.place(self._orders.new_id(), order_type=order_type)
        if isinstance(answer, Refused) and answer.advice is Advice.STOP:
            self._set(refused_types=[*self.results.refused_types, order_type.value])
        self._end_last()

    def _open_idle(self) -> IdleConnection | None:
        if not self._idle_s:
            return None
        try:
            return IdleConnection(self._server.url, self._idle_s)
        except (OSError, HTTPException) as error:
            raise Unanswered(f"{type(error).__name__}: {error}") from None

    def _probe_idle(self, idle: IdleConnection) -> None:
        self._report(f"how long is an idle connection kept? (watched for {self._idle_s:.0f} s at most)")
        closed_s = idle.wait(self._report)
        if closed_s is None:
            self._report(f"  for more than {self._idle_s:.0f} s")
            return
        self._set(idle_closed_s=round(closed_s, 1))
        self._report(f"  closed after {closed_s:.1f} s")

    # Their helpers.

    def _set(self, **found: object) -> None:
        self.results = msgspec.structs.replace(self.results, **found)

    def _is_accepted_again(self, answer: Answer) -> bool | None:
        """Return whether a repeated id was accepted, ``None`` if undecided; record the code that refuses it."""
        if isinstance(answer, Placed):
            return True
        code = _duplicate_code(answer)
        if code is None:
            self._report("  undecided: it was refused for another reason, or not answered")
            return None
        if code not in self.results.duplicate_codes:
            self._set(duplicate_codes=[*self.results.duplicate_codes, code])
        return False

    def _end_last(self) -> None:
        exchange_order_id = self._orders.sent[-1].exchange_order_id
        if exchange_order_id is not None:
            self._orders.cancel(exchange_order_id)

    def _wait_for_end(self, exchange_order_id: str) -> None:
        ends = _now_s() + TIMEOUT_S
        while self._orders.look(by="orderId", value=exchange_order_id) in {None, *RESTING}:
            if _now_s() > ends:
                raise CannotProbe(f"order {exchange_order_id} does not end although its cancel was sent")
            time.sleep(PAUSE_S)

    def _has_ended(self, sent: Sent) -> bool:
        """Cancel an order and return whether it has ended; the caller tries again after a failure."""
        with suppress(Unanswered, SSLError):
            by, value = ("orderId", sent.exchange_order_id) if sent.exchange_order_id else ("", "")
            if not value:
                by, value = "origClientOrderId", sent.client_order_id
            state = self._orders.look(by=by, value=value)
            if state is not None and state not in RESTING:
                with suppress(OSError):  # a full disk must not prevent the cancel
                    self._orders.note("ended", sent, state=state.value)
                if state is not State.CANCELED:
                    self._report(f"  ATTENTION: {value} ended {state.value}: it may have traded")
                return True
            if sent.exchange_order_id:
                self._orders.cancel(sent.exchange_order_id)
            else:
                self._orders.cancel_by_client_id(sent.client_order_id)
        return False

    def _cancel_open(self) -> list[str]:
        """Cancel the open orders that the exchange lists; return their ids."""
        try:
            found = self._orders.open_ones()
            for exchange_order_id in found:
                self._orders.cancel(exchange_order_id)
        except (Unanswered, SSLError) as error:
            return [f"(the list of open orders is not available: {error})"]
        return found


def _now_s() -> float:
    """Return the monotonic clock, in seconds."""
    return monotonic_us() / 1_000_000


def _duplicate_code(answer: Answer) -> int | None:
    """Return the code that refuses the repeated id of an order accepted before; ``None`` if it is another refusal.

    Only refusals of the request itself count: a closed market or too little money says nothing about ids.
    """
    if isinstance(answer, Refused):
        return int(answer.code) if answer.advice is Advice.DEAD_LETTER else None
    if not isinstance(answer, Unclear) or not answer.answered.startswith("HTTP 4"):
        return None
    found = envelope(answer.answered[answer.answered.find("{") :].encode())
    return None if found is None or found.code in SERVER_CODES else found.code
