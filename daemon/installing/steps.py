"""Steps of an installation: each says in a line what it does, and does it. Telling them all touches nothing."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import msgspec

from daemon.errors import CannotCreate

OLD, NEW = ".old", ".new"


class Keep(msgspec.Struct, frozen=True):
    """Leave a file as it is."""

    path: Path
    why: str

    def told(self) -> str:
        """Say it."""
        return f"keep    {self.path}: {self.why}"

    def do(self) -> None:
        """Do nothing."""


class Write(msgspec.Struct, frozen=True):
    """Write a file; another that stands there is kept beside it, unless it is generated."""

    path: Path
    content: bytes
    keep_old: bool = True

    def told(self) -> str:
        """Say it."""
        kept = f"; the former one is kept as {self.path.name}{OLD}" if self._keeps() else ""
        return f"write   {self.path}{kept}"

    def do(self) -> None:
        """Write it whole or not at all."""
        partial = self.path.with_name(self.path.name + ".partial")
        try:
            self.path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            partial.write_bytes(self.content)
            partial.chmod(0o644)
            if self._keeps():
                self.path.replace(self.path.with_name(self.path.name + OLD))
            partial.replace(self.path)
        except OSError as error:
            raise CannotCreate(f"cannot write {self.path}: {error.strerror}; mend that, and run it again") from error

    def _keeps(self) -> bool:
        return self.keep_old and self.path.exists()


class Link(msgspec.Struct, frozen=True):
    """Let a name lead to the program."""

    path: Path
    target: Path

    def told(self) -> str:
        """Say it."""
        return f"link    {self.path} to {self.target}"

    def do(self) -> None:
        """Set the link, instead of one that led elsewhere."""
        try:
            self.path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            self.path.unlink(missing_ok=True)
            self.path.symlink_to(self.target)
        except OSError as error:
            raise CannotCreate(f"cannot link {self.path}: {error.strerror}; mend that, and run it again") from error


class Remove(msgspec.Struct, frozen=True):
    """Remove a file."""

    path: Path

    def told(self) -> str:
        """Say it."""
        return f"remove  {self.path}"

    def do(self) -> None:
        """Remove it."""
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise CannotCreate(f"cannot remove {self.path}: {error.strerror}; mend that, and run it again") from error


class Run(msgspec.Struct, frozen=True):
    """Run a command of the system's."""

    words: tuple[str, ...]

    def told(self) -> str:
        """Say it."""
        return f"run     {' '.join(self.words)}"

    def do(self) -> None:
        """Run it; what it writes goes where ours does."""
        try:
            ended = subprocess.run(self.words, check=False).returncode  # noqa: S603  # our own words
        except OSError as error:
            raise CannotCreate(f"cannot run {self.words[0]}: {error.strerror}; install systemd") from error
        if ended:
            raise CannotCreate(
                f"`{' '.join(self.words)}` ended with {ended}; mend what it says (the service's own words: "
                "journalctl -u sniperd), and run it again"
            )


Step = Keep | Write | Link | Remove | Run


def content_of(path: Path) -> bytes | None:
    """Read a file, if it is there."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CannotCreate(f"cannot read {path}: {error.strerror}; run it as root") from error


def placed(path: Path, content: bytes, *, keep_old: bool = True) -> Step:
    """Write a file that is ours, unless it says the same already."""
    return Keep(path, "it is this version's") if content_of(path) == content else Write(path, content, keep_old)


def linked(path: Path, target: Path) -> Step:
    """Link a name, unless it leads there already, or is something of somebody else's."""
    if not path.is_symlink() and path.exists():
        return Keep(path, f"it is no link; the program is {target}")
    is_so = path.is_symlink() and path.readlink() == target
    return Keep(path, "it leads to this program") if is_so else Link(path, target)


def offered(path: Path, content: bytes) -> Sequence[Step]:
    """Write a file that becomes the administrator's; what was changed is kept, and the new one stands beside it."""
    found = content_of(path)
    if found is None or found == content:
        return [placed(path, content)]
    beside = path.with_name(path.name + NEW)
    offer = Keep(beside, "it is this version's") if content_of(beside) == content else Write(beside, content)
    return [Keep(path, f"it was changed; this version's stands in {beside.name}, to compare"), offer]
