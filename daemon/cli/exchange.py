"""`sniperd exchange`: the simulated MEXC as a separate process.

Prints one line when it accepts connections. If the output is not a terminal, the line is JSON, so that a parent process
can read the address. Everything else goes to standard error. Heavy modules are imported inside the command, since every
`sniperd` invocation imports this file.
"""

import sys

import click


class _WithFaults(click.Command):
    """Shows the table of faults in its help."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the kinds of faults, then the exit statuses."""
        from daemon.simulator.fault_kinds import help_text  # noqa: PLC0415 - heavy, and needed for the help only

        formatter.write(f"\nFaults:\n{help_text()}\n")
        super().format_epilog(ctx, formatter)


@click.command(
    cls=_WithFaults,
    name="exchange",
    epilog="Exit status: 65 book unreadable, 69 address taken, 73 book can't be created, 75 book in use, 78 options.",
)
@click.option("--listen", default="127.0.0.1:8765", show_default=True, metavar="HOST:PORT", help="Port 0: any.")
@click.option("--db", default=":memory:", show_default="in memory", metavar="FILE", help="The book's file.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of market and faults.")
@click.option("--balance", "balances", multiple=True, metavar="ASSET=AMOUNT", help="Balance of a new book; repeatable.")
@click.option(
    "--listing",
    "listings",
    multiple=True,
    metavar="SYMBOL@UNIXMS[:CAP[:CODE]]",
    help="New listing, or the JSON of one as in the handbook; repeatable.",
)
@click.option("--fault", "faults", multiple=True, metavar="KIND[:NAME=VALUE,…]", help="Fault to inject; repeatable.")
@click.option("--faults", "faults_file", metavar="FILE", help="Faults as TOML or JSON: [[faults]] kind = …")
@click.option("--weight-per-ip", type=click.IntRange(0), default=300, show_default=True, help="In 10 s; 0: no limit.")
@click.option("--weight-per-account", type=click.IntRange(0), default=500, show_default=True, help="In 10 s.")
@click.option(
    "--orders-per-s", type=click.IntRange(0), default=12, show_default=True, help="Place and cancel requests."
)
@click.option("--batches-per-s", type=click.IntRange(0), default=2, show_default=True)
@click.option(
    "--requests-per-s", type=click.IntRange(0), default=20, show_default=True, help="Requests to one endpoint."
)
@click.option("--shared-request-limit", is_flag=True, help="Count --requests-per-s over all endpoints together.")
@click.option("--batch-counts-orders", is_flag=True, help="Count each order of a batch in --orders-per-s.")
@click.option("--weight-per-endpoint", is_flag=True, help="Count --weight-per-ip for each endpoint by itself.")
@click.option("--account-per-s", type=click.IntRange(0), default=2, show_default=True, help="Requests for the account.")
@click.option("--announcements-per-2s", type=click.IntRange(0), default=5, show_default=True)
@click.option("--ban-after", type=click.IntRange(0), default=50, show_default=True, help="Refusals in a minute.")
@click.option("--no-limits", is_flag=True, help="Disable all limits.")
@click.option(
    "--spend-all",
    is_flag=True,
    help="A MARKET BUY by quoteOrderQty spends the whole amount. Without this option it spends about 95 %, as on MEXC: "
    "MEXC turns it into a limit order 5 % above the best price, with the quantity that the amount buys at that limit.",
)
@click.option("--key-symbols", metavar="SYMBOL,…", help="Limit the account's key to these pairs.")
@click.option("--key-reads-only", is_flag=True, help="The account's key can neither place nor cancel orders.")
@click.option("--follow", metavar="URL", help="Use a real market's rules, prices and time, from public endpoints.")
@click.option("--clock-offset-ms", type=int, default=0, help="Offset of the exchange's clock.")
@click.option("--allow-remote", is_flag=True, help="Allow an address beyond the loopback, also for the control routes.")
@click.option("--die-with-parent", is_flag=True, help="End when the parent process ends (Linux).")
def exchange(**options: object) -> None:
    """Run a simulated MEXC: a separate server with its own book and faults on demand.

    Its one account has the key pair in MEXC_API_KEY and MEXC_SECRET_KEY, by default the example pair of MEXC's
    documentation.
    """
    from daemon.simulator import errors, launch  # noqa: PLC0415

    try:
        launch.launch(launch.Options.of(options))
    except errors.CannotStart as error:
        click.echo(f"sniperd exchange: {error}", err=True)
        sys.exit(error.exit_status)
