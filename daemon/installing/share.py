"""Files for ``/usr/share`` or ``/usr/local/share``: man pages of the handbook, completion for shells.

``python -m daemon.installing.share DIRECTORY`` writes them; the Debian package is built with it. Man pages need the
packages of the extra ``build``.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

from daemon.manual import topics

PROGRAM = "sniperd"

COMPLETIONS: dict[str, type[ShellComplete]] = {
    "bash-completion/completions/sniperd": BashComplete,
    "fish/vendor_completions.d/sniperd.fish": FishComplete,
    "zsh/site-functions/_sniperd": ZshComplete,
}
"""Where each shell looks for a command's completion."""

SHELLS = tuple(kind.name for kind in COMPLETIONS.values())

_PAGES = {"reference-commands": ("sniperd", 1), "reference-configuration": ("sniperd.toml", 5)}
"""Topics whose man pages have names of their own."""


def page_of(topic: str) -> tuple[str, int]:
    """Return the name and the section of a topic's man page."""
    return _PAGES.get(topic, (f"sniperd-{topic.removeprefix('reference-')}", 7))


def man_page_paths() -> dict[str, str]:
    """Return the paths of the man pages, by topic."""
    pages = {topic: page_of(topic) for topic in topics()}
    return {topic: f"man/man{section}/{name}.{section}" for topic, (name, section) in pages.items()}


def man_pages() -> Iterator[tuple[str, bytes]]:
    """Yield every man page, with its path.

    Raises:
        ModuleNotFoundError: the packages that write them are not installed.

    """
    from daemon.installing.man_pages import man_page  # noqa: PLC0415  # its packages may be missing

    for topic, path in man_page_paths().items():
        yield path, man_page(topics()[topic]).encode()


def completions() -> Iterator[tuple[str, bytes]]:
    """Yield the completion of every shell, with its path."""
    for path, kind in COMPLETIONS.items():
        yield path, completion_of(kind.name).encode()


def completion_of(shell: str) -> str:
    """Return a shell's script. It calls the installed command, so it never gets old."""
    [kind] = [kind for kind in COMPLETIONS.values() if kind.name == shell]
    return ShellComplete.source(kind(click.Command(PROGRAM), {}, PROGRAM, "_SNIPERD_COMPLETE"))


def main() -> None:
    """Write all files into the directory given as the first argument."""
    for path, content in (*man_pages(), *completions()):
        file = Path(sys.argv[1], path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


if __name__ == "__main__":
    main()
