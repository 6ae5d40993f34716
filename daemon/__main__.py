"""Entry point of ``sniperd`` and ``python -m daemon``."""

import sys

from daemon.cli.main import sniperd
from daemon.cli.output import Unwritten, unwritten


def main() -> None:
    """Run the command."""
    try:
        sniperd(prog_name="sniperd")
    except OSError as error:  # of --help and --version, which belong to no subcommand
        failed = unwritten(error)
        if not isinstance(failed, Unwritten):
            raise
        failed.show()
        sys.exit(failed.exit_code)


if __name__ == "__main__":
    main()
