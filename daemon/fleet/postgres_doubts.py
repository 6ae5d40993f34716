"""Whether a PostgreSQL server keeps what it acknowledges.

A synchronous standby need not be connected: without one nothing is acknowledged, and nothing is lost. A cluster manager
that then empties ``synchronous_standby_names`` takes that promise back, so this is asked again now and then.
"""

from collections.abc import Sequence

from daemon.fleet.postgres_line import Line

OLDEST = 130_000
"""Version 13, as ``server_version_num``."""

_WAITS_FOR_DISK = ("on", "remote_apply")

_SETTINGS = """
SELECT current_setting('server_version_num')::integer AS version, current_setting('server_version') AS shown,
    current_setting('fsync') AS fsync, current_setting('full_page_writes') AS full_page_writes,
    current_setting('synchronous_commit') AS synchronous_commit,
    current_setting('synchronous_standby_names') AS standbys,
    (SELECT relpersistence::text FROM pg_class WHERE oid = 'sniperd.log'::regclass) AS persistence,
    (SELECT relpersistence::text FROM pg_class WHERE oid = 'sniperd.ledgers'::regclass) AS persistence_of_leases
"""


async def find(line: Line, durability: str) -> Sequence[str]:
    """Return why it may lose what it acknowledged; ``line`` is a connection of those that append.

    Args:
        line: the connection.
        durability: "synchronous", "single", or "below" for engines that replicate beneath PostgreSQL: these set fsync
            and full_page_writes as they like.

    Raises:
        BackendFailed: it does not answer.

    """
    (found,) = await line.fetch(_SETTINGS)
    doubts = []
    if found["version"] < OLDEST:
        doubts.append(f"PostgreSQL {found['shown']} is too old: 13 or newer is needed")
    if found["synchronous_commit"] not in _WAITS_FOR_DISK:
        doubts.append(f"synchronous_commit is {found['synchronous_commit']}")
    if {found["persistence"], found["persistence_of_leases"]} != {"p"}:
        doubts.append("the tables are unlogged: a crash of the server empties them")
    if durability != "below":
        doubts += [
            f"{setting} is {found[setting]}" for setting in ("fsync", "full_page_writes") if found[setting] != "on"
        ]
    if durability == "synchronous" and not found["standbys"].strip():
        doubts.append(
            "synchronous_standby_names is empty: a standby that is promoted may lack what was acknowledged "
            '(durability = "single": one server, and no fail-over)'
        )
    return doubts
