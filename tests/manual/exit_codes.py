"""The exit codes, and after which of them systemd does not start the daemon again."""

import re
from pathlib import Path

from daemon.exit_codes import MEANINGS
from tests.manual import markdown
from tests.manual.markdown import code, items

SERVICE = Path(__file__).parents[2] / "systemd/sniperd.service"


def page() -> str:
    """Return the handbook's page."""
    intro = (
        "These are the exit codes of the daemon (`sniperd run`) and of every command. The [command "
        "reference](reference-commands.md) says what they mean for a command where that is special. After some of them "
        "systemd does not restart the service: fix the cause and start it again."
    )
    final = _final()
    entries = [
        f"{code(number)}: {meaning}" + (" The service stays down." if number in final else "")
        for number, meaning in MEANINGS.items()
    ]
    return markdown.page(
        "Exit codes",
        "Every exit code and what it means, for the service and for scripts.",
        intro,
        items(entries),
    )


def _final() -> set[int]:
    """Return the exit codes after which the unit stays down."""
    found = re.search(r"^RestartPreventExitStatus=(.*)$", SERVICE.read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None
    return {int(number) for number in found[1].split()}
