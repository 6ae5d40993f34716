"""Debian packages of this checkout: one as it is, and one of a higher version that has a newer schema."""

import difflib
import hashlib
import io
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import NamedTuple

from tests.conftest import WHEELS
from tests.manual.generate import ROOT

HIGHER = "99.0.0"

NEWER_SCHEMA = """
VERSION += 1
_is_new_to_this_schema = _is_new


def _is_new(connection: sqlite3.Connection, path: Path) -> bool:
    if int(_pragma(connection, "user_version")) == VERSION - 1:
        connection.execute(f"PRAGMA user_version = {VERSION}")
    return _is_new_to_this_schema(connection, path)
"""
"""What the higher version has at the end of ``daemon/store/opening.py``: it migrates this schema to its own."""
LEFT_OUT = shutil.ignore_patterns(".git", ".venv*", "dist", "*_cache", "__pycache__", ".hypothesis", "tests")


class Packages(NamedTuple):
    """Directories, each a copy of the checkout with a package in its ``dist``."""

    present: Path
    higher: Path


def build(directory: Path) -> Packages:
    """Build both."""
    made = Packages(copied(ROOT, directory / "present"), copied(ROOT, directory / "higher"))
    version = made.higher / "daemon" / "__init__.py"
    version.write_text(re.sub('(?m)^__version__ = ".*"$', f'__version__ = "{HIGHER}"', version.read_text()))
    opening = made.higher / "daemon" / "store" / "opening.py"
    opening.write_text(opening.read_text() + NEWER_SCHEMA)
    for each in [start(copy) for copy in made]:
        finish(each)
    return made


def copied(checkout: Path, directory: Path) -> Path:
    """Copy a checkout to a directory, and return that."""
    shutil.copytree(checkout, directory, symlinks=True, ignore=LEFT_OUT)
    return directory


def start(copy: Path, *, umask: int = -1, **environ: str) -> "subprocess.Popen[bytes]":
    """Start to build the package of a copy; Python may write byte code unless ``environ`` forbids it."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    given = {"OFFLINE": "1", "WHEELS": str(WHEELS), "SOURCE_DATE_EPOCH": "1700000000"}
    return subprocess.Popen(
        ["sh", ".ci/deb"],
        cwd=copy,
        env=inherited | given | environ,
        umask=umask,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def finish(process: "subprocess.Popen[bytes]") -> None:
    """Wait until it is built."""
    output, _ = process.communicate()
    assert process.returncode == 0, output.decode()


def built(copy: Path) -> Path:
    """Return the package of a copy."""
    return next(copy.glob("dist/*.deb"))


def differences(one: Path, other: Path) -> str:
    """Say, file by file, in what two packages differ; an empty text if every file is the same in both."""
    first, second = contents(one), contents(other)
    told: list[str] = []
    for path in sorted(first.keys() | second.keys()):
        was, becomes = first.get(path, "").splitlines(), second.get(path, "").splitlines()
        told += difflib.unified_diff(was, becomes, fromfile=path, tofile=path, n=0, lineterm="")
    return "\n".join(told)


def contents(package: Path) -> dict[str, str]:
    """Describe every file of a package and of its control archive, by path: its attributes, then its text or hash."""
    described = {}
    for archive in ("--ctrl-tarfile", "--fsys-tarfile"):
        unpacked = io.BytesIO(subprocess.check_output(["dpkg-deb", archive, package]))
        with tarfile.open(fileobj=unpacked) as tar:
            for each in tar:
                file = tar.extractfile(each) if each.isfile() else None
                attributes = f"{each.mode:o} {each.uname}:{each.gname} {each.mtime} {each.linkname}"
                described[f"{archive}/{each.name}"] = f"{attributes}\n{_readable(file.read() if file else b'')}"
    return described


def _readable(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return f"SHA-256 {hashlib.sha256(content).hexdigest()}"
