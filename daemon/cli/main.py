"""The ``sniperd`` command: each subcommand is loaded when it is called, so that small ones start fast."""

import sys
from importlib import import_module

import click

from daemon import __version__, colours
from daemon.cli.output import unwritten
from daemon.exit_codes import MEANINGS

SERVERS = frozenset({"run", "exchange"})
"""Commands that write their own output, even if no reader is left."""

COMMANDS = {
    "init": "init:init",
    "run": "run:run",
    "exchange": "exchange:exchange",
    "submit": "submit:submit",
    "status": "status:status",
    "orders": "orders:orders",
    "report": "report:report",
    "explain": "explaining:explain",
    "cancel": "cancelling:cancel",
    "top": "top:top",
    "tail": "tail:tail",
    "socket": "socket_path:socket",
    "dashboard": "dashboard:dashboard",
    "locks": "locks:locks",
    "release": "locks:release",
    "alerts": "alerts:alerts",
    "fleet": "fleet:fleet",
    "halt": "admin:halt",
    "resume": "admin:resume",
    "resolve": "admin:resolve",
    "requeue": "admin:requeue",
    "reschedule": "admin:reschedule",
    "backup": "backup:backup",
    "restore": "backup:restore",
    "reset-clock": "clock:reset_clock",
    "install": "install:install",
    "uninstall": "install:uninstall",
    "doctor": "doctor:doctor",
    "config": "config:config",
    "manual": "manual:manual",
    "completion": "completion:completion",
}

SUMMARIES = {
    "init": "Ask for the settings, and write a configuration.",
    "run": "Run the daemon.",
    "exchange": "Run the simulated exchange.",
    "submit": "Send a signal.",
    "status": "Show the daemon's state.",
    "orders": "List orders, newest first.",
    "report": "Show what was bought or not, and what it earned.",
    "explain": "Explain an order: what happened, why, and what comes next.",
    "cancel": "Cancel an order, or all.",
    "top": "Show everything live, with keys to act.",
    "tail": "Follow events, line by line.",
    "socket": "Print the path of the socket that takes signals.",
    "dashboard": "Print the dashboard's address, with its token.",
    "locks": "List active locks and waiting callers.",
    "release": "Release any lock.",
    "alerts": "List alerts.",
    "fleet": "Run several daemons for one account.",
    "halt": "Set the kill switch: nothing new is sent.",
    "resume": "Release the kill switch.",
    "resolve": "Resolve an order whose outcome is unknown.",
    "requeue": "Send a dead letter back to the queue.",
    "reschedule": "Move a waiting order to another instant.",
    "backup": "Copy the database, verified, while the daemon runs.",
    "restore": "Replace the database with a backup.",
    "reset-clock": "Set recorded times that are ahead back to the machine's clock.",
    "install": "Install the systemd service.",
    "uninstall": "Remove the systemd service.",
    "doctor": "Check the installation and the configuration.",
    "config": "Check or show the configuration.",
    "manual": "Show the handbook.",
    "completion": "Print a shell's completion script.",
}
"""The first line of each command's help, here so that listing them loads none."""


class LazyGroup(click.Group):
    """Loads a subcommand when it is named."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the subcommands in the order in which a new user needs them."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a subcommand."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name].split(":")
        command = getattr(import_module(f"daemon.cli.{module}"), name)
        assert isinstance(command, click.Command)
        return command

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: object
    ) -> click.Context:
        """Read the command line; --help and --version print here, and run no subcommand."""
        try:
            return super().make_context(info_name, args, parent, **extra)
        except OSError as error:
            raise unwritten(error) from None

    def invoke(self, ctx: click.Context) -> object:
        """Run a subcommand; if its output cannot be written, print one line and set the exit code."""
        if not colours.are_wanted():
            ctx.color = False  # also of the subcommand's context
        try:
            try:
                return super().invoke(ctx)
            finally:
                if ctx.invoked_subcommand not in SERVERS:
                    sys.stdout.flush()
        except OSError as error:
            raise unwritten(error) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the subcommands without loading them, then the exit codes."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, SUMMARIES[name]) for name in COMMANDS])
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), meaning) for code, meaning in MEANINGS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="sniperd")
def sniperd() -> None:
    """Send a MEXC sniper bot's signals to the exchange: one signal becomes at most one order, ever.

    \b
    sniperd run                            the daemon, on the paper exchange unless configured otherwise
    sniperd submit BUY BTCUSDT --quote 25  a signal, and its outcome
    sniperd explain ORDER                  what happened, why, and what comes next
    """  # noqa: D301  # click's mark, no backslash
