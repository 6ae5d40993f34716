"""The sections of ``sniperd top``: their names and columns, in the order of their numbers."""

from typing import NamedTuple


class Kind(NamedTuple):
    """One section."""

    name: str  # of its widget
    title: str
    columns: tuple[str, ...]
    is_newest_first: bool = False  # the cursor stays at the top while rows come in there


KINDS = (
    Kind("alerts", "alerts", ("alert", "since", "what is wrong, and what to do")),
    Kind("unknown", "unknown outcomes", ("state", "age", "order", "what comes next", "owner")),
    Kind("orders", "orders", ("state", "age", "order", "waits for", "owner")),
    Kind("locks", "locks", ("held", "age", "lease left", "for", "owner", "token")),
    Kind("queue", "queue", ("place", "age", "waits for", "who", "owner", "priority")),
    Kind("events", "events", ("age", "at", "event", "about"), is_newest_first=True),
)

TITLES = ", ".join(kind.title for kind in KINDS[:-1]) + " and " + KINDS[-1].title
