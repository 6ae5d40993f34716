"""Entry point of ``sniperd`` and ``python -m daemon``.

The distribution python-daemon installs a package called ``daemon`` too. Installed into the same environment, the files
of the two lie in one directory, and whichever came last has overwritten the other's. So before anything else is
imported this looks whether the package is ours alone.
"""

import sys
from pathlib import Path

import daemon

WRONG_PACKAGE = 78  # as a bad configuration: another start does not help

_FOREIGN = ("daemon.py", "pidfile.py", "runner.py")
"""Files that python-daemon puts beside ours."""


def main() -> None:
    """Run the command."""
    wrong = _wrong()
    if wrong is not None:
        sys.stderr.write(f"sniperd: {wrong}\n")
        raise SystemExit(WRONG_PACKAGE)
    from daemon.cli.main import sniperd  # noqa: PLC0415  # it may not be there
    from daemon.cli.output import Unwritten, unwritten  # noqa: PLC0415

    try:
        sniperd(prog_name="sniperd")
    except OSError as error:  # of --help and --version, which belong to no subcommand
        failed = unwritten(error)
        if not isinstance(failed, Unwritten):
            raise
        failed.show()
        sys.exit(failed.exit_code)


def _wrong() -> str | None:
    """Say what is wrong with the package, if it is not ours alone."""
    directory = Path(__file__).parent
    ours = getattr(daemon, "DISTRIBUTION", None) == "sniperd"
    foreign = [name for name in _FOREIGN if (directory / name).exists()]
    if ours and not foreign:
        return None
    if foreign or getattr(daemon, "__file__", None):
        return (
            f"another distribution, python-daemon most likely, has put its files into {directory}, where this program "
            "has its own: neither can be relied on. Uninstall it there and install sniperd again, or make an "
            "environment for sniperd alone (`sh .ci/setup`, or the Debian package). A bot does not need sniperd in its "
            "environment: it takes sniperd-client, whose package is called sniperd_client"
        )
    return f"{directory} has lost its __init__.py, most likely to an uninstalled python-daemon: install sniperd again"


if __name__ == "__main__":
    main()
