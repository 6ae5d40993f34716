"""The ``sniperd`` command, run to its end as a user runs it."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.waiting import PATIENCE_S

SNIPERD = (sys.executable, "-m", "daemon")


class Ran(NamedTuple):
    """The result of a command."""

    code: int
    output: str
    errors: str

    @property
    def json(self) -> Any:
        """The output, read as JSON."""
        return json.loads(self.output)


def sniperd(*words: str | Path, environ: Mapping[str, str], directory: Path) -> Ran:
    """Run ``sniperd WORDS`` without a terminal."""
    return run(*SNIPERD, *words, environ=environ, directory=directory)


def run(*command: str | Path, environ: Mapping[str, str], directory: Path) -> Ran:
    """Run a command to its end."""
    ran = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=dict(environ),
        cwd=directory,
        timeout=PATIENCE_S,
        check=False,
    )
    return Ran(ran.returncode, ran.stdout, ran.stderr)
