"""``sniperd fleet rehearse``: it shows a takeover, judges it by the exchange's book, and leaves nothing behind."""

import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.manual.blocks import named
from tests.support.child import Child
from tests.support.command import SNIPERD
from tests.support.daemon_process import plain_environment

LONG_S = 150.0

COMMAND = named("rehearse").split()[1:]
"""The handbook's command."""

pytestmark = pytest.mark.needs("postgresql")


def left_behind(directory: Path) -> list[str]:
    """Return what is left of a rehearsal in its temporary directory: files, and processes that name them."""
    processes = [
        path.read_bytes().replace(b"\0", b" ").decode()
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if str(directory).encode() in _content(path)
    ]
    return [*map(str, directory.iterdir()), *processes]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory for temporary files that the database's user may enter; pytest's own are closed to others."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o711)
        yield Path(name)


def test_every_signal_becomes_one_order_over_a_takeover_and_nothing_is_left(place: Path) -> None:
    environ = plain_environment(place) | {"TMPDIR": str(place)}
    ran = subprocess.run(
        [*SNIPERD, *COMMAND],
        env=environ,
        cwd=place,
        capture_output=True,
        text=True,
        timeout=LONG_S,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-5_000:] + ran.stderr[-5_000:]
    for line in (
        "north is killed",
        "south owns the account, ",
        "north runs again, and stands by",
        "handed over to north",
    ):
        assert line in ran.stdout
    last = ran.stdout.splitlines()[-1]
    found = re.search(
        r"(\d+) signals, (\d+) placed, (\d+) orders in the exchange's book: 0 twice, 0 missing, 0 of", last
    )
    assert found is not None, last
    assert found[1] == found[2] == found[3]
    assert left_behind(place) == []


def test_what_is_ended_early_leaves_nothing(place: Path) -> None:
    environ = plain_environment(place) | {"TMPDIR": str(place)}
    with closing(Child([*SNIPERD, *COMMAND], environ=environ, directory=place)) as child:
        child.output.wait_for(re.compile("the simulated exchange runs").search, "the exchange", timeout_s=LONG_S)
        assert child.terminate() == 130
    assert left_behind(place) == []
