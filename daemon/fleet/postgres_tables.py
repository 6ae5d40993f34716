"""The fleet's tables in PostgreSQL, and the rights of the role that the daemons use.

The role may append to the log, and may not change or remove its entries. If it owns the tables itself, it could give
itself these rights again: an administrator creates the tables where that matters.

Entry 0 of a log is no entry: it is what entry 1 follows, so every append finds what comes before it.
"""

import asyncpg

from daemon.config.credentials import Secret
from daemon.errors import BackendFailed, BadConfig, NoPermission
from daemon.fleet.port import GENESIS, another_accounts, second_log
from daemon.fleet.postgres_line import CONNECT_S, DRIVER_ERRORS, Servers, said

_TABLES = """
CREATE SCHEMA IF NOT EXISTS sniperd;
CREATE TABLE IF NOT EXISTS sniperd.ledgers (
    ledger text PRIMARY KEY,
    account text NOT NULL UNIQUE,  -- hash of its API key: one ledger for an account
    owner text NOT NULL DEFAULT '',
    epoch bigint NOT NULL DEFAULT 0,
    until_ms bigint NOT NULL DEFAULT 0  -- by the exchange's clock
);
CREATE TABLE IF NOT EXISTS sniperd.log (
    ledger text NOT NULL,
    n bigint NOT NULL,
    epoch bigint NOT NULL,
    at_ms bigint NOT NULL,
    body bytea NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (ledger, n)
);
CREATE TABLE IF NOT EXISTS sniperd.members (
    ledger text NOT NULL,
    member text NOT NULL,
    name text NOT NULL,
    role text NOT NULL,
    version text NOT NULL,
    format integer NOT NULL,
    n bigint NOT NULL,
    clock_error_ms double precision,
    reaches_exchange boolean NOT NULL,
    configuration text NOT NULL,
    seen_ms bigint NOT NULL,
    PRIMARY KEY (ledger, member)
);
CREATE TABLE IF NOT EXISTS sniperd.calls (
    ledger text NOT NULL,
    call_id text NOT NULL,
    arrival bigint GENERATED ALWAYS AS IDENTITY,
    member text NOT NULL,
    expires_ms bigint NOT NULL,
    is_repeatable boolean NOT NULL,
    is_claimed boolean NOT NULL DEFAULT false,
    request bytea NOT NULL,
    answer bytea,
    PRIMARY KEY (ledger, call_id)
);
"""

_RIGHTS = """
GRANT USAGE ON SCHEMA sniperd TO {role};
REVOKE ALL ON sniperd.log, sniperd.ledgers FROM {role};
GRANT SELECT, INSERT ON sniperd.log TO {role};
GRANT SELECT, UPDATE ON sniperd.ledgers TO {role};
GRANT SELECT, INSERT, UPDATE, DELETE ON sniperd.members, sniperd.calls TO {role};
"""

# A role that owns the tables has taken this right from itself (_RIGHTS), at the latest when it made an earlier ledger.
_MAY_BEGIN = "GRANT INSERT ON sniperd.ledgers TO CURRENT_USER"
_LEDGER = "INSERT INTO sniperd.ledgers (ledger, account) VALUES ($1, $2) ON CONFLICT (ledger) DO NOTHING"
_OTHER = "SELECT ledger FROM sniperd.ledgers WHERE account = $2 AND ledger <> $1"
ACCOUNT = "SELECT account FROM sniperd.ledgers WHERE ledger = $1"
_GENESIS = """
INSERT INTO sniperd.log (ledger, n, epoch, at_ms, body, hash) VALUES ($1, 0, 0, 0, '', $2) ON CONFLICT DO NOTHING
"""
_QUOTED = "SELECT quote_ident($1)"


async def create_log(url: str, ledger: str, account: str, *, role: str, password: Secret | None) -> None:
    """Create what is missing: the tables, the role's rights, the ledger of an account.

    Args:
        url: how to connect, as a user that may create a schema.
        ledger: the name of the ledger.
        account: the hash of the account's API key. It tells two accounts apart.
        role: the existing role that the daemons connect as; empty: the user of the URL.
        password: the password of the URL's user, unless PGPASSFILE has it.

    Raises:
        BadConfig: the ledger belongs to another account, the account has another ledger, or there is no such role.
        BackendFailed: the database does not answer.
        BackendRefused: it does not let the user in.
        NoPermission: the user lacks a right.

    """
    connection, _ = await Servers(url, password).connect({})
    try:
        async with connection.transaction():
            await connection.execute(_TABLES)
            await connection.execute(_MAY_BEGIN)
            other = await connection.fetchval(_OTHER, ledger, account)
            if other is not None:
                raise BadConfig(second_log(ledger, other))
            await connection.execute(_LEDGER, ledger, account)
            if await connection.fetchval(ACCOUNT, ledger) != account:
                raise BadConfig(another_accounts(ledger))
            await connection.execute(_GENESIS, ledger, GENESIS)
            quoted = await connection.fetchval(_QUOTED, role) if role else "CURRENT_USER"
            await connection.execute(_RIGHTS.format(role=quoted))
    except asyncpg.InsufficientPrivilegeError as error:
        raise NoPermission(
            f"PostgreSQL: {error}; make the role the owner of the database (ALTER DATABASE … OWNER TO …), or "
            "connect as a user who may make a schema: sniperd fleet init --url postgresql://USER@HOST/DATABASE "
            "--role ROLE"
        ) from error
    except asyncpg.UndefinedObjectError as error:
        raise BadConfig(f"PostgreSQL: {error}; --role is an existing role: CREATE ROLE … LOGIN makes one") from error
    except asyncpg.UniqueViolationError as error:
        raise BadConfig(second_log(ledger)) from error
    except DRIVER_ERRORS as error:
        raise BackendFailed(f"PostgreSQL: {said(error)}") from error
    finally:
        await connection.close(timeout=CONNECT_S)
