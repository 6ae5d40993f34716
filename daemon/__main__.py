"""Entry point of ``sniperd`` and ``python -m daemon``.

The distribution python-daemon also installs a package called ``daemon``. In the same environment the files
of both share one directory, and the later installation overwrites the earlier one. So before other
imports this module checks that the package contains only our files.
"""

import sys
from pathlib import Path

import daemon

WRONG_PACKAGE = 78  # like a bad configuration: a restart does not help

_FOREIGN = ("daemon.py", "pidfile.py", "runner.py")
"""Files that python-daemon installs."""


def main() -> None:
    """Run the command."""
    wrong = _wrong()
    if wrong is not None:
        sys.stderr.write(f"sniperd: {wrong}\n")
        raise SystemExit(WRONG_PACKAGE)
    from daemon.cli.main import sniperd  # noqa: PLC0415  # may be missing

    sniperd(prog_name="sniperd")


def _wrong() -> str | None:
    """Return what is wrong with the package, or ``None``."""
    directory = Path(__file__).parent
    ours = getattr(daemon, "DISTRIBUTION", None) == "sniperd"
    foreign = [name for name in _FOREIGN if (directory / name).exists()]
    if ours and not foreign:
        return None
    if foreign or getattr(daemon, "__file__", None):
        return (
            f"another distribution, probably python-daemon, has installed its files in {directory}, where this program "
            "is: neither works reliably. Uninstall it there and install sniperd again, or create an "
            "environment for sniperd alone (`sh .ci/setup`, or the Debian package). A bot does not need sniperd in its "
            "environment: it uses sniperd-client, whose package is called sniperd_client"
        )
    return (
        f"{directory} has lost its __init__.py, probably because python-daemon was uninstalled: install sniperd again"
    )


if __name__ == "__main__":
    main()
