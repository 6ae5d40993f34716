"""A pair's listing: what the exchange shows of a pair for which orders wait for their instant."""

import msgspec

from daemon.core.values.symbols import SymbolRules, is_closed


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a pair. Instants of its open are Unix ms of the exchange's clock."""

    rules: SymbolRules | None  # as they were shown last; None: the pair is not shown
    calendar_ms: int | None = None  # when the exchange's calendar says that it opens
    seen_ms: int | None = None  # when the exchange answered last, by our clock; None: it was not asked yet
    vanished: bool = False  # an earlier answer showed the pair, and the last one does not

    @property
    def opens_ms(self) -> int | None:
        """When it opens or opened. What the exchange's API shows counts more than the calendar of its website."""
        shown_ms = None if self.rules is None else self.rules.first_open_ms
        return self.calendar_ms if shown_ms is None else shown_ms

    @property
    def source(self) -> str:
        """Where the instant of its open is from."""
        is_shown = self.rules is not None and self.rules.first_open_ms is not None
        return "exchangeInfo" if is_shown else "the calendar"

    @property
    def is_tradable(self) -> bool:
        """Whether it is shown, online and tradable by API."""
        return self.rules is not None and not is_closed(self.rules)
