"""The service: what systemd reports about it."""

import re
import subprocess
from pathlib import Path

from daemon.doctor.findings import Finding, failure, ok, warning

CHECK, HARDENING = "systemd", "hardening"
MOST_EXPOSED = 2.0
"""The shipped unit has less than 1.5."""

SERVICE, SOCKET = "sniperd.service", "sniperd.socket"
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


def exposure(unit: dict[str, str]) -> Finding | None:
    """Check the service's hardening with systemd-analyze; ``None`` if it is not installed."""
    if not unit or unit["LoadState"] != "loaded":
        return None
    command = ["systemd-analyze", "security", "--no-pager", SERVICE]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)  # noqa: S603  # fixed words
    except (OSError, subprocess.TimeoutExpired) as error:
        return warning(HARDENING, f"systemd-analyze failed: {error}", f"run systemd-analyze security {SERVICE}")
    return judge_exposure(ran.stdout)


def judge_exposure(report: str) -> Finding:
    """Read the last line of systemd-analyze's report."""
    found = re.search(r"exposure level for \S+: ([0-9.]+)", report)
    advice = (
        f"compare with the unit of this version; `systemd-analyze security {SERVICE}` and `systemctl cat {SERVICE}`"
    )
    if found is None:
        return warning(HARDENING, "systemd-analyze gives no verdict", advice)
    text = f"exposure {found[1]} of 10 according to systemd-analyze"
    return warning(HARDENING, text, advice) if float(found[1]) > MOST_EXPOSED else ok(HARDENING, text)


def examine(service: dict[str, str], socket: dict[str, str]) -> Finding:
    """Check the service by the properties of its service and socket unit."""
    if not service or service["LoadState"] == "not-found":
        return ok(CHECK, "sniperd is not installed as a service here")
    state = service["ActiveState"]
    if state == "failed":
        return failure(
            CHECK,
            f"{SERVICE} has failed: {service['Result']}, exit code {service['ExecMainStatus']}",
            f"read journalctl -u {SERVICE}, correct what it names, then systemctl start {SOCKET} {SERVICE}",
        )
    if socket.get("ActiveState") != "active":
        return warning(
            CHECK,
            f"{SERVICE} is {state}, and its sockets are not systemd's: callers are refused during a restart",
            f"systemctl enable --now {SOCKET}",
        )
    if state != "active":
        return warning(CHECK, f"{SERVICE} is {state}", f"systemctl start {SERVICE}")
    restarts = int(service["NRestarts"] or 0)
    if restarts:
        return warning(
            CHECK, f"{SERVICE} is active after {restarts} restarts", f"journalctl -u {SERVICE} shows why it ended"
        )
    return ok(CHECK, f"{SERVICE} is active; {service['StatusText'] or 'no status line'}")
