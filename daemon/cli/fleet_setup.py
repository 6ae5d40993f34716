"""What ``sniperd fleet init`` does: it is slow to import, and no daemon may run meanwhile."""

from pathlib import Path

import anyio

from daemon.cli.backup import configured_database
from daemon.config.loading import load
from daemon.config.paths import environment
from daemon.config.tables import Config
from daemon.doctor import keys
from daemon.doctor.fleet import password_of
from daemon.errors import BadConfig, NoPermission
from daemon.fleet.agreement import account_hash
from daemon.fleet.backends import create_log, open_backend
from daemon.fleet.beginning import Begun, begin_log


def configured(config_path: Path | None) -> Config:
    """Return the configuration of a member.

    Raises:
        BadConfig: it cannot be read, or is of no member.

    """
    config = Config() if config_path is None else load(config_path)
    if not config.fleet.url:
        raise BadConfig("the configuration has no [fleet] url; name its file with --config; see `sniperd manual fleet`")
    return config


def make_ledger(config_path: Path | None, url: str, role: str) -> Begun | None:
    """Make tables, rights and ledger, and enter this machine's database, if there is one, as the log's beginning.

    Raises:
        BackendFailed: the fleet's database does not answer, or the user lacks a right.
        NoPermission: there is no key, or it or the password cannot be read.
        StartupError: the database cannot be entered, or the ledger is another account's.

    """
    config = configured(config_path)
    found = keys.find(config.exchange, environment())
    if found is None:
        raise NoPermission(
            "no key of the exchange can be read, by which the account is recognised; run this as root, or as the "
            "daemon's user with its environment"
        )
    fleet, password = config.fleet, password_of(config.fleet, environment())
    account = account_hash(config.exchange.server, found.api_key)
    database = configured_database(config_path)

    async def make() -> Begun | None:
        await create_log(url or fleet.url, fleet.ledger, account, role=role, password=None if url else password)
        if not database.exists():
            return None
        async with open_backend(fleet.url, fleet.ledger, fleet.durability, password) as backend:
            return await begin_log(backend, database)

    return anyio.run(make)
