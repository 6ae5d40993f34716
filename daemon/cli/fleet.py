"""``sniperd fleet``: several daemons for one account."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from daemon.cli import show
from daemon.cli.admin import reason_option
from daemon.cli.client import Fail, ask
from daemon.cli.fleet_text import ALONE, fleet_lines
from daemon.cli.options import config_option, json_option, signals_socket, status_socket
from daemon.exit_codes import DONE, INTERRUPTED, REFUSED

if TYPE_CHECKING:
    from daemon.fleet.beginning import Begun

HAND_OVER_S = 60.0
"""The owner first finishes what it has sent: [queue] drain_s, ten seconds by default."""

TAKE_S = 30.0


@click.group()
def fleet() -> None:
    """Run several daemons for one account: one owns it and trades, the others stand by.

    `sniperd manual fleet` says when that is worth it, and how to begin.
    """


@fleet.command()
@click.option(
    "--url",
    default="",
    help="Connect like this instead of by [fleet] url, as a user that may make a schema. No password.",
)
@click.option("--role", default="", metavar="ROLE", help="PostgreSQL: the existing role that the daemons connect as.")
@click.option("--replace-key", is_flag=True, help="Only record this machine's API key as the account's new one.")
@click.option("--instead-of", default="", metavar="LEDGER", help="Leave that ledger of the account behind for good.")
@config_option
@json_option
def init(url: str, role: str, replace_key: bool, instead_of: str, config_path: Path | None, as_json: bool) -> None:
    """Make the fleet's tables and its ledger, and enter this machine's orders as the log's beginning.

    Stop this machine's daemon first. Its database becomes the copy of a member: nothing is lost. Without a database the
    ledger begins empty. An interrupted run is simply repeated.

    PostgreSQL needs a database and a role for the daemons. If that role may not make tables, give --url of a user that
    may, for example postgresql://postgres@/sniperd, and --role. The role can then neither change nor remove entries of
    the log.

    The ledger knows its account by a hash of the API key. When the account has a new key, run this with --replace-key
    once, on a machine that has it; no daemon need be stopped. A member that starts afterwards needs the new key.
    Nothing checks that both keys are of one account: with another account's key the daemons would trade there.

    An account has one ledger. If its log cannot be used any more, because it lost entries and went on without them,
    begin another ledger with --instead-of: no member ever writes to the former one again. Stop all daemons first;
    `sniperd manual fleet` has the steps.
    """
    from daemon.cli import fleet_setup  # noqa: PLC0415  # slow to import
    from daemon.errors import BackendFailed, StartupError  # noqa: PLC0415

    if replace_key and (role or instead_of):
        raise click.UsageError("--role and --instead-of go with a new ledger, and --replace-key makes none")
    try:
        if replace_key:
            _show_replaced(fleet_setup.replace_key(config_path, url), as_json=as_json)
            return
        begun = fleet_setup.initialise(config_path, url, role, instead_of)
    except (BackendFailed, StartupError) as error:
        raise Fail(str(error), error.exit_code) from None
    if as_json:
        show.print_json({"path": None, "entries": 0, "orders": 0} if begun is None else _begun(begun))
    elif begun is None:
        click.echo("the ledger is there, and empty: start the daemons")
    else:
        click.echo(f"{begun.path}: {begun.orders} orders are the log's beginning, in {begun.entries} entries")
        click.echo("start this machine's daemon, then the others")


@fleet.command()
@config_option
@json_option
def status(config_path: Path | None, as_json: bool) -> None:
    """Show the fleet as this machine's daemon sees it: owner, lease, members, database, latest takeover."""
    found = ask(status_socket(config_path), "GET", "/v1/fleet")
    show.answer(found, _show, as_json=as_json)


@fleet.command("hand-over")
@click.option("--to", metavar="NAME", help="Who takes over; by default any member that could.")
@reason_option
@config_option
@json_option
def hand_over(to: str | None, reason: str, config_path: Path | None, as_json: bool) -> None:
    """Let another member own the account, for an upgrade or a restart; at any member.

    The owner finishes the requests that it has sent, and gives the account up; the other takes over without waiting for
    the lease's end. Signals that arrive in between wait; none is refused.
    """
    body = {"reason": reason} | ({} if to is None else {"to": to})
    found = _change(config_path, "hand-over", body, timeout_s=HAND_OVER_S)

    def say(found: dict[str, Any]) -> None:
        to_whom = "" if to is None else f" to {to}"
        click.echo(f"{found['fleet']['name']} handed the account over{to_whom}; `sniperd fleet status` shows the owner")

    show.answer(found, say, as_json=as_json)


@fleet.command()
@reason_option
@config_option
@json_option
def take(reason: str, config_path: Path | None, as_json: bool) -> None:
    """Let this machine's daemon own the account at once, before the owner's lease has ended.

    No order is sent twice, because the former owner can write nothing more. But until its lease has ended, what it has
    signed may still reach the exchange: its armed orders are in doubt. Where you can wait a few seconds, wait: the
    takeover comes by itself. For an owner that works use `sniperd fleet hand-over`. If another member takes it
    meanwhile, this one does not take it from there, and the command says so.
    """
    found = _change(config_path, "take", {"reason": reason}, timeout_s=TAKE_S)
    show.answer(found, _show, as_json=as_json)


