"""``sniperd completion``."""

import click

from daemon.installing.share import SHELLS, completion_of


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print the script with which a shell completes commands, options, choices, orders and pairs.

    `sniperd install` and the Debian package put the scripts in place. Elsewhere let your shell load its own:

    \b
    source <(sniperd completion bash)         in ~/.bashrc
    source <(sniperd completion zsh)          in ~/.zshrc, after compinit
    sniperd completion fish | source          in ~/.config/fish/config.fish
    """  # noqa: D301  # click's mark, no backslash
    click.echo(completion_of(shell))
