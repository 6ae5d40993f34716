"""Whether the user wants colours at a terminal."""

import os


def are_wanted() -> bool:
    """Return whether the user wants colours (https://no-color.org), and the terminal has them."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
