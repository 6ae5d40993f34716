"""The keys of ``sniperd top``: its help, the text behind ``?`` and what the view listens to."""

from typing import NamedTuple

from daemon.cli.top.kinds import KINDS


class Key(NamedTuple):
    """A key, or several that belong together."""

    keys: str  # as people read them
    about: str
    bindings: tuple[tuple[str, str], ...] = ()  # the library's names of the keys, and the actions
    label: str = ""  # in the line of keys at the bottom; empty: not there


KEYS = (
    Key("?", "show or hide this text", (("question_mark", "keys"),), "keys"),
    Key(
        f"1 to {len(KINDS)}",
        "choose a section; once more: collapse it",
        tuple((str(number), f"choose({number - 1})") for number in range(1, len(KINDS) + 1)),
    ),
    Key("Tab", "choose the next section; Shift+Tab the one before", (("tab", "next(1)"), ("shift+tab", "next(-1)"))),
    Key("arrows", "choose a row; left and right show what is beyond the edge"),
    Key("e, Enter", "explain the order of the row, live", (("e", "explain"),), "explain"),
    Key("r", "send the dead letter again, or release the lock", (("r", "release"),), "requeue/release"),
    Key("c", "cancel the order", (("c", "cancel"),), "cancel"),
    Key("h", "halt: nothing new is sent", (("h", "halt"),), "halt"),
    Key("R", "resume: orders are sent again", (("R", "resume"),), "resume"),
    Key("q, Ctrl-C", "quit", (("q", "app.quit"),), "quit"),
)

_WIDTH = max(len(key.keys) for key in KEYS)

LINES = tuple(f"{key.keys:<{_WIDTH}}  {key.about}" for key in KEYS)
"""The keys, a line each."""

REASON = "A key that changes something asks for a reason first. It needs the same rights as its command."
