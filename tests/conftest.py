"""What every test shares: the event loop they run on, what they need of the machine, the stage of their processes."""

import gc
import importlib.util
import os
import shutil
import signal
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

from tests.support import Daemon
from tests.support.box import can_box
from tests.support.postgres import programs
from tests.support.scratch import scratch
from tests.support.stage import Stage, stage

MUST_NOT_SKIP = "SNIPERD_CI"
"""Set to 1, what a machine lacks fails a test instead of skipping it."""

WHEELS = Path(__file__).parents[1] / "dist" / "wheels"
"""What the service is installed from, so that its tests need no network."""

NEEDS: dict[str, tuple[Callable[[], bool], str]] = {
    "root": (lambda: os.geteuid() == 0, "root, to mount a file system or to be another user"),
    "systemd": (lambda: shutil.which("systemd-analyze") is not None, "systemd-analyze"),
    "systemd box": (can_box, "root, systemd, util-linux, an overlay file system and cgroup2"),
    "wheels": (
        lambda: WHEELS.is_dir() and Path("/usr/bin/python3").exists() and shutil.which("dpkg-deb") is not None,
        "dpkg-deb, /usr/bin/python3, and dist/wheels, which `sh .ci/deb` fetches",
    ),
    "git": (lambda: shutil.which("git") is not None, "git"),
    "groff": (lambda: shutil.which("groff") is not None, "groff"),
    "lintian": (lambda: shutil.which("lintian") is not None, "lintian"),
    "strace": (lambda: shutil.which("strace") is not None, "strace"),
    "curl": (lambda: shutil.which("curl") is not None, "curl"),
    "prometheus": (
        lambda: all(shutil.which(name) for name in ("prometheus", "promtool", "prometheus-alertmanager", "amtool")),
        "prometheus and prometheus-alertmanager",
    ),
    "postgresql": (lambda: programs() is not None, "Debian's package postgresql"),
    "pgbouncer": (lambda: Path("/usr/sbin/pgbouncer").exists(), "Debian's package pgbouncer"),
    "redis": (lambda: shutil.which("redis-server") is not None, "Debian's package redis-server"),
    "node": (lambda: shutil.which("node") is not None, "node"),
    "chromium": (lambda: shutil.which("chromium") is not None, "chromium"),
    "axe-core": (
        lambda: importlib.util.find_spec("axe_playwright_python") is not None,
        "axe-playwright-python: sh .ci/setup test",
    ),
    "fuse": (
        lambda: bool(
            shutil.which("fusermount3") and importlib.util.find_spec("mfusepy") and Path("/dev/fuse").exists()
        ),
        "fuse3, /dev/fuse and mfusepy",
    ),
}
"""What a test may need of the machine, by the words of the marker ``needs``."""


def pytest_configure(config: pytest.Config) -> None:
    """Let test processes receive SIGINT, keep their byte code, and give ``tmp_path`` a quick disk."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background process of a shell has it ignored
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(scratch()))
    if sys.dont_write_bytecode and config.cache is not None:
        _keep_bytecode(config.cache.mkdir("bytecode"))


def _keep_bytecode(directory: Path) -> None:
    """Write byte code into ``directory`` where none may lie beside the sources.

    Without byte code each worker rewrites and compiles every test again, and each daemon compiles its modules: 20 CPU
    seconds of a run. Workers and daemons inherit the directory.
    """
    sys.dont_write_bytecode, sys.pycache_prefix = False, str(directory)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(directory)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect tests without collecting garbage: nearly all that is made stays, and a worker saves a second.

    Later collections skip what stays: half a million objects, which each full collection would examine again.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test for which the machine lacks something, or fail it where nothing may be skipped."""
    for marker in item.iter_markers("needs"):
        lacking = [what for word in marker.args for is_there, what in [NEEDS[word]] if not is_there()]
        if lacking:
            end = pytest.fail if os.environ.get(MUST_NOT_SKIP) == "1" else pytest.skip
            end(f"needs {', '.join(lacking)}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the daemons of a failed test wrote."""
    report = yield
    if report.when == "call" and report.failed:
        for name, value in getattr(item, "funcargs", {}).items():
            daemons = value.daemons if isinstance(value, Stage) else [value] if isinstance(value, Daemon) else []
            report.sections += [(f"{name}: what the daemon wrote", daemon.transcript()) for daemon in daemons]
    return report


@pytest.fixture
def anyio_backend() -> str:
    """Run asynchronous tests on asyncio."""
    return "asyncio"


@pytest.fixture
def own_stage() -> Iterator[Stage]:
    """Where the processes of one test live."""
    with stage() as place:
        yield place


@pytest.fixture(scope="module")
def shared_stage() -> Iterator[Stage]:
    """Where the processes live that the tests of a module share."""
    with stage() as place:
        yield place
