"""The file of webhooks. It is separate from the configuration, because the address alone permits writing there.

One webhook per line: its kind, its address, and for Telegram the chat::

    json https://example.org/hook
    slack https://hooks.slack.com/services/…
    discord https://discord.com/api/webhooks/…
    telegram https://api.telegram.org/botTOKEN/sendMessage CHAT

Empty lines and lines that begin with ``#`` are ignored. No error message quotes a line, because it is secret.
"""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import msgspec

from daemon.config.addresses import is_loopback
from daemon.config.credentials import MAX_BYTES, Secret, passed, read
from daemon.errors import BadConfig

CREDENTIAL = "alert_webhooks"
MAX_WEBHOOKS = 8
_REPLACE = "replace the webhooks in it by new ones"


class Kind(StrEnum):
    """The format of a message."""

    JSON = "json"
    SLACK = "slack"
    DISCORD = "discord"
    TELEGRAM = "telegram"


class Webhook(msgspec.Struct, frozen=True):
    """One destination of alerts."""

    name: str  # its kind and number: the only part that may be shown
    kind: Kind
    url: Secret
    chat: str = ""

    def secrets(self) -> list[Secret]:
        """Return what must not appear in a log: the address, and the part of it that permits writing there."""
        parts = urlsplit(self.url.reveal())
        return [self.url, *(Secret(word) for word in (_rest(parts),) if word.strip("/"))]


def find(environ: Mapping[str, str], configured: str) -> list[Webhook]:
    """Read the webhooks: the service manager's credential, else the configured file, else none.

    Raises:
        NoPermission: the file cannot be read, or others can read it.
        BadConfig: a line of it is wrong.

    """
    given = passed(environ, CREDENTIAL)
    if given is not None:
        return parse(read(given, _REPLACE), given)
    return parse(read(Path(configured), _REPLACE), Path(configured)) if configured else []


def parse(text: str, path: Path) -> list[Webhook]:
    """Read the lines.

    Raises:
        BadConfig: one is wrong, or there are too many.

    """
    lines = [(place, line.split()) for place, line in enumerate(text.splitlines(), 1)]
    wanted = [(place, words) for place, words in lines if words and not words[0].startswith("#")]
    if len(wanted) > MAX_WEBHOOKS or len(text) > MAX_BYTES:
        raise BadConfig(f"{path} is too long; allowed: {MAX_WEBHOOKS} webhooks, {MAX_BYTES} characters")
    return [_webhook(words, f"{path}, line {place}", number) for number, (place, words) in enumerate(wanted, 1)]


def _webhook(words: list[str], where: str, number: int) -> Webhook:
    if words[0] not in set(Kind):
        raise BadConfig(f"{where} does not begin with a kind of webhook; allowed: {', '.join(Kind)}")
    kind = Kind(words[0])
    expected = 3 if kind is Kind.TELEGRAM else 2
    if len(words) != expected:
        raise BadConfig(f"{where} has {len(words)} words; allowed: {kind} ADDRESS{' CHAT' if expected > 2 else ''}")  # noqa: PLR2004
    if not _is_address(words[1]):
        raise BadConfig(f"{where} has no safe address; allowed: https://…, or http:// to this machine")
    return Webhook(f"{kind} {number}", kind, Secret(words[1]), words[2] if kind is Kind.TELEGRAM else "")


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return has_host and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url)))


def _rest(parts: SplitResult) -> str:
    """Return an address without its server."""
    return parts.path + (f"?{parts.query}" if parts.query else "")
