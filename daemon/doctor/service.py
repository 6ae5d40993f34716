"""The service: what systemd says of it."""

import subprocess
from pathlib import Path

from daemon.doctor.findings import Finding, failure, ok, warning

CHECK = "systemd"
SERVICE, SOCKET = "sniperd.service", "sniperd.socket"
RUNNING = Path("/run/systemd/system")
"""There where systemd runs, says sd_booted(3)."""

NAMES = ("LoadState", "ActiveState", "SubState", "Result", "ExecMainStatus", "NRestarts", "StatusText")
TIMEOUT_S = 10


def ask(unit: str) -> dict[str, str]:
    """Ask systemd for a unit's state; nothing where there is no systemd."""
    if not RUNNING.exists():
        return {}
    command = ["systemctl", "show", unit, *(f"-p{name}" for name in NAMES)]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)  # noqa: S603  # fixed words
    except (OSError, subprocess.TimeoutExpired):
        return {}
    return dict(line.split("=", 1) for line in ran.stdout.splitlines() if "=" in line)


def examine(service: dict[str, str], socket: dict[str, str]) -> Finding:
    """Judge the service by what systemd says of it and of its sockets."""
    if not service or service["LoadState"] == "not-found":
        return ok(CHECK, "sniperd is not installed as a service here")
    state = service["ActiveState"]
    if state == "failed":
        return failure(
            CHECK,
            f"{SERVICE} has failed: {service['Result']}, exit code {service['ExecMainStatus']}",
            f"read journalctl -u {SERVICE}, mend what it names, then systemctl start {SOCKET} {SERVICE}",
        )
    if socket.get("ActiveState") != "active":
        return warning(
            CHECK,
            f"{SERVICE} is {state}, and its sockets are not systemd's: who calls during a restart is refused",
            f"systemctl enable --now {SOCKET}",
        )
    if state != "active":
        return warning(CHECK, f"{SERVICE} is {state}", f"systemctl start {SERVICE}")
    restarts = int(service["NRestarts"] or 0)
    if restarts:
        return warning(
            CHECK, f"{SERVICE} is active after {restarts} restarts", f"journalctl -u {SERVICE} tells why it ended"
        )
    return ok(CHECK, f"{SERVICE} is active; {service['StatusText'] or 'no status line'}")
