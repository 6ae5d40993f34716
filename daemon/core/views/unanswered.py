"""Requests whose outcome is not known: until when the exchange may still admit one of them."""

from daemon.core.state.trading_state import TradingState
from daemon.core.values.states import OUTCOME_UNKNOWN


def admitted_until_ms(state: TradingState, now_ms: int) -> int:
    """Return until when the exchange may admit a request without a clear answer (Unix ms of its clock); 0: none.

    An answer that is no proof, as a broken connection or HTTP 503, ends the attempt, and leaves the order in doubt: its
    request may be on the way until its window ends.
    """
    sent_ms = [order.sent_ms or 0 for order in state.orders.not_queued() if order.state in OUTCOME_UNKNOWN]
    last_ms = now_ms if state.open_attempts else max(sent_ms, default=0)
    return state.exchange_time.exchange_ms(last_ms) + state.rules.config.exchange.recv_window_ms if last_ms else 0
