"""Debian packages of this checkout: one as it is, and one of a higher version that has a newer schema."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from tests.conftest import WHEELS
from tests.slow.service.readme import SOURCES

HIGHER = "99.0.0"
LEFT_OUT = shutil.ignore_patterns(".git", ".venv*", "dist", "*_cache", "__pycache__", ".hypothesis", "tests")


class Packages(NamedTuple):
    """Directories, each a copy of the checkout with a package in its ``dist``."""

    present: Path
    higher: Path


def build(directory: Path) -> Packages:
    """Build both."""
    made = Packages(directory / "present", directory / "higher")
    for copy in made:
        shutil.copytree(SOURCES, copy, symlinks=True, ignore=LEFT_OUT)
    version = made.higher / "daemon" / "__init__.py"
    version.write_text(version.read_text().split("__version__")[0] + f'__version__ = "{HIGHER}"\n')
    schema = made.higher / "daemon" / "store" / "schema.py"
    schema.write_text(schema.read_text() + 'MIGRATIONS += ("CREATE TABLE later (x TEXT) STRICT",)\n')
    environ = os.environ | {"OFFLINE": "1", "WHEELS": str(WHEELS)}
    builds = [
        subprocess.Popen(["sh", ".ci/deb"], cwd=copy, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for copy in made
    ]
    for each in builds:
        output, _ = each.communicate()
        assert each.returncode == 0, output.decode()
    return made
