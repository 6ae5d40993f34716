"""A disk that loses what was not synced when this process is killed, as in a power failure.

``python -m tests.slow.lossy_disk STORE MOUNTPOINT``: a file system of one directory, by FUSE. Programs read and write
in memory. STORE gets only what would survive: a file's bytes by fsync of the file; new, changed and removed names by
fsync of the directory. As disks do, it also writes some unsynced data by itself.
"""

import errno
import os
import stat
import sys
from pathlib import Path
from random import Random
from typing import Any

import mfusepy as fuse

BY_ITSELF = 0.2
"""Share of unsynced writes that reach the disk by themselves."""

Extent = tuple[int, bytes]


class File:
    """A file's bytes as programs see them, and those of them that are not on the disk."""

    def __init__(self, content: bytes = b"") -> None:
        self.content = bytearray(content)
        self.disk = bytearray(content)
        self.unsynced: list[Extent] = []

    def write(self, offset: int, data: bytes, *, reaches_the_disk: bool) -> None:
        """Write, as programs see it."""
        _put(self.content, offset, data)
        if reaches_the_disk:
            _put(self.disk, offset, data)
        else:
            self.unsynced.append((offset, data))

    def truncate(self, length: int) -> None:
        """Cut off, or fill up with zeros. This, too, needs a sync to survive."""
        del self.content[length:]
        self.content.extend(bytes(length - len(self.content)))

    def sync(self) -> list[Extent]:
        """Write everything to the disk; return what was missing there."""
        written, self.unsynced = self.unsynced, []
        for offset, data in written:
            _put(self.disk, offset, data)
        if self.disk != self.content:  # it was cut off or filled up
            self.disk = bytearray(self.content)
            return [(0, bytes(self.disk))]
        return written


class LossyDisk(fuse.Operations):  # type: ignore[misc]  # ships no types
    """The file system."""

    use_ns = True

    def __init__(self, store: Path, dice: Random) -> None:
        self._store = store
        self._dice = dice
        self._files = {f"/{path.name}": File(path.read_bytes()) for path in store.iterdir()}
        self._on_disk = dict(self._files)  # by the names that would survive

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
        """Return the attributes of a file, or of the directory."""
        del fh
        if path == "/":
            return {"st_mode": stat.S_IFDIR | 0o700, "st_nlink": 2}
        return {"st_mode": stat.S_IFREG | 0o600, "st_nlink": 1, "st_size": len(self._file(path).content)}

    def readdir(self, path: str, fh: int) -> list[str]:
        """List the directory."""
        del path, fh
        return [".", "..", *(name[1:] for name in self._files)]

    def create(self, path: str, mode: int, fi: object = None) -> int:
        """Make a file."""
        del mode, fi
        self._files[path] = File()
        return 0

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        """Read."""
        del fh
        return bytes(self._file(path).content[offset : offset + size])

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        """Write, as programs see it."""
        del fh
        file, reaches = self._file(path), self._dice.random() < BY_ITSELF
        file.write(offset, data, reaches_the_disk=reaches)
        if reaches:
            self._save(path, [(offset, data)])
        return len(data)

    def truncate(self, path: str, length: int, fh: int | None = None) -> None:
        """Cut a file off, or fill it up."""
        del fh
        self._file(path).truncate(length)

    def unlink(self, path: str) -> None:
        """Remove a name; it comes back if the power fails before the directory is synced."""
        self._file(path)
        del self._files[path]

    def rename(self, old: str, new: str) -> None:
        """Change a name."""
        self._files[new] = self._file(old)
        del self._files[old]

    def fsync(self, path: str, datasync: int, fh: int) -> None:
        """Write a file's bytes to the disk."""
        del datasync, fh
        self._save(path, self._file(path).sync())

    def fsyncdir(self, path: str, datasync: int, fh: int) -> None:
        """Write all names to the disk, with those bytes of their files that are on it."""
        del path, datasync, fh
        for name in self._on_disk.keys() - self._files.keys():
            (self._store / name[1:]).unlink()
        for name, file in self._files.items():
            if self._on_disk.get(name) is not file:
                (self._store / name[1:]).write_bytes(file.disk)
        self._on_disk = dict(self._files)

    def chmod(self, path: str, mode: int) -> None:
        """Change nothing: every file is its owner's."""

    def chown(self, path: str, uid: int, gid: int) -> None:
        """Change nothing."""

    def utimens(self, path: str, times: object = None) -> None:
        """Change nothing."""

    def _file(self, path: str) -> File:
        if path not in self._files:
            raise fuse.FuseOSError(errno.ENOENT)
        return self._files[path]

    def _save(self, path: str, extents: list[Extent]) -> None:
        """Write to the disk, if the file's name is there."""
        if self._on_disk.get(path) is not self._files[path]:
            return
        descriptor = os.open(self._store / path[1:], os.O_WRONLY)
        try:
            for offset, data in extents:
                os.pwrite(descriptor, data, offset)
            os.ftruncate(descriptor, max(len(self._files[path].disk), 0))
        finally:
            os.close(descriptor)


def _put(content: bytearray, offset: int, data: bytes) -> None:
    content.extend(bytes(max(0, offset - len(content))))
    content[offset : offset + len(data)] = data


if __name__ == "__main__":
    fuse.FUSE(
        LossyDisk(Path(sys.argv[1]), Random(0)),  # noqa: S311  # a simulation
        sys.argv[2],
        foreground=True,
        nothreads=True,
    )
