"""``sniperd install`` and ``sniperd uninstall``."""

import os
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

import click

import daemon
from daemon.cli.client import Fail
from daemon.cli.options import Command
from daemon.config.paths import SYSTEM_CONFIG, instance_of
from daemon.errors import NoPermission, StartupError
from daemon.installing.plan import installation, instance_installation, instance_removal, removal
from daemon.installing.refusals import Program, check_machine, check_package, check_program, check_template
from daemon.installing.steps import Step

ROOT = Path("/")


def how_option(command: Command) -> Command:
    """Add ``--dry-run`` and ``--system``; one of them is required."""
    dry = click.option("--dry-run", "how", flag_value="dry-run", help="Print every step and change nothing.")
    really = click.option(
        "--system", "how", flag_value="system", help="Carry out the steps on this machine; needs root."
    )
    return dry(really(command))


def instance_option(command: Command) -> Command:
    """Add ``--instance``."""
    about = "Only this instance of the installed service, for a further account: `sniperd manual installing`."
    return click.option("--instance", metavar="NAME", callback=_instance_name, help=about)(command)


def _instance_name(_context: click.Context, _parameter: click.Parameter, name: str | None) -> str | None:
    if name is not None and instance_of(SYSTEM_CONFIG.with_name(f"{name}.toml")) != name:
        raise click.BadParameter(f"{name!r}; allowed: lower-case letters, digits and single hyphens, but not config")
    return name


@click.command()
@how_option
@instance_option
def install(how: str | None, instance: str | None) -> None:
    """Install the service and start it: user, directories, configuration, units, sockets, backups.

    Man pages and shell completion are installed as well. The service starts this program from where pip installed
    it. Run the command again after an upgrade: it does what is left to do. A unit that differs is
    replaced: put your changes into drop-ins (`systemctl edit sniperd`). A configuration that you changed stays as it
    is. A running service keeps running; `systemctl restart sniperd` starts the new version.

    With --instance, beside the installed service, it writes /etc/sniperd/NAME.toml and starts sniperd@NAME.service.
    """
    if instance is not None:
        _install_instance(instance, how)
        return
    command = Path(sysconfig.get_path("scripts")) / "sniperd"
    parts = (Path(sys.prefix), Path(sys.base_prefix), Path(daemon.__file__).parent)
    try:
        check_machine(ROOT, _systemd_version())
        check_package(ROOT)
        check_program(Program(command, parts))
        _carry_out(installation(ROOT, command), how)
    except StartupError as error:
        raise Fail(str(error), error.exit_code) from None
    if how == "system":
        click.echo(f"done; `sniperd doctor --config {SYSTEM_CONFIG}` checks the installation")


def _install_instance(instance: str, how: str | None) -> None:
    try:
        check_machine(ROOT, _systemd_version())
        check_template(ROOT)
        _carry_out(instance_installation(ROOT, instance), how)
    except StartupError as error:
        raise Fail(str(error), error.exit_code) from None
    if how == "system":
        config = SYSTEM_CONFIG.with_name(f"{instance}.toml")
        click.echo(f"done, on the paper exchange unless configured; next: sniperd init --config {config} --force")


@click.command()
@how_option
@instance_option
def uninstall(how: str | None, instance: str | None) -> None:
    """Stop the service and remove it.

    Your own files stay: /etc/sniperd, the keys in /etc/credstore, the database and the backups in /var/lib/sniperd. The
    user stays as well. Instances end in the same way, and keep theirs; with --instance only that one ends.
    """
    try:
        check_machine(ROOT, _systemd_version())
        if instance is None:
            check_package(ROOT)
            _carry_out(removal(ROOT, Path(sysconfig.get_path("scripts")) / "sniperd"), how)
        else:
            _carry_out(instance_removal(ROOT, instance), how)
    except StartupError as error:
        raise Fail(str(error), error.exit_code) from None


def _carry_out(steps: Sequence[Step], how: str | None) -> None:
    if how is None:
        raise click.UsageError("choose --dry-run to print every step, or --system to carry them out")
    if how == "system" and os.geteuid() != 0:
        raise NoPermission("this needs root: run it with sudo, or use --dry-run to see what it would do")
    for step in steps:
        click.echo(step.describe())
        if how == "system":
            step.do()


def _systemd_version() -> str:
    try:
        ran = subprocess.run(["systemctl", "--version"], capture_output=True, text=True, check=False)  # noqa: S607
    except OSError:
        return ""
    return ran.stdout
