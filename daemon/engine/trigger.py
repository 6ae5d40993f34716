"""The trigger: requests that leave at their instants without the event loop, unless they are recalled before.

A shot is a request on an open connection of its own, durable and signed. Its trigger decides in one critical
section whether it leaves: it is *held*, then either *fired* or *recalled*. So a recalled shot was never written, and
one that cannot be recalled any more counts as sent.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

HELD, FIRED, RECALLED = range(3)


class Fired(NamedTuple):
    """What became of a shot that was not recalled."""

    written: bool  # false: not one byte
    at_ns: int  # its instant, by the daemon's clock
    wire_ns: int  # when it was written


class Shot:
    """A request that leaves at an instant."""

    __slots__ = ("_done", "at_ns", "fire_ms", "latest_ns", "state", "write")

    def __init__(
        self,
        fire_ms: int,
        at_ns: Callable[[], int],
        *,
        latest_ns: int,
        write: Callable[[], bool],
        done: Callable[[Fired], object],
    ) -> None:
        """Describe it. Another thread than the event loop's may call the functions.

        Args:
            fire_ms: its instant by the exchange's clock; shots are fired in the order of these.
            at_ns: returns its instant by the daemon's clock, as far as it is known now.
            latest_ns: it is not written when it is late by more than this.
            write: writes it at once; false if not one byte was written.
            done: gets what became of it.

        """
        self.state = HELD
        self.fire_ms = fire_ms
        self.at_ns = at_ns
        self.latest_ns = latest_ns
        self.write = write
        self._done = done

    def may_leave(self, at_ns: int, now_ns: int) -> bool:
        """Whether it is not too late."""
        return now_ns <= at_ns + self.latest_ns

    def done(self, fired: Fired) -> None:
        """Report what became of it."""
        self._done(fired)


class Trigger(Protocol):
    """Fires shots."""

    def hold(self, shot: Shot) -> None:
        """Fire a shot at its instant."""
        ...

    def recall(self, shot: Shot) -> bool:
        """Take a shot back; false if it was fired, though :meth:`Shot.done` may not have been called yet."""
        ...

    def ask(self, runs: Callable[[], object]) -> None:
        """Call ``runs``, in any thread, as soon as no instant is near: the trigger is alive."""
        ...

    def close(self) -> None:
        """Recall every shot, and fire none any more."""
        ...
