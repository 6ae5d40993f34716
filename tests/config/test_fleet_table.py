"""The fleet's table: what members must agree on before one of them may trade."""

from pathlib import Path
from typing import Any

import pytest

from daemon.config.credentials import Secret
from daemon.config.fleet_table import FleetTable, password
from daemon.config.loading import check, parse
from daemon.config.tables import Config
from daemon.errors import BadConfig, NoPermission

URL = "postgresql://sniperd@db1,db2/sniperd?sslmode=verify-full"
LIVE = {
    "exchange": {"mode": "live"},
    "guards": {"max_notional_per_order": 50, "max_notional_per_day": 500},
}


def fleet(**keys: object) -> dict[str, Any]:
    """Return a live member's configuration."""
    return {**LIVE, "fleet": {"url": URL, **keys}}


def refusal(found: dict[str, Any]) -> str:
    """Return what is said of a wrong configuration."""
    with pytest.raises(BadConfig) as refused:
        check(parse(found))
    return str(refused.value)


def test_there_is_no_fleet_by_default() -> None:
    assert Config().fleet == FleetTable()
    assert not FleetTable().url
    assert not FleetTable().is_door
    assert FleetTable(role="door").is_door


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param({}, id="a synchronous pair"),
        pytest.param({"url": "postgres://db/x"}, id="without a user"),
        pytest.param({"url": "postgresql:///sniperd?host=/run/postgresql", "durability": "single"}, id="a Unix socket"),
        pytest.param({"url": "valkeys://sniperd@cache:6380", "durability": "below"}, id="Valkey"),
        pytest.param({"url": "redis://127.0.0.1", "durability": "single"}, id="Redis"),
        pytest.param({"role": "door", "name": "laptop.home", "ledger": "second_account-2"}, id="a door"),
        pytest.param({"lease_ms": 4_500}, id="the shortest lease of these renewals and this window"),
    ],
)
def test_a_fleet_is_accepted(keys: dict[str, object]) -> None:
    assert check(parse(fleet(**keys))).fleet == FleetTable(**{"url": URL, **keys})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        pytest.param(
            fleet(lease_ms=4_499),
            "[fleet] lease_ms = 4499 is too short; allowed: at least [exchange] recv_window_ms + 2 * renew_ms + 500 = "
            "2000 + 2 * 1000 + 500 = 4500",
            id="a lease that one late renewal ends",
        ),
        pytest.param(
            fleet(ledger="the account"),
            "[fleet] ledger = 'the account'; allowed: 1 to 40 letters, digits, - and _",
            id="a ledger with a blank",
        ),
        pytest.param(fleet(ledger=""), "[fleet] ledger = ''; allowed: 1 to 40", id="no ledger"),
        pytest.param(fleet(name="a b"), "[fleet] name = 'a b'; allowed: up to 64 letters", id="a name with a blank"),
        pytest.param(
            fleet(url="mysql://db/x"),
            "[fleet] url begins with 'mysql'; allowed: postgresql://USER@HOST[:PORT]/DATABASE, or valkey://",
            id="another database",
        ),
        pytest.param(fleet(url="db1"), "[fleet] url begins with ''; allowed: postgresql://", id="a host alone"),
        pytest.param(fleet(url="postgresql://[::1"), "[fleet] url is no address: ", id="torn off"),
        pytest.param(fleet(url="postgresql://db1:x/y"), "[fleet] url is no address: Port could not", id="no port"),
        pytest.param(
            fleet(url="valkey://db1:99999"), "[fleet] url is no address: Port out of range", id="a large port"
        ),
        *(
            pytest.param(
                fleet(url=url, durability="single"), '[fleet] durability = "single" is for one server, and', id=url
            )
            for url in ("postgresql://sniperd@/x?host=/run/a,/run/b", "valkey://s1/?sentinel=main")
        ),
        pytest.param(
            fleet(durability="single"),
            '[fleet] durability = "single" is for one server, and url names several',
            id="one server that is two",
        ),
        pytest.param(
            {"fleet": {"url": URL}},
            '[fleet] url does not go with [exchange] mode = "paper": each member would have a paper exchange with a '
            "book of its own, and after a takeover every order would be lost; to rehearse, start one `sniperd "
            'exchange`, and give all members mode = "live" with its address on this machine as base_url',
            id="a fleet on paper",
        ),
        pytest.param(
            {"fleet": {"url": URL}, "exchange": {"shadow": True}},
            "[fleet] url does not go with [exchange] shadow = true: ",
            id="a fleet in the shadow",
        ),
    ],
)
def test_a_contradiction_is_named_with_what_to_do(found: dict[str, Any], said: str) -> None:
    assert refusal(found).startswith(said)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://sniperd:hunter22@db1/sniperd",
        "postgresql://sniperd:hunter22@db1,db2:5433/sniperd",
        "postgresql://db1/sniperd?user=x&password=hunter22",
        "postgresql://db1/sniperd?sslpassword=hunter22",
        "redis://:hunter22@127.0.0.1",
        "mysql://a:hunter22@b/c",
    ],
)
def test_a_password_in_the_url_is_refused_and_not_repeated(url: str) -> None:
    said = refusal(fleet(url=url))
    assert said.startswith("[fleet] url holds a password, and this file is not secret; remove it")
    assert "fleet_password" in said
    assert "hunter22" not in said


def test_the_password_is_a_credential_or_a_private_file(tmp_path: Path) -> None:
    given, file = tmp_path / "fleet_password", tmp_path / "file"
    for path, text in ((given, "from-systemd\n"), (file, "from-the-file\n")):
        path.write_text(text)
        path.chmod(0o600)
    table = FleetTable(password_file=str(file))
    assert revealed(password(table, {"CREDENTIALS_DIRECTORY": str(tmp_path)})) == "from-systemd"
    assert revealed(password(table, {})) == "from-the-file"
    assert password(FleetTable(), {}) is None


def test_a_password_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("from-the-file")
    file.chmod(0o644)
    with pytest.raises(NoPermission, match="replace the password by a new one, then chmod 600"):
        password(FleetTable(password_file=str(file)), {})


def revealed(found: Secret | None) -> str | None:
    return None if found is None else found.reveal()
