"""``sniperd fleet init``: what it makes, and what it says where it cannot."""

import secrets
from pathlib import Path
from typing import Any

import pytest

from tests.fleet.conftest import postgres
from tests.process.cli.command import Command
from tests.support import KEYS
from tests.support.daemon_process import as_toml, plain_environment
from tests.support.postgres import ADMIN, PostgresServer
from tests.support.stage import Stage
from tests.support.valkey_process import ValkeyProcess

__all__ = ["postgres"]

pytestmark = pytest.mark.needs("postgresql")


RIGHTS = """
SELECT grantee || ' ' || table_name, string_agg(privilege_type, ' ' ORDER BY privilege_type)
FROM information_schema.role_table_grants WHERE table_schema = 'sniperd' GROUP BY 1
"""


class Machine:
    """A machine's configuration, and the command there."""

    def __init__(self, directory: Path, url: str) -> None:
        self.directory = directory
        self.config: dict[str, dict[str, Any]] = {
            "exchange": {"mode": "live", "base_url": "http://127.0.0.1:1"},
            "store": {"path": str(directory / "sniperd.db")},
            "fleet": {"url": url, "ledger": secrets.token_hex(6), "durability": "single"},
        }
        self.environ = plain_environment(directory) | KEYS.environ()

    def command(self) -> Command:
        """Return the command, with the configuration as it is now."""
        path = self.directory / "config.toml"
        path.write_text(as_toml(self.config), encoding="utf-8")
        return Command(self.environ | {"SNIPERD_CONFIG": str(path)}, self.directory)


@pytest.fixture
def machine(postgres: PostgresServer, tmp_path: Path) -> Machine:
    """A machine whose account is in no ledger yet."""
    found = Machine(tmp_path, postgres.url())
    found.environ["MEXC_API_KEY"] = f"mx0v{secrets.token_hex(8)}"
    return found


def init(machine: Machine, postgres: PostgresServer, *words: str) -> Any:
    return machine.command()("fleet", "init", "--url", postgres.url(user=ADMIN), "--role", "sniperd", *words)


def test_a_machine_without_a_database_begins_an_empty_ledger(machine: Machine, postgres: PostgresServer) -> None:
    for _ in range(2):
        ran = init(machine, postgres)
        assert (ran.code, ran.output) == (0, "the ledger is there, and empty: start the daemons\n"), ran


def test_a_role_that_owns_its_database_makes_the_ledger_and_keeps_the_rights_of_a_daemon_alone(
    machine: Machine, postgres: PostgresServer
) -> None:
    """As the handbook's first step has it; the role is no administrator. Another account's ledger is made later."""
    role = f"plain_{secrets.token_hex(4)}"
    postgres.sql(f"CREATE ROLE {role} LOGIN")
    postgres.sql(f"CREATE DATABASE {role} OWNER {role}")
    machine.config["fleet"]["url"] = postgres.url(database=role, user=role)
    for _ in range(2):
        ran = machine.command()("fleet", "init")
        assert (ran.code, ran.output) == (0, "the ledger is there, and empty: start the daemons\n"), ran
    machine.config["fleet"]["ledger"] = "of-another-account"
    machine.environ["MEXC_API_KEY"] = f"mx0v{secrets.token_hex(8)}"
    assert machine.command()("fleet", "init").code == 0
    rights = dict(row.split("|") for row in postgres.sql(RIGHTS, database=role).splitlines())
    assert rights[f"{role} ledgers"] == "SELECT UPDATE"
    assert rights[f"{role} log"] == "INSERT SELECT"


def test_a_machine_whose_database_is_lost_begins_no_ledger(machine: Machine, postgres: PostgresServer) -> None:
    """Its ledger would be empty, and its signals would be bought again."""
    (machine.directory / "sniperd.db.lock").write_text("1234")
    ran = init(machine, postgres)
    assert (ran.code, "put it back, or run `sniperd restore BACKUP`" in ran.errors) == (65, True), ran
    (machine.directory / "sniperd.db.lock").unlink()
    assert init(machine, postgres).code == 0


def test_a_role_that_may_not_make_tables_is_told_who_may(machine: Machine) -> None:
    ran = machine.command()("fleet", "init")
    assert ran.code == 77
    assert "permission denied" in ran.errors
    assert "OWNER TO" in ran.errors
    assert "--url" in ran.errors
    assert "--role" in ran.errors


