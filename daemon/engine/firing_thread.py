"""The firing thread: nothing but a sleep, a busy wait and system calls stands between an instant and its requests.

It is a thread, because the event loop may be in the middle of anything at an instant: a commit that waits for the disk,
the answer to another order. The interpreter's lock is free while the loop's thread waits for the disk or sleeps. While
it runs Python, this thread gets the lock after the switch interval. So the interval is short while an instant is near.
"""

import sys
from collections.abc import Callable
from contextlib import suppress
from heapq import heappop, heappush
from itertools import count
from threading import Condition, Thread

from daemon.engine.trigger import FIRED, HELD, RECALLED, Fired, Shot

SPIN_NS = 1_500_000
"""The busy wait before an instant: a sleep may end late by a timer's slack and by a turn of another thread."""

LONGEST_SLEEP_NS = 10_000_000
"""The instant is read again this often at least: the exchange's clock becomes better known, and ours may step."""

QUIET_NS = 20_000_000
"""So shortly before an instant the thread answers no question: that gives the interpreter to another thread."""

SWITCH_S = 0.000_05
"""The switch interval while an instant is near: the time for which the loop's thread may keep this one from the
interpreter. At all other times it is longer, because every switch costs both threads some microseconds."""

NS_PER_S = 1_000_000_000


class FiringThread:
    """Fires shots, in one thread that begins with the first shot."""

    def __init__(self, now_ns: Callable[[], int]) -> None:
        """``now_ns`` reads the daemon's clock, in any thread."""
        self._now_ns = now_ns
        self._changed = Condition()
        self._heap: list[tuple[int, int, Shot]] = []  # by instant, then in the order in which they came
        self._numbers = count()
        self._asked: list[Callable[[], object]] = []
        self._closing = False
        self._thread: Thread | None = None

    def hold(self, shot: Shot) -> None:
        """Fire a shot at its instant."""
        with self._changed:
            heappush(self._heap, (shot.fire_ms, next(self._numbers), shot))
            self._changed.notify()
        if self._thread is None:
            self._thread = Thread(target=self._run, name="firing", daemon=True)
            self._thread.start()

    def recall(self, shot: Shot) -> bool:
        """Take a shot back; false if it was fired."""
        with self._changed:
            if shot.state is HELD:
                shot.state = RECALLED
            return shot.state is RECALLED

    def ask(self, runs: Callable[[], object]) -> None:
        """Call ``runs`` in the thread, as soon as no instant is near; at once if there is no thread yet."""
        if self._thread is None:
            runs()
            return
        with self._changed:
            self._asked.append(runs)
            if not self._heap:  # otherwise it wakes by itself
                self._changed.notify()

    def close(self) -> None:
        """Recall every shot, and end the thread."""
        with self._changed:
            self._closing = True
            for _, _, shot in self._heap:
                shot.state = RECALLED
            self._changed.notify()
        thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        """Fire shots until the end. An error is reported by the thread's end; the next shot begins another thread."""
        try:
            self._fire_until_closed()
        except BaseException:
            self._give_up()
            raise

    def _give_up(self) -> None:
        """Report every shot as not written, so that each is sent in another way."""
        with self._changed:
            self._thread = None
            held = [shot for _, _, shot in self._heap if shot.state is HELD]
            self._heap.clear()
            for shot in held:
                shot.state = FIRED
        for shot in held:
            _report(shot, Fired(written=False, at_ns=0, wire_ns=0))

    def _fire_until_closed(self) -> None:
        while True:
            with self._changed:
                due = self._next()
                if self._closing:
                    return
                if self._asked and (due is None or due[0] - due[1] > QUIET_NS):
                    self._answer()
                    continue
                if due is None:
                    self._changed.wait()
                    continue
                at_ns, now_ns = due
                if at_ns - now_ns > SPIN_NS:
                    self._changed.wait(min(at_ns - now_ns - SPIN_NS, LONGEST_SLEEP_NS) / NS_PER_S)
                    continue
            self._fire_due(at_ns)

    def _answer(self) -> None:
        asked, self._asked = self._asked, []
        with suppress(RuntimeError):  # the loop is closed
            for runs in asked:
                runs()

    def _next(self) -> tuple[int, int] | None:
        """Return the next instant, and the time; ``None`` if no shot is held."""
        while self._heap:
            shot = self._heap[0][2]
            if shot.state is HELD:
                now_ns = self._now_ns()  # first: a step of the clock makes an instant seem later, never earlier
                return shot.at_ns(), now_ns
            heappop(self._heap)
        return None

    def _fire_due(self, at_ns: int) -> None:
        """Wait for the next instant, and write what is due, one request after the other."""
        fired: list[tuple[Shot, Fired]] = []
        usual_s = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH_S)
        try:
            while self._now_ns() < at_ns:
                pass
            while (due := self._take_due()) is not None:
                fired.append((due[0], self._write(*due)))
        finally:
            sys.setswitchinterval(usual_s)
            for shot, what in fired:  # afterwards, because the loop's thread begins to run when it is told
                _report(shot, what)

    def _take_due(self) -> tuple[Shot, int] | None:
        """Mark the next shot as fired, if it is due; return it with its instant."""
        with self._changed:
            due = self._next()
            if due is None or due[0] > due[1] or self._closing:
                return None
            shot = heappop(self._heap)[2]
            shot.state = FIRED
            return shot, due[0]

    def _write(self, shot: Shot, at_ns: int) -> Fired:
        wire_ns = self._now_ns()
        try:
            written = shot.may_leave(at_ns, wire_ns) and shot.write()
        except Exception:  # noqa: BLE001  # what was written is not known, and the others must leave
            written = True
        return Fired(written, at_ns, wire_ns)


def _report(shot: Shot, what: Fired) -> None:
    with suppress(RuntimeError):  # the loop is closed
        shot.done(what)
