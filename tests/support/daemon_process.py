"""The daemon as a process, with a directory that outlives the process."""

import json
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.child import Child
from tests.support.unix_http import Answer, ask
from tests.support.waiting import PATIENCE_S, Deadline, eventually

Tables = dict[str, dict[str, Any]]


class Keys(NamedTuple):
    """A key pair; tests assert that no output contains it."""

    api_key: str
    api_secret: str

    def environ(self) -> dict[str, str]:
        """Return the environment that passes it to daemon and exchange."""
        return {"MEXC_API_KEY": self.api_key, "MEXC_SECRET_KEY": self.api_secret}


KEYS = Keys("mx0vPlantedKey1234567", "planted-secret-0123456789abcdef")

QUICK: Tables = {
    "exchange": {
        "recv_window_ms": 1_000,
        "timeout_ms": 10_000,
        "order_rate_per_s": 10_000,
        "weight_per_10s": 1_000_000,
        "requests_per_s": 10_000,
    },
    "guards": {"repeat_window_ms": 0},
    "reconcile": {"first_ms": 20, "grace_ms": 1_000, "negatives": 2},
    "log": {"level": "debug"},
}
"""Settings for fast tests: no limit and no guard applies, and reconciliation queries quickly."""


class Daemon:
    """The daemon: its process can end and start again; its configuration, database and socket paths stay."""

    def __init__(self, directory: Path, *, url: str | None, config: Tables | None = None, keys: Keys = KEYS) -> None:
        """With an exchange's ``url`` it trades live there; without one, on its own paper exchange."""
        self.directory = directory
        self.config_path = directory / "config.toml"
        self.database = directory / "sniperd.db"
        self.signals = directory / "signals.sock"
        self.status = directory / "status.sock"
        self.environ = plain_environment(directory) | (keys.environ() if url else {})
        self.descriptors: list[int] = []  # passed to each process
        self._child: Child | None = None
        self._transcripts: list[str] = []
        exchange = {"mode": "live", "base_url": url} if url else {"mode": "paper"}
        places = {
            "exchange": exchange,
            "store": {"path": str(self.database)},
            "sockets": {"signals": str(self.signals), "status": str(self.status)},
        }
        self.config = merged(QUICK, places, config or {})
        self.configure()

    @property
    def process(self) -> Child:
        """The running process, or the last one."""
        assert self._child is not None, "the daemon was not started"
        return self._child

    # Start and end.

    def configure(self, changes: Tables | None = None) -> None:
        """Change the configuration, and write it."""
        self.config = merged(self.config, changes or {})
        self.config_path.write_text(as_toml(self.config), encoding="utf-8")

    def launch(self, *wrapper: str) -> Child:
        """Start a process without waiting; ``wrapper`` is a command that runs it."""
        self.close()
        command = [*wrapper, sys.executable, "-m", "daemon", "run", "--config", str(self.config_path)]
        self._child = Child(command, environ=self.environ, directory=self.directory, descriptors=self.descriptors)
        return self._child

    def start(self, *, with_rules: bool = False) -> None:
        """Start a process, and wait until it accepts signals and, with ``with_rules``, has the rules of all pairs."""
        self.launch()
        self.wait_for("daemon.ready")
        if with_rules:
            self.wait_for("exchange.symbols_loaded")

    def kill(self) -> None:
        """Kill it with SIGKILL."""
        self.process.kill()

    def terminate(self) -> int:
        """Let it drain and end; return its exit code."""
        return self.process.terminate()

    def restart(self) -> None:
        """Kill it with SIGKILL, and start it again."""
        self.kill()
        self.start()

    def reload(self) -> dict[str, Any]:
        """Let it reload its configuration; return the log event with the result."""
        mark = self.process.mark()
        self.process.send(signal.SIGHUP)
        return self.process.output.wait_for(_reloaded, "the answer to SIGHUP", since=mark, timeout_s=PATIENCE_S)

    def close(self) -> None:
        """Kill it."""
        if self._child is not None:
            self._child.close()
            self._transcripts.append(self._child.transcript())
            self._child = None

    def transcript(self) -> str:
        """Return the last output of its processes."""
        now = [] if self._child is None else [self._child.transcript()]
        return "\n--- the next process ---\n".join([*self._transcripts, *now])

    # The log.

    def wait_for(self, name: str, *, since: int = 0, **fields: Any) -> dict[str, Any]:
        """Wait for a log event of the running process."""
        return self.process.wait_for(name, since=since, **fields)

    # The API.

    def ask(self, method: str, target: str, body: object = None, *, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a request to the socket with write access."""
        return ask(self.signals, method, target, body, headers=headers)

    def get(self, target: str) -> Any:
        """Read from the read-only socket."""
        answer = ask(self.status, "GET", target)
        assert answer.status == 200, answer.raw
        return answer.json

    def submit(
        self, signal: object, *, wait_s: float | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a signal; with ``wait_s``, wait that time for its outcome."""
        prefer = {} if wait_s is None else {"Prefer": f"wait={wait_s:g}"}
        return self.ask("POST", "/v1/signals", signal, headers={**prefer, **(headers or {})})

    def accept(self, signal: Mapping[str, Any]) -> str:
        """Send a signal that must be accepted as a new one; return its order's id."""
        answer = self.submit(signal)
        assert (answer.status, answer.json.get("replayed")) == (202, False), answer.raw
        order_id = answer.json["id"]
        assert isinstance(order_id, str)
        return order_id

    def send(self, signal: Mapping[str, Any]) -> str:
        """Send a signal, wait until its order is sent to the exchange, and return the order's id."""
        order_id = self.accept(signal)
        self.wait_for("order.sent", order_id=order_id)
        return order_id

    def resolve_as_not_placed(self, order_id: str, reason: str = "the test is over") -> dict[str, Any]:
        """Resolve an order in doubt as not placed, as soon as that is allowed; return the order."""

        def rule() -> dict[str, Any] | None:
            body = {"ruling": "not_placed", "reason": reason}
            answer = self.ask("POST", f"/v1/admin/orders/{order_id}/resolve", body)
            assert answer.status == 200 or "yet" in answer.json["message"], answer.raw
            found: dict[str, Any] | None = answer.json if answer.status == 200 else None
            return found

        return eventually(rule, f"the resolution of {order_id}", pause_s=0.1)

    def order(self, order_id: str) -> dict[str, Any]:
        """Read an order."""
        found: dict[str, Any] = self.get(f"/v1/orders/{order_id}")
        return found

    def explain(self, order_id: str) -> dict[str, Any]:
        """Read the explanation of an order."""
        found: dict[str, Any] = self.get(f"/v1/orders/{order_id}/explain")
        return found

    def until(self, order_id: str, *states: str, timeout_s: float = PATIENCE_S) -> dict[str, Any]:
        """Wait until an order is in one of these states; read it again after each log line with its id."""
        deadline = Deadline(timeout_s)
        while True:
            mark = self.process.mark()
            order = self.order(order_id)
            if order["state"] in states:
                return order
            wanted = f"{order_id} {' or '.join(states)}, but {order['state']}: {order['reason']}"
            self.process.output.wait_for(
                lambda line: True if order_id in line else None, wanted, since=mark, timeout_s=deadline.left_s()
            )


def _reloaded(line: str) -> dict[str, Any] | None:
    event: dict[str, Any] = json.loads(line)
    return event if event["event"] in {"daemon.reloaded", "daemon.reload_refused"} else None


def plain_environment(home: Path) -> dict[str, str]:
    """Return an environment without the variables of the user who runs the tests."""
    return {"HOME": str(home), "PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}


def merged(*configs: Tables) -> Tables:
    """Merge tables key by key; later ones win."""
    names = {name for config in configs for name in config}
    return {name: {key: value for config in configs for key, value in config.get(name, {}).items()} for name in names}


def as_toml(config: Tables) -> str:
    """Write tables as TOML; JSON's strings, numbers, booleans and arrays are valid TOML."""
    return "".join(f"[{name}]\n{_lines(keys)}\n" for name, keys in sorted(config.items()))


def _lines(keys: Mapping[str, str | float | Sequence[int]]) -> str:
    return "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in keys.items())
