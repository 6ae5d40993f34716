"""The live probe's questions, in the order in which they are asked, and the clean-up behind them."""

import time
from contextlib import suppress
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
from daemon.probe.probe import CannotProbe, Orders, Sent, Tell

TIMEOUT_S, PAUSE_S = 10.0, 0.1
HIDDEN_S = 3.0
"""An ended order that is not shown by its client id for so long is taken as hidden."""


class Probe:
    """Asks one exchange."""

    def __init__(self, server: Server, name: str, orders: Orders, tell: Tell) -> None:
        self._server = server
        self._orders = orders
        self._tell = tell
        self.results = ProbeResults(exchange=name, symbol=orders.plan.symbol, probed_ms=wall_ms())

    def run(self) -> None:
        """Ask everything; what was found out until it ended is in :attr:`results`.

        Raises:
            CannotProbe: an answer made going on senseless.
            Unanswered: the exchange did not answer.

        """
        first = self._orders.new_id()
        self._ask_test()
        self._ask_lag(first)
        self._ask_repeated_open(first)
        self._ask_ended(first)
        self._ask_repeated_ended(first)
        self._ask_refused_id()
        for order_type in (OrderType.IMMEDIATE_OR_CANCEL, OrderType.FILL_OR_KILL):
            self._ask_type(order_type)

    def clean_up(self) -> list[str]:
        """Cancel everything that is or may be open; return what could not be seen to have ended."""
        self._tell("cancelling what is left")
        left = [sent for sent in self._orders.sent if not sent.refused]
        ends = _now_s() + TIMEOUT_S
        while True:
            left = [sent for sent in left if not self._has_ended(sent)]
            others = self._cancel_open()
            if (not left and not others) or _now_s() > ends:
                return [sent.exchange_order_id or sent.client_order_id for sent in left] + others
            time.sleep(PAUSE_S * 5)

    # The questions.

    def _ask_test(self) -> None:
        plan = self._orders.plan
        if plan.too_little is None:
            return
        self._tell("does order/test check the minimum?")
        parameters = [
            ("symbol", plan.symbol), ("side", "BUY"), ("type", "LIMIT"), ("quantity", plain(plan.too_little)),
            ("price", plain(plan.price)),
        ]  # fmt: skip
        answer = self._server.private("POST", TEST, parameters)
        self._tell(f"  {answer.said}")
        self._learn(test_checks_amount=answer.status != 200)  # noqa: PLR2004  # HTTP's own

    def _ask_lag(self, client_order_id: str) -> None:
        self._tell("how long until a placed order is shown?")
        answer = self._orders.place(client_order_id)
        if not isinstance(answer, Placed):
            raise CannotProbe(f"an ordinary order is not taken, so nothing can be asked: {answer}")
        self._measure_lag(client_order_id)

    def _measure_lag(self, client_order_id: str) -> None:
        """Take the longest of all lags; one longer than the timeout counts as the timeout."""
        began = _now_s()
        while (state := self._orders.look(by="origClientOrderId", value=client_order_id)) is None:
            if _now_s() > began + TIMEOUT_S:
                break
            time.sleep(PAUSE_S)
        lag_ms = int((_now_s() - began) * 1_000)
        self._learn(lookup_lag_ms=max(lag_ms, self.results.lookup_lag_ms or 0))
        self._tell(f"  {'shown' if state else 'not shown'} after {lag_ms} ms")

    def _ask_repeated_open(self, client_order_id: str) -> None:
        self._tell("is the id of an open order taken again?")
        taken = self._is_taken_again(self._orders.place(client_order_id))
        if taken is not None:
            self._learn(repeated_id_open=taken)

    def _ask_ended(self, client_order_id: str) -> None:
        self._tell("is an order that has ended shown by its client id?")
        for sent in self._orders.sent:
            if sent.exchange_order_id is not None:
                self._orders.cancel(sent.exchange_order_id)
                self._wait_for_end(sent.exchange_order_id)
        ends = _now_s() + HIDDEN_S
        while (state := self._orders.look(by="origClientOrderId", value=client_order_id)) is None:
            if _now_s() > ends:
                break
            time.sleep(PAUSE_S)
        self._learn(ended_shown_by_id=state is not None)
        self._tell(f"  {'yes' if state else 'no'}")

    def _ask_repeated_ended(self, client_order_id: str) -> None:
        self._tell("is the id of an ended order taken again?")
        taken = self._is_taken_again(self._orders.place(client_order_id))
        if taken is not None:
            self._learn(repeated_id_ended=taken)
        self._end_last()

    def _ask_refused_id(self) -> None:
        too_little = self._orders.plan.too_little
        if too_little is None:
            return
        self._tell("is the id of a refused attempt taken again?")
        client_order_id = self._orders.new_id()
        if not isinstance(self._orders.place(client_order_id, quantity=too_little), Refused):
            self._tell("  not settled: what is below the minimum was not refused")
            self._end_last()
            return
        answer = self._orders.place(client_order_id)
        taken = self._is_taken_again(answer)
        if taken is not None:
            self._learn(refused_id_reusable=taken)
        if taken:
            self._measure_lag(client_order_id)
        self._end_last()

    def _ask_type(self, order_type: OrderType) -> None:
        self._tell(f"is {order_type.value} taken?")
        answer = self._orders.place(self._orders.new_id(), order_type=order_type)
        if isinstance(answer, Refused) and answer.advice is Advice.STOP:
            self._learn(refused_types=[*self.results.refused_types, order_type.value])
        self._end_last()

    # What they need.

    def _learn(self, **found: object) -> None:
        self.results = msgspec.structs.replace(self.results, **found)

    def _is_taken_again(self, answer: Answer) -> bool | None:
        """Read the answer to a repeated id; a code that refuses it is learnt."""
        if isinstance(answer, Placed):
            return True
        code = _code_against_it(answer)
        if code is None:
            self._tell("  not settled: it was refused for another reason, or not answered")
            return None
        if code not in self.results.duplicate_codes:
            self._learn(duplicate_codes=[*self.results.duplicate_codes, code])
        return False

    def _end_last(self) -> None:
        exchange_order_id = self._orders.sent[-1].exchange_order_id
        if exchange_order_id is not None:
            self._orders.cancel(exchange_order_id)

    def _wait_for_end(self, exchange_order_id: str) -> None:
        ends = _now_s() + TIMEOUT_S
        while self._orders.look(by="orderId", value=exchange_order_id) in {None, *RESTING}:
            if _now_s() > ends:
                raise CannotProbe(f"order {exchange_order_id} does not end though its cancel was asked for")
            time.sleep(PAUSE_S)

    def _has_ended(self, sent: Sent) -> bool:
        """Cancel an order and look what became of it; failures are tried again."""
        with suppress(Unanswered, SSLError):
            by, value = ("orderId", sent.exchange_order_id) if sent.exchange_order_id else ("", "")
            if not value:
                by, value = "origClientOrderId", sent.client_order_id
            state = self._orders.look(by=by, value=value)
            if state is not None and state not in RESTING:
                with suppress(OSError):  # a full disk keeps nothing from being cancelled
                    self._orders.note("ended", sent, state=state.value)
                if state is not State.CANCELED:
                    self._tell(f"  ATTENTION: {value} has ended {state.value}: something was bought")
                return True
            if sent.exchange_order_id:
                self._orders.cancel(sent.exchange_order_id)
            else:
                self._orders.cancel_by_client_id(sent.client_order_id)
        return False

    def _cancel_open(self) -> list[str]:
        """Cancel what the exchange's own list shows; return it."""
        try:
            found = self._orders.open_ones()
            for exchange_order_id in found:
                self._orders.cancel(exchange_order_id)
        except (Unanswered, SSLError) as error:
            return [f"(the list of open orders cannot be had: {error})"]
        return found


def _now_s() -> float:
    """Read a clock that only grows."""
    return monotonic_us() / 1_000_000


def _code_against_it(answer: Answer) -> int | None:
    """Read the code by which an order is refused that was taken a moment ago, under the same id or another.

    Only what speaks of the request itself counts: a closed market or too little money says nothing about ids.
    """
    if isinstance(answer, Refused):
        return int(answer.code) if answer.advice is Advice.DEAD_LETTER else None
    if not isinstance(answer, Unclear) or not answer.answered.startswith("HTTP 4"):
        return None
    found = envelope(answer.answered[answer.answered.find("{") :].encode())
    return None if found is None or found.code in SERVER_CODES else found.code
