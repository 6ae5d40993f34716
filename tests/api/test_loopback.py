"""The loopback listener: every process on this machine may read, holders of the token may change."""

import http.client
import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support import Daemon, Exchange
from tests.support.signals import market_buy
from tests.support.stage import Stage, stage


@pytest.fixture(scope="module")
def place() -> Iterator[Stage]:
    with stage() as found:
        yield found


@pytest.fixture(scope="module")
def listening(place: Stage, package_exchange: Exchange) -> Daemon:
    """A daemon that listens on any free port of the loopback."""
    daemon = place.daemon(package_exchange, {"http": {"listen": "127.0.0.1:0"}})
    daemon.start(with_rules=True)
    return daemon


def address(daemon: Daemon) -> str:
    return str(urlsplit(daemon.wait_for("daemon.ready")["http"]).netloc)


def token_file(daemon: Daemon) -> Path:
    return daemon.database.with_name("http-token")


def ask(
    daemon: Daemon, method: str, target: str, body: object = None, *, token: str | None = None, host: str | None = None
) -> tuple[int, Any]:
    """Make one request over TCP."""
    connection = http.client.HTTPConnection(address(daemon), timeout=10)
    headers = {"Host": host or address(daemon)} | ({} if token is None else {"Authorization": f"Bearer {token}"})
    try:
        connection.request(method, target, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def test_every_process_on_this_machine_may_read(listening: Daemon) -> None:
    for target in ("/v1/status", "/v1/orders", "/v1/locks", "/api/transaction-locks"):
        assert ask(listening, "GET", target)[0] == 200
    check = {"action": "check", "resourceId": "trade:BTCUSDT:BUY:1"}
    assert ask(listening, "POST", "/api/transaction-locks", check)[0] == 200


@pytest.mark.parametrize("token", [None, "", "wrong"])
def test_a_change_needs_the_token(listening: Daemon, token: str | None) -> None:
    for method, target, body in (
        ("POST", "/v1/signals", market_buy()),
        ("POST", "/api/mexc/trade", {}),
        ("POST", "/v1/locks", {"resourceId": "a", "ownerId": "b"}),
        ("POST", "/v1/admin/halt", {"reason": "no"}),
        ("DELETE", "/api/transaction-locks?ownerId=bot", None),
    ):
        assert ask(listening, method, target, body, token=token)[0] == 401
    assert listening.get("/v1/status")["halted"] is None


def test_a_holder_of_the_token_may_change_and_is_recorded(listening: Daemon) -> None:
    token = token_file(listening).read_text().strip()
    status, order = ask(listening, "POST", "/v1/signals", market_buy(), token=token)
    assert status == 202
    assert listening.explain(order["id"])["events"][0]["actor"] == "token"


def test_only_the_daemons_user_can_read_the_token_and_a_restart_keeps_it(listening: Daemon) -> None:
    file = token_file(listening)
    token = file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    listening.restart()
    assert file.read_text() == token
    assert token.strip() not in listening.transcript()


def test_a_foreign_host_name_is_not_served(listening: Daemon) -> None:
    """A foreign page whose host name resolves to this machine cannot read through a browser."""
    status, answer = ask(listening, "GET", "/v1/status", host="attacker.example")
    assert (status, "Host" in answer["message"]) == (421, True)


def test_a_foreign_origin_is_refused(listening: Daemon) -> None:
    connection = http.client.HTTPConnection(address(listening), timeout=10)
    try:
        connection.request("OPTIONS", "/v1/signals", headers={"Origin": "https://attacker.example"})
        response = connection.getresponse()
        response.read()
        assert response.status in {401, 405}
        assert "access-control-allow-origin" not in {name.lower() for name in response.headers}
    finally:
        connection.close()


def test_a_token_that_others_may_read_is_refused(place: Stage, package_exchange: Exchange) -> None:
    daemon = place.daemon(package_exchange, {"http": {"listen": "127.0.0.1:0"}})
    token_file(daemon).write_text("known to all")
    token_file(daemon).chmod(0o644)
    process = daemon.launch()
    assert process.exit_code() == 77
    assert "chmod 600" in process.transcript()


def test_a_taken_port_is_named(place: Stage, package_exchange: Exchange, listening: Daemon) -> None:
    daemon = place.daemon(package_exchange, {"http": {"listen": address(listening)}})
    process = daemon.launch()
    assert process.exit_code() == 75
    assert address(listening) in process.transcript()