@fleet.command()
@click.argument("name")
@reason_option
@config_option
@json_option
def forget(name: str, reason: str, config_path: Path | None, as_json: bool) -> None:
    """Remove a member whose machine is lost from the fleet's list, at any other member.

    NAME is its name or its id. A member that has reported itself within 30 seconds is refused: stop its daemon, or run
    `sniperd fleet leave` there. Nothing else is removed: with its database it can come back at any time.
    """
    found = _change(config_path, "forget", {"name": name, "reason": reason}, timeout_s=TAKE_S)
    show.answer(found, _show, as_json=as_json)


@fleet.command("accept-loss")
@reason_option
@config_option
@json_option
def accept_loss(reason: str, config_path: Path | None, as_json: bool) -> None:
    """Go on with a log that lost entries, from this machine's copy; all daemons of the fleet must be stopped.

    The fleet's database was restored, or failed over to a server that lacked its latest writes. Run this on the member
    that has the most entries: what its copy has is entered after what is left of the log. Move the databases of the
    other members away (sniperd.db, with its -wal and -shm): they begin with a copy of the new log.

    The next owner starts halted, because orders may be missing in every copy. Compare `sniperd orders` with the
    exchange, make sure that signals of missing orders are not sent again, then run `sniperd resume`.
    """
    from daemon.api.http.body import checked_reason  # noqa: PLC0415  # slow to import, as the next
    from daemon.cli import fleet_setup  # noqa: PLC0415
    from daemon.errors import BackendFailed, Invalid, StartupError  # noqa: PLC0415

    try:
        done = fleet_setup.accept_loss(config_path, checked_reason(reason))
    except Invalid as error:
        raise click.UsageError(f"--{error}; allowed: {error.allowed}") from None
    except (BackendFailed, StartupError) as error:
        raise Fail(str(error), error.exit_code) from None
    if as_json:
        show.print_json({"path": done.path, "left": done.left, "known": done.known, "entries": done.entries})
        return
    click.echo(f"{done.path}: the log had {done.left:,} entries of the {done.known:,} that this member knows")
    click.echo(
        f"{done.entries:,} were written after them; start the daemons: the owner is halted until `sniperd resume`"
    )


@fleet.command()
@config_option
@json_option
def leave(config_path: Path | None, as_json: bool) -> None:
    """Take this machine out of the fleet; its daemon must be stopped.

    Its copy becomes a database of its own, and the fleet's list loses this member. Then remove [fleet] url from the
    configuration. The others may go on with the account, so a daemon that starts from this database is halted: resume
    it only if no other member trades any more.
    """
    from daemon.cli import fleet_setup  # noqa: PLC0415  # slow to import
    from daemon.errors import StartupError  # noqa: PLC0415

    try:
        left, still_listed = fleet_setup.leave(config_path)
    except StartupError as error:
        raise Fail(str(error), error.exit_code) from None
    if as_json:
        show.print_json({"path": left.path, "member": left.member, "completeUntil": left.complete_until,
                         "listed": still_listed is not None})  # fmt: skip
        return
    click.echo(f"{left.path} is in no fleet any more; it is complete until {left.complete_until}")
    click.echo("remove [fleet] url; a daemon that starts from this database is halted")
    if still_listed is not None:
        click.echo(
            f"the fleet still lists this member ({still_listed}): remove it at another one with `sniperd fleet forget "
            f"{left.member}`, or wait a day",
            err=True,
        )


@fleet.command()
@click.option("--database", type=click.Choice(["postgresql", "valkey"]), help="By default the first that is installed.")
def rehearse(database: str | None) -> None:
    """Watch a takeover on this machine, without money: it uses nothing of yours, and leaves nothing behind.

    It starts a database of its own (Debian's PostgreSQL, or a Valkey or Redis, whichever is installed), the simulated
    exchange, two daemons and a bot. It kills the owner, starts it again, and hands the account back to it. At the end
    it compares the bot's signals with the exchange's own book. That takes about forty seconds; Ctrl-C ends it earlier.

    Exit code: 0 every signal became exactly one order; 1 one did not; 73 a part is not installed, or does not start.
    """
    import signal  # noqa: PLC0415  # as below

    from daemon.errors import CannotCreate  # noqa: PLC0415
    from daemon.rehearsal.rehearsal import rehearse as play  # noqa: PLC0415  # slow to import

    for number in (signal.SIGTERM, signal.SIGHUP):  # as Ctrl-C, which cancels the rehearsal: what was started ends
        signal.signal(number, lambda _number, _frame: signal.raise_signal(signal.SIGINT))
    try:
        is_right = play(database, click.echo)
    except CannotCreate as error:
        raise Fail(str(error), error.exit_code) from None
    except KeyboardInterrupt:
        raise Fail("ended before its end; nothing is left behind", INTERRUPTED) from None
    raise SystemExit(DONE if is_right else REFUSED)


def _change(config_path: Path | None, verb: str, body: dict[str, Any], *, timeout_s: float) -> dict[str, Any]:
    path, options = signals_socket(config_path), {"reason": "--reason", "name": "NAME"}  # "to" is a word of any text
    found: dict[str, Any] = ask(path, "POST", f"/v1/admin/fleet/{verb}", body, timeout_s=timeout_s, options=options)
    return found


def _show_replaced(ledger: str, *, as_json: bool) -> None:
    if as_json:
        show.print_json({"ledger": ledger})
    else:
        click.echo(f"ledger {ledger} knows this machine's key now: restart the members with it")


def _begun(begun: "Begun") -> dict[str, Any]:
    return {"path": begun.path, "entries": begun.entries, "orders": begun.orders}


def _show(found: dict[str, Any]) -> None:
    if found["fleet"] is None:
        click.echo(ALONE)
    else:
        show.pairs(fleet_lines(found["fleet"]))