def with_password(machine: Machine, url: str, password: str) -> None:
    """Let the machine's daemons use a database with a password."""
    file = machine.directory / "password"
    file.write_text(password)
    file.chmod(0o600)
    machine.config["fleet"] |= {"url": url, "password_file": str(file)}


def test_a_wrong_password_is_no_reason_to_try_again(machine: Machine, postgres: PostgresServer) -> None:
    with_password(machine, f"postgresql://sniperd@127.0.0.1:{postgres.port}/postgres", "wrong-battery")
    for words in (["init"], ["init", "--replace-key"]):
        ran = machine.command()("fleet", *words)
        assert ran.code == 77, ran
        assert "password authentication failed" in ran.errors
        assert "password_file" in ran.errors
        assert "battery" not in ran.errors


def test_a_wrong_password_of_valkey_is_none_either(machine: Machine, shared_stage: Stage) -> None:
    server = ValkeyProcess.started(shared_stage, user="sniperd on >correct-horse ~* &* +@all")
    with_password(machine, f"valkey://sniperd@127.0.0.1:{server.port}/0", "wrong-battery")
    ran = machine.command()("fleet", "init")
    assert (ran.code, "password_file" in ran.errors, "battery" in ran.errors) == (77, True, False), ran
    with_password(machine, f"valkey://sniperd@127.0.0.1:{server.port}/0", "correct-horse")
    assert machine.command()("fleet", "init").code == 0


def test_a_password_in_the_url_of_the_administrator_is_refused_and_not_repeated(machine: Machine) -> None:
    ran = machine.command()("fleet", "init", "--url", "postgresql://postgres:swordfish@127.0.0.1:1/sniperd")
    assert ran.code == 78
    assert "--url holds a password" in ran.errors
    assert "swordfish" not in ran.errors + ran.output


def test_the_url_of_the_administrator_is_named_by_its_option(machine: Machine) -> None:
    ran = machine.command()("fleet", "init", "--url", "db1")
    assert (ran.code, ran.errors.startswith("Error: --url begins with ''; allowed: postgresql")) == (78, True), ran


def test_a_role_that_is_not_there_is_no_reason_to_try_again(machine: Machine, postgres: PostgresServer) -> None:
    ran = machine.command()("fleet", "init", "--url", postgres.url(user=ADMIN), "--role", 'no "such"; role')
    assert (ran.code, "CREATE ROLE" in ran.errors) == (78, True), ran


def test_one_account_has_one_ledger(machine: Machine, postgres: PostgresServer) -> None:
    assert init(machine, postgres).code == 0
    first, machine.config["fleet"]["ledger"] = machine.config["fleet"]["ledger"], "second"
    ran = init(machine, postgres)
    assert ran.code == 78
    assert f"this account has a ledger already, {first}; ledger second must not be a second one" in ran.errors


def test_a_replaced_key_of_the_account_is_recorded(machine: Machine, postgres: PostgresServer) -> None:
    """The daemons' role may do it. Before that the ledger is another account's."""
    ran = machine.command()("fleet", "init", "--replace-key")
    assert ran.code == 75
    assert "there is no ledger" in ran.errors or "does not exist" in ran.errors
    assert init(machine, postgres).code == 0
    machine.environ["MEXC_API_KEY"] = f"mx0v{secrets.token_hex(8)}"
    ran = init(machine, postgres)
    assert ran.code == 78
    assert "belongs to another account" in ran.errors
    assert "--replace-key" in ran.errors
    ran = machine.command()("fleet", "init", "--replace-key", "--role", "sniperd")
    assert ran.code == 2
    ran = machine.command()("fleet", "init", "--replace-key")
    assert (ran.code, ran.output) == (
        0, f"ledger {machine.config['fleet']['ledger']} knows this machine's key now: restart the members with it\n"
    )  # fmt: skip
    assert init(machine, postgres).code == 0
    ran = machine.command()("fleet", "init", "--replace-key", "--json")
    assert ran.json == {"ledger": machine.config["fleet"]["ledger"]}


def test_without_a_key_the_account_is_not_known(machine: Machine, postgres: PostgresServer) -> None:
    for name in KEYS.environ():
        del machine.environ[name]
    ran = init(machine, postgres)
    assert ran.code == 77
    assert "no key of the exchange can be read" in ran.errors


def test_without_a_fleet_it_says_what_to_set(machine: Machine, postgres: PostgresServer) -> None:
    del machine.config["fleet"]
    ran = init(machine, postgres)
    assert ran.code == 78
    assert "no [fleet] url" in ran.errors
