"""The catalogue's rows about the fleet: who owns the account, the lease, the database and the log."""

from daemon.core.values.event_kinds import Kind, Level

FLEET_EVENTS: dict[str, Kind] = {
    "fleet.standing_by": Kind(
        Level.INFO, "this member stands by: it copies the log, and takes over if the owner fails",
        ("ledger", "owner", "n"), durable=False,
    ),
    "fleet.took_over": Kind(
        Level.WARNING, "this member owns the account from now on",
        ("epoch", "former", "reason", "n"), durable=False,
    ),
    "fleet.deposed": Kind(
        Level.ERROR, "another member owns the account; this one writes and sends nothing more, and stands by again",
        ("epoch", "owner"), durable=False,
    ),
    "fleet.handed_over": Kind(
        Level.WARNING, "this member gave the account up, so that another takes over before the lease's end",
        ("epoch", "to", "reason"), durable=False,
    ),
    "fleet.lease_short": Kind(
        Level.WARNING, "the lease was not renewed in time; no order is sent until it is", ("error",), durable=False
    ),
    "fleet.lease_renewed": Kind(Level.INFO, "the lease is renewed again; orders are sent", durable=False),
    "fleet.database_unreachable": Kind(
        Level.ERROR, "the fleet's database does not answer, or not as expected", ("error",), durable=False
    ),
    "fleet.database_reachable": Kind(Level.INFO, "the fleet's database answers again", durable=False),
    "fleet.database_doubted": Kind(
        Level.CRITICAL, "the fleet's database may lose what it acknowledged, so this member does not own the account",
        ("doubts",), durable=False,
    ),
    "fleet.log_went_back": Kind(
        Level.CRITICAL, "the fleet's log lacks entries that this member has seen, or has others instead; it ends",
        ("known", "error"), durable=False,
    ),
    "fleet.loss_accepted": Kind(
        Level.WARNING, "the operator accepted that the log lacks entries; trading starts halted",
        ("reason", "log", "known"),
    ),
    "fleet.member_forgotten": Kind(
        Level.INFO, "an administrator removed a lost member from the fleet's list", ("member", "name", "reason"),
        durable=False,
    ),
    "fleet.newer_log": Kind(
        Level.ERROR, "the log has entries of a newer sniperd; this member stops copying, and never takes over",
        ("error", "n"), durable=False,
    ),
}  # fmt: skip
"""Every event of a fleet; :data:`daemon.core.values.events.CATALOGUE` has them too."""
