"""Whether the daemons' role may do in PostgreSQL what a member does: each thing is done, and rolled back."""

import anyio

from daemon.errors import BackendFailed, BackendRefused
from daemon.fleet.postgres_line import DRIVER_ERRORS, REFUSALS, TIMEOUT_S, Servers, said

# No entry has the number -1, so nothing waits for this one. The rights to UPDATE and DELETE are checked before rows are
# looked for; a row of the ledger would stay locked for the owner until the end.
_TRIES = """
INSERT INTO sniperd.log (ledger, n, epoch, at_ms, body, hash) VALUES ($1, -1, 0, 0, '', '');
UPDATE sniperd.ledgers SET account = '', owner = '', epoch = 0, until_ms = 0 WHERE ledger = $1 AND false;
INSERT INTO sniperd.members (ledger, member, name, role, version, format, n, reaches_exchange, configuration, seen_ms)
VALUES ($1, '', '', '', '', 0, 0, false, '', 0);
UPDATE sniperd.members SET n = 0 WHERE ledger = $1 AND false;
DELETE FROM sniperd.members WHERE ledger = $1 AND false;
INSERT INTO sniperd.calls (ledger, call_id, member, expires_ms, is_repeatable, request)
VALUES ($1, '', '', 0, true, '');
UPDATE sniperd.calls SET answer = '' WHERE ledger = $1 AND false;
DELETE FROM sniperd.calls WHERE ledger = $1 AND false
"""


async def attempt(servers: Servers, ledger: str) -> None:
    """Try everything on a connection of its own, and undo it.

    Raises:
        BackendFailed: the database does not answer, or takes no writes.
        BackendRefused: the role lacks a right.

    """
    connection, _ = await servers.connect({"synchronous_commit": "off"})
    try:
        with anyio.fail_after(TIMEOUT_S):
            undone = connection.transaction()
            await undone.start()
            for statement in _TRIES.split(";"):
                await connection.execute(statement, ledger)
            await undone.rollback()
    except REFUSALS as error:
        raise BackendRefused(f"PostgreSQL: {said(error)}") from error
    except DRIVER_ERRORS as error:
        raise BackendFailed(f"PostgreSQL: {said(error)}") from error
    finally:
        connection.terminate()  # which undoes what is left
