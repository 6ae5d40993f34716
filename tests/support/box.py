"""A container that runs a real systemd. It needs root, util-linux, an overlay file system and cgroup2."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.waiting import eventually

SYSTEMD = Path("/lib/systemd/systemd")
BOOT = Path(__file__).with_name("boot.sh")
PATH = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin"
TIMEOUT_S = 120.0

_NEW_SPACES = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--uts", "--ipc", "--net", "--cgroup"]
_INTO_CGROUP = 'echo 0 >"$1/cgroup.procs"; shift; exec "$@"'


def can_box() -> bool:
    """Return whether this machine can run the container."""
    return (
        os.geteuid() == 0
        and SYSTEMD.exists()
        and all(shutil.which(tool) for tool in ("unshare", "nsenter", "setpriv", "bash"))
        and _cgroups() is not None
        and "overlay" in Path("/proc/filesystems").read_text()
    )


def _cgroups() -> Path | None:
    """Return the writable cgroup2 mount, or None."""
    for line in Path("/proc/mounts").read_text().splitlines():
        _device, place, kind, options, *_ = line.split()
        if kind == "cgroup2" and "rw" in options.split(","):
            return Path(place)
    return None


class Box:
    """The container; it runs until the context ends."""

    def __init__(self, seen: Mapping[str, str]) -> None:
        """``seen`` maps directories of this machine to their read-only mount points in the container."""
        self._seen = [f"{outside}:{inside}" for outside, inside in seen.items()]
        self._pid = 0

    def __enter__(self) -> Self:
        groups = _cgroups()
        assert groups is not None
        self._directory = Path(tempfile.mkdtemp(prefix="box-"))
        self._group = groups / self._directory.name
        self._group.mkdir()
        self._output = self._directory.with_suffix(".log").open("w+b")
        boot = ["bash", str(BOOT), str(self._directory), *self._seen]
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "sh", "-c", _INTO_CGROUP, "sh", str(self._group), *_NEW_SPACES, *boot],
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._output,
            start_new_session=True,
        )
        try:
            eventually(self._is_up, "systemd in its container")
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end()

    def run(self, *command: str, stdin: str | None = None, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run a command in the container."""
        ran = subprocess.run(
            self.command(*command), capture_output=True, text=True, input=stdin, check=False, timeout=TIMEOUT_S
        )
        assert ran.returncode == 0 or not check, f"{command}: {ran.returncode}\n{ran.stdout}{ran.stderr}"
        return ran

    def command(self, *command: str) -> list[str]:
        """Return the command line that runs a command in the container."""
        enter = ["nsenter", "-t", str(self._pid), "-m", "-p", "-u", "-i", "-n", "-C"]
        return [*enter, "env", "-i", f"PATH={PATH}", *command]

    def write(self, path: str, text: str, mode: str = "644") -> None:
        """Write a file in the container."""
        program = 'mkdir -p "$(dirname "$1")"; umask 077; cat >"$1"; chmod "$2" "$1"'
        self.run("sh", "-c", program, "sh", path, mode, stdin=text)

    def show(self, unit: str, *names: str) -> dict[str, str]:
        """Return properties of a unit from ``systemctl show``."""
        shown = self.run("systemctl", "show", unit, *(f"-p{name}" for name in names)).stdout
        return dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)

    def journal(self, unit: str) -> str:
        """Return the journal of a unit."""
        self.run("journalctl", "--sync")
        return self.run("journalctl", "--no-pager", "-o", "cat", "-u", unit).stdout

    def _is_up(self) -> bool:
        assert self._process.poll() is None, Path(self._output.name).read_text()
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        found = children.read_text().split() if children.exists() else []
        if not found or Path(f"/proc/{found[0]}/comm").read_text().strip() != "systemd":
            return False
        self._pid = int(found[0])
        return self.run("systemctl", "is-system-running", check=False).stdout.strip() in {"running", "degraded"}

    def _end(self) -> None:
        """Kill its first process; the kernel then kills all others in its PID namespace."""
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
        else:
            self._process.kill()
        self._process.wait()
        eventually(self._group_is_gone, "the end of the container's processes")
        self._output.close()
        Path(self._output.name).unlink()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _group_is_gone(self) -> bool:
        for directory, _, _ in os.walk(self._group, topdown=False):
            try:
                Path(directory).rmdir()
            except OSError:
                return False
        return not self._group.exists()
