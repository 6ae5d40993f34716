"""Which backend a URL names. An adapter, and its driver, is imported only when it is used."""

import os
from contextlib import AbstractAsyncContextManager
from importlib import import_module
from types import ModuleType
from urllib.parse import parse_qs, urlsplit

from daemon.config.credentials import Secret
from daemon.errors import BadConfig
from daemon.fleet.port import Backend

ADAPTERS = {"postgresql": "postgres", "postgres": "postgres"} | dict.fromkeys(
    ("valkey", "valkeys", "redis", "rediss"), "valkey"
)
"""The modules of this package by the schemes of their URLs. Each has ``open_log`` and ``create_log``."""

FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
"""The parameters of a URL that name files."""


def open_backend(
    url: str, ledger: str, durability: str, password: Secret | None = None
) -> AbstractAsyncContextManager[Backend]:
    """Open a ledger. The backend connects when it is used, so a database that is away does not prevent this.

    Raises:
        BadConfig: no backend has such a URL, its driver is not installed, or a file that it names cannot be read.

    """
    opened: AbstractAsyncContextManager[Backend] = _adapter(url).open_log(url, ledger, durability, password)
    return opened


async def create_log(url: str, ledger: str, account: str, *, role: str = "", password: Secret | None = None) -> None:
    """Create what is missing: the tables, the rights of the daemons' role, the ledger of an account.

    Args:
        url: how to connect, as a user that may do this.
        ledger: the name of the ledger.
        account: the hash of the account's API key. It tells two accounts apart.
        role: the existing user that the daemons connect as; empty: the user of the URL.
        password: the password of the URL's user.

    Raises:
        BadConfig: the ledger belongs to another account, or the account has another ledger, or as above.
        BackendFailed: the database does not answer.
        NoPermission: the user lacks a right.

    """
    await _adapter(url).create_log(url, ledger, account, role=role, password=password)


def _check_files(url: str) -> None:
    """Check the certificates that a URL names: the drivers' errors do not say which file is missing."""
    for name, values in parse_qs(urlsplit(url).query).items():
        if name in FILES and not os.access(values[-1], os.R_OK):
            raise BadConfig(f"[fleet] url names {name}={values[-1]}, which is not there or cannot be read by this user")


def _adapter(url: str) -> ModuleType:
    scheme = urlsplit(url).scheme
    if scheme not in ADAPTERS:
        raise BadConfig(f"[fleet] url begins with {scheme}://; the backends are {', '.join(ADAPTERS)}")
    _check_files(url)
    try:
        return import_module(f"daemon.fleet.{ADAPTERS[scheme]}")
    except ModuleNotFoundError as error:
        raise BadConfig(f"{scheme}:// needs {error.name}, which is missing: pip install 'sniperd[fleet]'") from error
