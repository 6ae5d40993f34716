"""A wall clock that a test controls: a process reads the machine's clock plus an offset."""

from tests.support.daemon_process import Daemon

_SHIFTED = """\
import time

_real = time.time_ns


def _shifted():
    with open({path!r}, encoding="ascii") as file:
        return _real() + int(file.read()) * 1_000_000


time.time_ns = _shifted
"""


class WallClock:
    """The wall clock of a daemon's processes."""

    def __init__(self, daemon: Daemon, *, ahead_ms: int = 0) -> None:
        """Install it for the daemon's next process: Python imports ``sitecustomize`` before anything else."""
        directory = daemon.directory / "wall-clock"
        directory.mkdir()
        self._path = directory / "ahead_ms"
        self.set(ahead_ms)
        (directory / "sitecustomize.py").write_text(_SHIFTED.format(path=str(self._path)), encoding="utf-8")
        daemon.environ["PYTHONPATH"] = str(directory)

    def set(self, ahead_ms: int) -> None:
        """Set the offset to the machine's clock."""
        fresh = self._path.with_suffix(".new")
        fresh.write_text(str(ahead_ms), encoding="ascii")
        fresh.replace(self._path)
