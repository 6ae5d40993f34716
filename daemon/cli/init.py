"""``sniperd init``."""

import sys
from pathlib import Path

import click

from daemon.cli.client import Fail
from daemon.cli.doctor import print_findings
from daemon.cli.options import Command
from daemon.config.paths import config_directory, environment, instance_of, unit_name
from daemon.exit_codes import DONE, REFUSED


def _answers(command: Command) -> Command:
    """Add the flags that answer the questions."""
    text = {
        "--mode": "paper, shadow (the real market's prices, no money) or live.",
        "--max-notional-per-order": "The most that one BUY may cost, in USDT.",
        "--max-notional-per-day": "The most that the BUYs of a day may cost, in USDT.",
        "--base-url": "The exchange's server, where it is not MEXC. This is never asked.",
        "--dashboard": "Address of the dashboard on this machine, like 127.0.0.1:8808, or off.",
        "--bot": "Address of the bot whose targets are polled, like http://127.0.0.1:3008, or off.",
        "--bot-user": "The bot's id of the user whose targets are traded.",
    }
    files = {
        "--api-key-file": "A file that holds the API key, mode 0600.",
        "--api-secret-file": "A file that holds the API secret, mode 0600.",
        "--webhook-file": "A file of webhooks, mode 0600: see `sniperd manual monitoring`.",
    }
    for name, about in reversed((files | text).items()):
        kind = click.Path(path_type=Path, dir_okay=False) if name in files else click.STRING
        command = click.option(name, type=kind, help=about)(command)
    return command


@click.command()
@click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="SNIPERD_CONFIG",
    help="The file to write (also $SNIPERD_CONFIG); by default config.toml in your own ~/.config/sniperd.",
)
@click.option("--force", is_flag=True, help="Replace files that exist.")
@click.option("--keys-stdin", is_flag=True, help="Read the API key and the API secret as two lines of standard input.")
@_answers
def init(config_path: Path | None, force: bool, keys_stdin: bool, **given: str | Path | None) -> None:
    """Ask for the mode, limits, key, dashboard, webhook and the bot's address, and write a configuration.

    The file holds only what differs from the defaults. Key, secret and webhook go into files of their own that only
    their owner can read (mode 0600), beside the configuration. For the service, run it as root with
    `--config /etc/sniperd/config.toml --force`; the secrets then go into /etc/credstore. The file of an instance of the
    service is /etc/sniperd/NAME.toml.

    A flag answers its question in advance. Without a terminal nothing is asked: --mode is required, and live mode also
    requires both limits and a key. What else is left out has the default of its question. An existing file is never
    replaced without --force, and an interrupted command writes nothing. At the end it runs `sniperd doctor`.

    Exit code: 0 written; 1 written, and the doctor found a failure; 73 a file exists or cannot be written; 77 a key
    file is missing or readable by others; 78 an answer is wrong.
    """
    from daemon.cli.questions import Questions, missing  # noqa: PLC0415  # slow to import
    from daemon.config.origins import is_of_service  # noqa: PLC0415
    from daemon.errors import StartupError  # noqa: PLC0415
    from daemon.installing.new_files import refuse_existing, write_all  # noqa: PLC0415

    path = (config_path or config_directory(environment()) / "config.toml").absolute()
    asks = sys.stdin.isatty() and sys.stdout.isatty() and not keys_stdin
    answers = {name: None if value is None else str(value) for name, value in given.items()}
    try:
        if not force:
            refuse_existing(path)
        questions = Questions(path, answers, asks=asks, keys_stdin=keys_stdin, force=force)
        lacking = [] if asks else missing(questions)
        if lacking:
            raise click.UsageError(f"there is no terminal to ask at; add {', '.join(lacking)}")
        files = questions.put()
        write_all(files, replace=force)
    except StartupError as error:
        raise Fail(str(error), error.exit_code) from None
    for file in files:
        click.echo(f"wrote {file.path}")
    failed = print_findings(path)
    restart = f"systemctl restart {unit_name(instance_of(path))}.service"
    click.echo(f"next: {restart if is_of_service(path) else f'sniperd run --config {path}'}")
    raise SystemExit(REFUSED if failed else DONE)
