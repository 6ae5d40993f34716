"""A home as the pages assume it: a running daemon, its sockets, the command on the path, a bot's environment."""

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from tests.manual.generate import ROOT
from tests.process.client.bot_environment import Environment, client_wheel
from tests.support import Answer, Child, ask, eventually
from tests.support.command import SNIPERD, Ran, run
from tests.support.daemon_process import QUICK, Tables, as_toml, merged, plain_environment
from tests.support.stage import Stage

LISTEN = "127.0.0.1:8808"
"""The loopback listener's address on the pages; here it has any free port."""

STUB = """\
#!/bin/sh
# Stands in for a program that must not run here. Of what `install` would copy, it checks that it is there.
for word in "$@"; do
    case $word in systemd/*) [ -f "$word" ] || { echo "$word is missing" >&2; exit 1; } ;; esac
done
"""


class Home:
    """A user's home with a daemon that trades on paper."""

    def __init__(self, stage: Stage, config: Tables | None = None) -> None:
        self.stage = stage
        self.directory = stage.subdirectory("home")
        self.runtime = self.directory / "run"
        self.runtime.mkdir()
        self.programs = self.directory / "bin"
        self.programs.mkdir()
        self.config_path = self.directory / "config.toml"
        self.config_path.write_text(
            as_toml(merged(QUICK, {"http": {"listen": "127.0.0.1:0"}}, config or {})), encoding="utf-8"
        )
        (self.directory / ".venv").symlink_to(sys.prefix)
        (self.directory / "systemd").symlink_to(ROOT / "systemd")
        self.program("sniperd", f'#!/bin/sh\nexec {" ".join(SNIPERD)} "$@"\n')
        plain = plain_environment(self.directory)
        self.environ = plain | {
            "XDG_RUNTIME_DIR": str(self.runtime),
            "SNIPERD_CONFIG": str(self.config_path),
            "PATH": f"{self.programs}:{plain['PATH']}",
            "NO_COLOR": "1",
        }
        self.process = stage.child(*SNIPERD, "run", environ=self.environ, directory=self.directory)
        self._listens = self.process.wait_for("daemon.ready")["http"].rstrip("/").removeprefix("http://")
        self._bot: Environment | None = None

    def program(self, name: str, text: str) -> None:
        """Put a program on the path."""
        path = self.programs / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)

    def type(self, commands: str) -> Ran:
        """Run what a page shows, in a shell that stops at the first failure."""
        return self.run("sh", "-euc", commands.replace(LISTEN, self._listens))

    def run(self, *command: str | Path) -> Ran:
        """Run a command to its end."""
        return run(*command, environ=self.environ, directory=self.directory)

    def start(self, commands: str) -> Child:
        """Start what does not end by itself."""
        return self.stage.child("sh", "-euc", commands, environ=self.environ, directory=self.directory)

    def bot(self) -> Environment:
        """Return a bot's environment, with the client in it and without the daemon."""
        if self._bot is None:
            self._bot = Environment(self.directory / "bot")
            self._bot.install(client_wheel(self.directory))
        return self._bot

    def ask(self, method: str, target: str, body: object = None, headers: dict[str, str] | None = None) -> Answer:
        """Ask the daemon."""
        return ask(self.runtime / "sniperd" / "signals.sock", method, target, body, headers=headers)

    def submit(self, **changes: object) -> str:
        """Send a signal; return its order's id."""
        signal = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quoteOrderQty": "25", "ownerId": "manual"}
        answer = self.ask("POST", "/v1/signals", signal | changes)
        assert answer.status == 202, answer.raw
        return str(answer.json["id"])

    def until(self, order_id: str, state: str) -> str:
        """Wait until an order is in a state; return its id."""

        def stands() -> bool:
            return bool(self.ask("GET", f"/v1/orders/{order_id}").json["state"] == state)

        eventually(stands, f"{order_id} {state}")
        return order_id

    def inject(self, *faults: dict[str, Any]) -> None:
        """Replace the faults of the daemon's paper exchange."""
        url = self.ask("GET", "/v1/status").json["exchangeUrl"] + "/simulator/faults"
        request = Request(url, json.dumps({"faults": faults}).encode(), method="PUT")  # noqa: S310  # our own
        with urlopen(request, timeout=10) as answer:  # noqa: S310
            assert answer.status == 200


def normalised(shown: str) -> str:
    """Return what a program printed without what differs each time: ids, numbers, the width of the terminal."""
    shown = re.sub(r"\b(C02__\d+|[0-9A-HJKMNP-TV-Z]{26})\b", "ID", shown)
    return " ".join(re.sub(r"\d+(\.\d+)?", "N", shown).split())


def output(command: Sequence[str | Path], home: Home) -> str:
    """Run a program of a bot; return what it printed."""
    ran = subprocess.run(
        command, env=home.environ, cwd=home.directory, capture_output=True, text=True, timeout=30, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout
