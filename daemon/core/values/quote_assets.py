"""The asset in which a pair is priced."""

from collections.abc import Callable

QuoteAsset = Callable[[str], str | None]
"""Names the quote asset of a pair; ``None`` if it is not known."""

QUOTES = ("USDT", "USDC", "USDE", "USD1", "BTC", "ETH", "EUR", "BRL")
"""MEXC's quote assets: the end of a pair's name is one of them, if the pair's rules are not known."""


def quote_asset(symbol: str, stated: str | None = None) -> str | None:
    """Return a pair's quote asset; ``None`` if it is not known.

    Args:
        symbol: the pair, like ``BTCUSDT``.
        stated: the quote asset in the pair's rules, if these are known.

    """
    if stated is not None:
        return stated
    return next((quote for quote in QUOTES if symbol.endswith(quote) and symbol != quote), None)
