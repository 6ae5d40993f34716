"""The alert rules about a fleet. Without one their figures are unknown, so they never fire.

One member raises those about all of them (``FleetHealth.speaks``). The others are about the member that raises them:
how far its copy is, and how it sees the lease's end, which the owner cannot misjudge against its own clock.
"""

from daemon.config.tables import AlertsTable
from daemon.core.values.fleet_health import TAKEOVER_MS
from daemon.monitoring.alerts import Rule, Severity

UPGRADE_MS = 60_000
"""A standby that is restarted or upgraded is back sooner."""

CHANGE_MS = 300_000
"""A change of the configuration, member after member, takes less."""

LEASE_EXCESS_MS = 1_000
"""Two measurements of the exchange's clock differ by less."""


def fleet_rules(limits: AlertsTable) -> list[Rule]:
    """Return the rules for these limits."""
    critical, warning = Severity.CRITICAL, Severity.WARNING
    return [
        Rule(
            name="fleet_no_owner",
            of_fleet=True,
            severity=critical,
            reads="fleet_unowned",
            promql="1 - sniperd_fleet_owned",
            limit=0,
            clear=0,
            for_ms=TAKEOVER_MS,
            resolve_ms=0,
            means="no member of the fleet owns the account, as far as this one can see: nothing is traded",
            todo="`sniperd fleet status` on each member says why it does not take over: database, exchange, or version",
        ),
        Rule(
            name="fleet_no_standby",
            of_fleet=True,
            severity=warning,
            reads="fleet_standbys",
            promql='sniperd_fleet_members{standing="standby"}',
            beyond="below",
            limit=1,
            clear=1,
            for_ms=UPGRADE_MS,
            means="members that could take over: {value}. If the owner fails, trading stops",
            todo="`sniperd fleet status` shows the members and what each one lacks",
        ),
        Rule(
            name="fleet_lag",
            severity=warning,
            reads="fleet_lag",
            promql="sniperd_fleet_log_lag_entries",
            limit=limits.fleet_lag,
            clear=limits.fleet_lag / 2,
            for_ms=TAKEOVER_MS,
            means="this member's copy is {value} entries behind the log: it cannot take over before it has them",
            todo="`sniperd fleet status`: a slow disk, a slow way to the database, or entries of a newer sniperd",
        ),
        Rule(
            name="fleet_not_synchronous",
            of_fleet=True,
            severity=critical,
            reads="fleet_doubts",
            promql="sniperd_fleet_doubts",
            limit=0,
            clear=0,
            means="reasons why the fleet's database may lose what it acknowledged: {value}. Orders could go twice",
            todo="`sniperd fleet status` names them; correct the database's settings, or [fleet] durability",
        ),
        Rule(
            name="fleet_clock",
            severity=warning,
            reads="fleet_lease_excess_ms",
            promql="sniperd_fleet_lease_excess_seconds * 1000",
            limit=LEASE_EXCESS_MS,
            clear=LEASE_EXCESS_MS / 2,
            means="the lease ends {value} ms later than it can: a member misjudges the exchange's clock",
            todo="`sniperd fleet status` shows each member's clock; a takeover waits until the lease has ended",
        ),
        Rule(
            name="fleet_configuration",
            of_fleet=True,
            severity=warning,
            reads="fleet_differing",
            promql="sniperd_fleet_configuration_differs",
            limit=0,
            clear=0,
            for_ms=CHANGE_MS,
            resolve_ms=0,  # it names who differs now, and never says that nobody does
            names_members=True,
            means="members that stand by with another configuration than the owner's: {members}. After a takeover "
            "other guards, rates or times hold",
            todo="`sniperd doctor` on each member says which tables must be the same; then reload or restart it",
        ),
        Rule(
            name="log_went_back",
            of_fleet=True,
            severity=critical,
            reads="fleet_entries_missing",
            promql="sniperd_fleet_entries_missing",
            limit=0,
            clear=0,
            for_ms=TAKEOVER_MS,
            means="entries that a member has seen and the fleet's log lacks: {value}. Orders may be sent twice",
            todo="`sniperd halt --reason WHY`, compare the orders with the exchange, then `sniperd manual fleet`",
        ),
    ]
