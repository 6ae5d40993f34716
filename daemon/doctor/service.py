"""The service: what systemd reports about it."""

import re
import subprocess
from pathlib import Path

from daemon.doctor.findings import Finding, failure, ok, warning

CHECK, HARDENING = "systemd", "hardening"
MOST_EXPOSED = 2.0
"""The shipped unit has less than 1.5."""

RUNNING = Path("/run/systemd/system")
"""Exists if systemd runs: see sd_booted(3)."""

NAMES = ("LoadState", "ActiveState", "SubState", "Result", "ExecMainStatus", "NRestarts", "StatusText")
TIMEOUT_S = 10


def ask(unit: str) -> dict[str, str]:
    """Return a unit's properties; empty if there is no systemd."""
    if not RUNNING.exists():
        return {}
    command = ["systemctl", "show", unit, *(f"-p{name}" for name in NAMES)]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)  # noqa: S603  # fixed words
    except (OSError, subprocess.TimeoutExpired):
        return {}
    return dict(line.split("=", 1) for line in ran.stdout.splitlines() if "=" in line)


def exposure(name: str, unit: dict[str, str]) -> Finding | None:
    """Check the hardening of a service with systemd-analyze; ``None`` if it is not installed."""
    if not unit or unit["LoadState"] != "loaded":
        return None
    command = ["systemd-analyze", "security", "--no-pager", f"{name}.service"]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)  # noqa: S603  # fixed words
    except (OSError, subprocess.TimeoutExpired) as error:
        return warning(HARDENING, f"systemd-analyze failed: {error}", f"run systemd-analyze security {name}.service")
    return judge_exposure(name, ran.stdout)


def judge_exposure(name: str, report: str) -> Finding:
    """Read the last line of systemd-analyze's report."""
    found = re.search(r"exposure level for \S+: ([0-9.]+)", report)
    advice = (
        f"compare with the unit of this version; `systemd-analyze security {name}.service` and "
        f"`systemctl cat {name}.service`"
    )
    if found is None:
        return warning(HARDENING, "systemd-analyze gives no verdict", advice)
    text = f"exposure {found[1]} of 10 according to systemd-analyze"
    return warning(HARDENING, text, advice) if float(found[1]) > MOST_EXPOSED else ok(HARDENING, text)


def examine(name: str, service: dict[str, str], socket: dict[str, str]) -> Finding:
    """Check the service, or an instance of it, by the properties of its service and socket unit."""
    if not service or service["LoadState"] == "not-found":
        return ok(CHECK, f"{name} is not installed as a service here")
    unit, state = f"{name}.service", service["ActiveState"]
    if state == "failed":
        return failure(
            CHECK,
            f"{unit} has failed: {service['Result']}, exit code {service['ExecMainStatus']}",
            f"read journalctl -u {unit}, correct what it names, then systemctl start {name}.socket {unit}",
        )
    if socket.get("ActiveState") != "active":
        return warning(
            CHECK,
            f"{unit} is {state}, and its sockets are not systemd's: callers are refused during a restart",
            f"systemctl enable --now {name}.socket",
        )
    if state != "active":
        return warning(CHECK, f"{unit} is {state}", f"systemctl start {unit}")
    restarts = int(service["NRestarts"] or 0)
    if restarts:
        return warning(CHECK, f"{unit} is active after {restarts} restarts", f"journalctl -u {unit} shows why it ended")
    return ok(CHECK, f"{unit} is active; {service['StatusText'] or 'no status line'}")
