"""`sniperd exchange`: the simulated MEXC as a process of its own.

Prints one line once it accepts connections: JSON when its output goes to a program, so that a parent process can
read the address. Everything else goes to standard error. Heavy modules are imported inside the command, since every
`sniperd` invocation imports this file.
"""

import sys

import click


class _WithFaults(click.Command):
    """Documents every kind of fault in its help. The table is imported only for that."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the kinds of faults, then the exit statuses."""
        from daemon.simulator.fault_kinds import help_text  # noqa: PLC0415 - heavy, and only for the help

        formatter.write(f"\nFaults:\n{help_text()}\n")
        super().format_epilog(ctx, formatter)


@click.command(
    cls=_WithFaults,
    name="exchange",
    epilog="Exit status: 65 book unreadable, 69 address taken, 73 book can't be created, 75 book in use, 78 options.",
)
@click.option("--listen", default="127.0.0.1:8765", show_default=True, metavar="HOST:PORT", help="Port 0: any.")
@click.option("--db", default=":memory:", show_default="in memory", metavar="FILE", help="Keep the book there.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the market and of the faults' draws.")
@click.option("--balance", "balances", multiple=True, metavar="ASSET=AMOUNT", help="Of a new book; repeatable.")
@click.option("--listing", "listings", multiple=True, metavar="SYMBOL@UNIXMS[:CAP[:CODE]]", help="To open; repeatable.")
@click.option("--fault", "faults", multiple=True, metavar="KIND[:NAME=VALUE,…]", help="To strike; repeatable.")
@click.option("--faults", "faults_file", metavar="FILE", help="The same as TOML or JSON: [[faults]] kind = …")
@click.option("--weight-per-ip", type=click.IntRange(0), default=300, show_default=True, help="In 10 s; 0: no limit.")
@click.option("--weight-per-account", type=click.IntRange(0), default=500, show_default=True, help="In 10 s.")
@click.option("--orders-per-s", type=click.IntRange(0), default=12, show_default=True, help="Placed and cancelled.")
@click.option("--batches-per-s", type=click.IntRange(0), default=2, show_default=True)
@click.option("--requests-per-s", type=click.IntRange(0), default=20, show_default=True)
@click.option("--ban-after", type=click.IntRange(0), default=50, show_default=True, help="Refusals in a minute.")
@click.option("--no-limits", is_flag=True, help="Switch all limits off.")
@click.option(
    "--spend-all",
    is_flag=True,
    help="Let a MARKET BUY by quoteOrderQty spend all of it. Without: about 95 %, as on MEXC, which makes it a limit "
    "order 5 % above the best price and buys what the amount pays for at that limit.",
)
@click.option("--key-symbols", metavar="SYMBOL,…", help="Limit the account's key to these pairs.")
@click.option("--key-reads-only", is_flag=True, help="Let the account's key place and cancel nothing.")
@click.option("--follow", metavar="URL", help="Take rules, prices and time over from a real market, by public reads.")
@click.option("--clock-offset-ms", type=int, default=0, help="Let the exchange's clock be wrong by so much.")
@click.option("--allow-remote", is_flag=True, help="Listen beyond the loopback, the control routes included.")
@click.option("--die-with-parent", is_flag=True, help="End when the parent process ends (Linux).")
def exchange(**options: object) -> None:
    """Run a simulated MEXC: its own server, its own book, faults on demand.

    Its one account answers to the key pair in MEXC_API_KEY and MEXC_SECRET_KEY, by default the example pair of MEXC's
    documentation.
    """
    from daemon.simulator import errors, launch  # noqa: PLC0415

    try:
        launch.launch(launch.Options.of(options))
    except errors.CannotStart as error:
        click.echo(f"sniperd exchange: {error}", err=True)
        sys.exit(error.exit_status)
