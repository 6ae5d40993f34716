"""Names of orders, attempts and locks.

An order's id sorts by time and needs no coordination: 48 bits of Unix milliseconds and 80 random bits in Crockford's
base 32 (the layout of a ULID). An attempt's *client order id* is a pure function of the order's id and the attempt's
number, so that after a crash the query uses exactly the id that was sent. MEXC allows ``[0-9a-zA-Z_-]`` and at most 32
characters (observed: error 700008).
"""

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]
_PLACES = range(120, -1, -10)  # of 13 pairs in 130 bits
_TIME_BITS, _RANDOM_BYTES = 48, 10
MAX_ATTEMPTS = 99_999
"""A longer number would not fit into a client order id after the order's id."""

RANDOM_BYTES = _RANDOM_BYTES


def new_id(now_ms: int, random: bytes) -> str:
    """Return an id of 26 characters from the time and ten random bytes."""
    number = (now_ms & ((1 << _TIME_BITS) - 1)) << (8 * _RANDOM_BYTES) | int.from_bytes(random)
    return "".join([_PAIRS[number >> place & 0x3FF] for place in _PLACES])


def client_order_id(order_id: str, attempt: int) -> str:
    """Return the id of an attempt: at most 32 characters of ``[0-9A-Z-]``."""
    if not 1 <= attempt <= MAX_ATTEMPTS:
        raise ValueError(f"attempt {attempt} is outside 1 … {MAX_ATTEMPTS}")
    return f"{order_id}-{attempt}"
