"""The file of webhooks. It is separate from the configuration, because the address alone permits writing there.

One webhook per line: its kind, its address, and for Telegram the chat::

    json https://example.org/hook
    slack https://hooks.slack.com/services/…
    discord https://discord.com/api/webhooks/…
    telegram https://api.telegram.org/botTOKEN/sendMessage CHAT

A last word ``alerts`` or ``trades`` restricts a webhook to alerts, or to messages about trades.

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


class Subject(StrEnum):
    """What a message is about; the last word of a line that restricts its webhook to one of them."""

    ALERT = "alerts"
    NOTIFICATION = "trades"

    @property
    def word(self) -> str:
        """The word in names of events and of their keys."""
        return self.name.lower()


class Webhook(msgspec.Struct, frozen=True):
    """One destination of messages."""

    name: str  # its kind and number: the only part that may be shown
    kind: Kind
    url: Secret
    chat: str = ""
    only: Subject | None = None

    def takes(self, subject: Subject) -> bool:
        """Whether messages about a subject are sent to it."""
        return self.only in {None, subject}

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
    count, only = len(words), None
    if count == expected + 1 and words[-1] in set(Subject):
        only = Subject(words.pop())
    if len(words) != expected:
        form = f"{kind} ADDRESS{' CHAT' if kind is Kind.TELEGRAM else ''}"
        raise BadConfig(f"{where} has {count} words; allowed: {form}, and then alerts or trades for these alone")
    if not _is_address(words[1]):
        raise BadConfig(f"{where} has no safe address; allowed: https://…, or http:// to this machine")
    return Webhook(f"{kind} {number}", kind, Secret(words[1]), words[2] if kind is Kind.TELEGRAM else "", only)


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
