"""Entry point of ``sniperd`` and ``python -m daemon``."""

from daemon.cli.main import sniperd


def main() -> None:
    """Run the command."""
    sniperd(prog_name="sniperd")


if __name__ == "__main__":
    main()
