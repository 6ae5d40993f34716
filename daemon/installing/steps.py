"""Steps of an installation: each describes itself in one line, and runs. Describing changes nothing."""

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

    def describe(self) -> str:
        """Return the step as one line."""
        return f"keep    {self.path}: {self.why}"

    def do(self) -> None:
        """Do nothing."""


class Write(msgspec.Struct, frozen=True):
    """Write a file. An existing one is kept next to it, unless it was generated."""

    path: Path
    content: bytes
    keep_old: bool = True

    def describe(self) -> str:
        """Return the step as one line."""
        kept = f"; the previous one is kept as {self.path.name}{OLD}" if self._keeps() else ""
        return f"write   {self.path}{kept}"

    def do(self) -> None:
        """Write the file atomically."""
        partial = self.path.with_name(self.path.name + ".partial")
        try:
            self.path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            partial.write_bytes(self.content)
            partial.chmod(0o644)
            if self._keeps():
                self.path.replace(self.path.with_name(self.path.name + OLD))
            partial.replace(self.path)
        except OSError as error:
            raise CannotCreate(f"cannot write {self.path}: {error.strerror}; fix that, then run it again") from error

    def _keeps(self) -> bool:
        return self.keep_old and self.path.exists()


class Link(msgspec.Struct, frozen=True):
    """Link a name to the program."""

    path: Path
    target: Path

    def describe(self) -> str:
        """Return the step as one line."""
        return f"link    {self.path} to {self.target}"

    def do(self) -> None:
        """Create the link; replace an existing one."""
        try:
            self.path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            self.path.unlink(missing_ok=True)
            self.path.symlink_to(self.target)
        except OSError as error:
            raise CannotCreate(f"cannot link {self.path}: {error.strerror}; fix that, then run it again") from error


class Remove(msgspec.Struct, frozen=True):
    """Remove a file."""

    path: Path

    def describe(self) -> str:
        """Return the step as one line."""
        return f"remove  {self.path}"

    def do(self) -> None:
        """Remove the file."""
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise CannotCreate(f"cannot remove {self.path}: {error.strerror}; fix that, then run it again") from error


class Run(msgspec.Struct, frozen=True):
    """Run a system command."""

    words: tuple[str, ...]

    def describe(self) -> str:
        """Return the step as one line."""
        return f"run     {' '.join(self.words)}"

    def do(self) -> None:
        """Run the command; its output goes where this command's output goes."""
        try:
            ended = subprocess.run(self.words, check=False).returncode  # noqa: S603  # our own words
        except OSError as error:
            raise CannotCreate(f"cannot run {self.words[0]}: {error.strerror}; install systemd") from error
        if ended:
            raise CannotCreate(
                f"`{' '.join(self.words)}` ended with {ended}; fix what it reports (the service's log: "
                "journalctl -u sniperd), then run it again"
            )


Step = Keep | Write | Link | Remove | Run


def content_of(path: Path) -> bytes | None:
    """Return a file's content; ``None`` if it does not exist."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CannotCreate(f"cannot read {path}: {error.strerror}; run it as root") from error


def placed(path: Path, content: bytes, *, keep_old: bool = True) -> Step:
    """Return the step that writes one of this program's files, unless it is up to date."""
    return Keep(path, "it is up to date") if content_of(path) == content else Write(path, content, keep_old)


def linked(path: Path, target: Path) -> Step:
    """Return the step that links a name, unless it is up to date or not a link."""
    if not path.is_symlink() and path.exists():
        return Keep(path, f"it is not a link; the program is {target}")
    is_so = path.is_symlink() and path.readlink() == target
    return Keep(path, "it is up to date") if is_so else Link(path, target)


def offered(path: Path, content: bytes) -> Sequence[Step]:
    """Return the steps for a file that the administrator may change: a changed file stays, the new one is offered."""
    found = content_of(path)
    if found is None or found == content:
        return [placed(path, content)]
    beside = path.with_name(path.name + NEW)
    offer = Keep(beside, "it is up to date") if content_of(beside) == content else Write(beside, content)
    return [Keep(path, f"it was changed; this version's file is {beside.name}, to compare"), offer]
