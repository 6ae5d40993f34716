"""Two sockets: one trades and administers, the other only reads; the file modes keep other users out."""

import stat
import subprocess
import sys
from typing import Any

import pytest

from tests.support import Daemon, ask, wall_ms
from tests.support.signals import market_buy

CHANGES: list[tuple[str, str, Any]] = [
    ("POST", "/v1/signals", market_buy()),
    ("POST", "/v1/signals/batch", [market_buy()]),
    ("DELETE", "/v1/orders/{id}", None),
    ("POST", "/v1/admin/halt", {"reason": "x"}),
    ("POST", "/v1/admin/resume", {"reason": "x"}),
    ("POST", "/v1/admin/orders/{id}/resolve", {"reason": "x", "ruling": "not_placed"}),
    ("POST", "/v1/admin/orders/{id}/requeue", {"reason": "x"}),
    ("POST", "/v1/orders/{id}/reschedule", {"reason": "x", "executeAt": 1}),
]


@pytest.mark.parametrize(("method", "target", "body"), CHANGES, ids=[f"{each[0]} {each[1]}" for each in CHANGES])
def test_the_status_socket_changes_nothing(daemon: Daemon, method: str, target: str, body: Any) -> None:
    order_id = daemon.accept(market_buy(executeAt=wall_ms() + 3_600_000))
    refused = ask(daemon.status, method, target.replace("{id}", order_id), body)
    assert refused.status in {404, 405}
    assert daemon.get("/v1/orders?limit=1")["orders"][0]["id"] == order_id
    assert daemon.order(order_id)["state"] == "queued"
    assert daemon.get("/v1/status")["halted"] is None


def test_the_signals_socket_reads_too(daemon: Daemon) -> None:
    for target in ("/v1/status", "/v1/orders", "/healthz", "/readyz"):
        assert daemon.ask("GET", target).status == 200


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("signals.sock", 0o660),
        ("status.sock", 0o660),
        ("sniperd.db", 0o600),
        ("sniperd.db-wal", 0o600),
        ("sniperd.db-shm", 0o600),
        ("sniperd.db.lock", 0o600),
    ],
)
def test_files_have_the_right_modes(daemon: Daemon, name: str, mode: int) -> None:
    assert oct(stat.S_IMODE((daemon.directory / name).stat().st_mode)) == oct(mode)


@pytest.mark.needs("root")
@pytest.mark.parametrize("name", ["signals.sock", "status.sock"])
def test_a_stranger_cannot_even_connect(daemon: Daemon, name: str) -> None:
    program = (
        "import os, socket, sys; os.setgroups([]); os.setresgid(*3 * (65534,)); os.setresuid(*3 * (65534,));"
        "print(socket.socket(socket.AF_UNIX).connect_ex(sys.argv[1]))"
    )
    for directory in (daemon.directory, daemon.directory.parent):
        directory.chmod(0o755)
    ran = subprocess.run([sys.executable, "-c", program, str(daemon.directory / name)], capture_output=True, check=True)
    assert int(ran.stdout) == 13
