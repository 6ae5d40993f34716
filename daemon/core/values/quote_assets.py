"""The asset in which a pair is priced."""

from collections.abc import Callable

QuoteAsset = Callable[[str], str | None]
"""Names the quote asset of a pair; ``None`` if it is not known."""

DEFAULT_QUOTE = "USDT"
"""The quote asset of a pair whose rules are not known, if its name ends so."""


def quote_asset(symbol: str, stated: str | None = None) -> str | None:
    """Return a pair's quote asset; ``None`` if it is not known.

    Args:
        symbol: the pair, like ``BTCUSDT``.
        stated: the quote asset in the pair's rules, if these are known.

    """
    if stated is not None:
        return stated
    return DEFAULT_QUOTE if symbol.endswith(DEFAULT_QUOTE) else None
