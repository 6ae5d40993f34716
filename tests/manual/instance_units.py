"""The units of the service's instances, from those of the service: what both have in common exists once.

Every directive of the service counts for an instance. Names of units, files and directories get the instance's name.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

UNITS = Path(__file__).parents[2] / "systemd"

TEMPLATES: Mapping[str, str] = {
    "sniperd@.service": "sniperd.service",
    "sniperd@.socket": "sniperd.socket",
    "sniperd-backup@.service": "sniperd-backup.service",
    "sniperd-backup@.timer": "sniperd-backup.timer",
}
"""Each template, and the unit that it is made of."""

HEADER = """\
# {of} for the instance NAME, which trades on a further account. Its configuration is /etc/sniperd/NAME.toml, its
# directories are /var/lib/sniperd-NAME and /run/sniperd-NAME, its keys /etc/credstore/NAME.mexc_api_key and
# NAME.mexc_api_secret. Generated from {of}, and a test compares the two: change that one.

"""

RENAMED: Mapping[str, str] = {
    r"\bsniperd\.(service|socket)\b": r"sniperd@%i.\1",
    r"/etc/sniperd/config\.toml": "/etc/sniperd/%i.toml",
    r"/(run|var/lib)/sniperd\b": r"/\1/sniperd-%i",
    r"(?<=^StateDirectory=)sniperd sniperd/backups$": "sniperd-%i sniperd-%i/backups",
    r"(?<=^StateDirectory=)sniperd$": "sniperd-%i",
    r"(?<=^RuntimeDirectory=)sniperd$": "sniperd-%i",
    r"(?<=^SyslogIdentifier=)(sniperd|sniperd-backup)$": r"\1@%i",
    r"(?<=^Description=)sniperd's sockets": "Sockets of sniperd for %i",
    r"(?<=^Description=)sniperd\b": "sniperd for %i",
    r"(?<=^Description=)Back up sniperd's": "Back up %i's",
    r"^(#?\s*LoadCredential\w*=)(\w+)$": r"\1\2:%i.\2",
    r"/etc/(credstore\S*)/(?=\w)": r"/etc/\1/%i.",
    r"(?<=and )mexc_api_secret(?= \(root)": "%i.mexc_api_secret",
    r"\(systemctl edit sniperd\)": "(systemctl edit sniperd@)",
    r"\bas in sniperd@%i\.service": "as in sniperd.service",
}
"""What is replaced in every line, as regular expressions."""

DIRECTORY = """\
# The group must reach the sockets before the service has started once.
ExecStartPre=/usr/bin/install -d -o sniperd -g sniperd -m 0750 /run/sniperd-%i
"""


def template(name: str) -> Callable[[], str]:
    """Return what generates a template."""
    return lambda: made_of((UNITS / TEMPLATES[name]).read_text(encoding="utf-8"), TEMPLATES[name])


def made_of(unit: str, of: str) -> str:
    """Return the template of a unit."""
    for pattern, becomes in RENAMED.items():
        unit = re.sub(pattern, becomes, unit, flags=re.MULTILINE)
    return HEADER.format(of=of) + unit.replace("[Socket]\n", f"[Socket]\n{DIRECTORY}")
