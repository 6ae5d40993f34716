"""sniperd as a service in a box: installed as the handbook says, trading on a simulated exchange in the same box."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.conftest import WHEELS as FETCHED
from tests.manual.blocks import named
from tests.manual.generate import ROOT
from tests.support.box import Box
from tests.support.daemon_process import KEYS, QUICK, Tables, as_toml, merged
from tests.support.waiting import eventually

HOME, CHECKOUT, WHEELS = "/opt/sniperd", "/opt/checkout", "/opt/wheels"
OFFLINE = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": WHEELS}
"""Lets pip find its packages: the box has no network."""

EXCHANGE = "127.0.0.1:8765"
LIVE: Tables = merged(QUICK, {"exchange": {"mode": "live", "base_url": f"http://{EXCHANGE}"}})
CONFIG = "/etc/sniperd/config.toml"
SIGNALS, STATUS = "/run/sniperd/signals.sock", "/run/sniperd/status.sock"


SEEN = {str(ROOT): CHECKOUT, str(FETCHED): WHEELS}
"""What the box can read of this machine."""


class Installed:
    """The service."""

    def __init__(self, box: Box) -> None:
        self.box = box

    def follow(self, commands: str) -> str:
        """Run the handbook's commands in a clone of the repository; return what they print."""
        settings = [f"{name}={value}" for name, value in OFFLINE.items()]
        return self.box.run("env", "-C", CHECKOUT, *settings, "sh", "-euxc", commands).stdout

    def install(self) -> None:
        """Follow the handbook."""
        self.follow(named("install"))

    def go_live(self) -> None:
        """Trade on a simulated exchange, with a key pair from the credential store."""
        key, secret = KEYS
        self.box.write("/etc/credstore/mexc_api_key", key, "600")
        self.box.write("/etc/credstore/mexc_api_secret", secret, "600")
        exchange = [f"{HOME}/bin/sniperd", "exchange", "--listen", EXCHANGE, "--no-limits", "--balance", "USDT=1000000"]
        given = [f"--setenv={name}={value}" for name, value in KEYS.environ().items()]
        self.box.run("systemd-run", "--unit=exchange", *given, *exchange)
        eventually(lambda: "exchange.listening" in self.box.journal("exchange"), "the exchange")
        self.configure()
        self.box.run("systemctl", "restart", "sniperd.service")

    def configure(self, changes: Tables | None = None) -> None:
        """Write the configuration, changed."""
        self.box.write(CONFIG, as_toml(merged(LIVE, changes or {})))

    @contextmanager
    def drop_in(self, unit: str, text: str) -> Iterator[None]:
        """Change a unit, as `systemctl edit` would, for as long as the context lasts."""
        path = f"/etc/systemd/system/{unit}.d/test.conf"
        self.box.write(path, text)
        self.box.run("systemctl", "daemon-reload")
        yield
        self.box.run("rm", path)
        self.box.run("systemctl", "daemon-reload")

    def sniperd(self, *words: str, user: str | None = None, check: bool = True) -> tuple[int, str]:
        """Run the command; return exit code and output."""
        who = [] if user is None else ["setpriv", f"--reuid={user}", "--init-groups", f"--regid={user}"]
        ran = self.box.run(*who, f"{HOME}/bin/sniperd", *words, check=check)
        return ran.returncode, ran.stdout + ran.stderr

    def count(self, query: str) -> int:
        """Query the database."""
        program = "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute(sys.argv[2]).fetchone()[0])"
        return int(self.box.run(f"{HOME}/bin/python", "-c", program, "/var/lib/sniperd/sniperd.db", query).stdout)

    def state(self, unit: str = "sniperd.service") -> dict[str, str]:
        """Return a unit's properties."""
        names = ("ActiveState", "SubState", "Result", "NRestarts", "MainPID", "StatusText", "ExecMainStatus")
        return self.box.show(unit, *names)

    def until(self, unit: str = "sniperd.service", **expected: Any) -> dict[str, str]:
        """Wait until a unit has these properties."""

        def look() -> dict[str, str] | None:
            state = self.state(unit)
            return state if state.items() >= expected.items() else None

        return eventually(look, f"{unit} {expected}, but {self.state(unit)}", timeout_s=30)


@contextmanager
def installed() -> Iterator[Installed]:
    """Boot a box, and install the service."""
    with Box(SEEN) as box:
        service = Installed(box)
        service.install()
        yield service
