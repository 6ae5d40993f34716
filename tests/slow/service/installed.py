"""sniperd as a service in a box: installed as the README says, trading on a simulated exchange in the same box."""

import re
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.processes.box import Box
from tests.processes.daemon_process import KEYS, QUICK, Tables, as_toml, merged
from tests.processes.waiting import eventually

SOURCES = Path(__file__).parents[3]
HOME, PYTHON, SITE, CHECKOUT = "/opt/sniperd", "/opt/python", "/opt/site", "/opt/checkout"
EXCHANGE = "127.0.0.1:8765"
LIVE: Tables = merged(QUICK, {"exchange": {"mode": "live", "base_url": f"http://{EXCHANGE}"}})
CONFIG = "/etc/sniperd/config.toml"
SIGNALS, STATUS = "/run/sniperd/signals.sock", "/run/sniperd/status.sock"


class Installed:
    """The service."""

    def __init__(self, box: Box) -> None:
        self.box = box

    def recipe(self) -> list[str]:
        """Return the README's steps of an installation."""
        text = (SOURCES / "README.md").read_text(encoding="utf-8")
        found = re.search(r"### As a service.*?```sh\n(.*?)```", text, re.DOTALL)
        assert found is not None
        return found[1].splitlines()

    def install(self) -> None:
        """Follow the README word for word, but for what fetches packages: the box sees those of the test run."""
        (
            make_home,
            *fetching,
        ) = [line for line in self.recipe() if HOME in line]
        self.box.run("sh", "-ec", make_home)
        assert len(fetching) == 2
        self._put_program()
        steps = [line for line in self.recipe() if HOME not in line]
        self.box.run("sh", "-ec", f"cd {CHECKOUT}; " + "\n".join(steps))

    def _put_program(self) -> None:
        version = "python{}.{}".format(*sys.version_info)
        python = f"{PYTHON}/bin/{version}" if PYTHON in self.box_sees().values() else sys.executable
        self.box.run(python, "-m", "venv", "--without-pip", HOME)
        self.box.write(f"{HOME}/lib/{version}/site-packages/sniperd.pth", f"{SITE}\n{CHECKOUT}\n")
        # An interpreter from a home finds its library by a path in there, which services do not see.
        program = f'#!/bin/sh\nLD_LIBRARY_PATH={PYTHON}/lib exec {HOME}/bin/python -m daemon "$@"\n'
        self.box.write(f"{HOME}/bin/sniperd", program, "755")

    @staticmethod
    def box_sees() -> dict[str, str]:
        """Return what the box must see of this machine: services see no home, so what lies in one is put elsewhere."""
        seen = {str(SOURCES): CHECKOUT, sysconfig.get_path("purelib"): SITE}
        return seen if sys.base_prefix == "/usr" else seen | {sys.base_prefix: PYTHON}

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
        """Ask the database."""
        program = "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute(sys.argv[2]).fetchone()[0])"
        return int(self.box.run(f"{HOME}/bin/python", "-c", program, "/var/lib/sniperd/sniperd.db", query).stdout)

    def state(self, unit: str = "sniperd.service") -> dict[str, str]:
        """Return how a unit stands."""
        names = ("ActiveState", "SubState", "Result", "NRestarts", "MainPID", "StatusText", "ExecMainStatus")
        return self.box.show(unit, *names)

    def until(self, unit: str = "sniperd.service", **expected: Any) -> dict[str, str]:
        """Wait until a unit stands so."""

        def look() -> dict[str, str] | None:
            state = self.state(unit)
            return state if state.items() >= expected.items() else None

        return eventually(look, f"{unit} {expected}, but {self.state(unit)}", timeout_s=30)


@contextmanager
def installed() -> Iterator[Installed]:
    """Boot a box, and install the service."""
    with Box(Installed.box_sees()) as box:
        service = Installed(box)
        service.install()
        yield service
