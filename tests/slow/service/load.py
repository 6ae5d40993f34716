"""A bot under load in the box, while something happens to the service."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.slow.service.installed import CHECKOUT, SIGNALS, Installed


class Load:
    """A bot under load, in the box."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def until_answered_more(self) -> None:
        """Wait until more signals have been answered than when this was called last."""
        assert self._process.stdout is not None
        assert self._process.stdout.readline()

    def end(self) -> dict[str, object]:
        """End it, and return what it counted."""
        output, _ = self._process.communicate(timeout=30)
        found: dict[str, object] = json.loads(output.splitlines()[-1])
        return found


@contextmanager
def caller(service: Installed) -> Iterator[Load]:
    """Let a bot send signals."""
    command = service.box.command("env", "-C", CHECKOUT, "python3", "-m", "tests.slow.service.caller", SIGNALS)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Load(process)
        finally:
            process.kill()
