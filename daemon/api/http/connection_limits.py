"""How many connections each listener may have at once: a share of the process's descriptors.

The database, the log and the connections to the exchange always need descriptors. So some are reserved for them, and
each listener has its own limit: a flood of one listener takes nothing from another. The socket that trades has the
largest share.
"""

import resource

import msgspec

RESERVED = 256
"""Descriptors reserved for database, log and exchange; half of all descriptors if that is less."""

MOST_SIGNALS, MOST_READERS = 8_192, 4_096
"""The highest limits, for any number of descriptors: each connection takes some kilobytes of memory as well."""

_UNLIMITED = 1 << 20


class Bounds(msgspec.Struct, frozen=True):
    """How many connections may be open at once, by listener."""

    signals: int
    status: int
    http: int


def bounds(descriptors: int) -> Bounds:
    """Divide the process's descriptors among the listeners."""
    shared = descriptors - min(RESERVED, descriptors // 2)
    readers = max(1, min(MOST_READERS, shared // 4))
    return Bounds(signals=max(1, min(MOST_SIGNALS, shared // 2)), status=readers, http=readers)


def descriptors() -> int:
    """Return the number of descriptors that this process may have."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _UNLIMITED if soft == resource.RLIM_INFINITY else soft
