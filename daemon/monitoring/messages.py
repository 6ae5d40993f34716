"""Messages: an alert, or another message, in the format of each kind of webhook."""

from typing import Any, Protocol

import msgspec

from daemon.monitoring.alerts import Alert
from daemon.monitoring.webhook_file import Kind, Webhook

MAX_TEXT = 1_500
"""Discord accepts 2,000 characters, the others more."""

FIRING, RESOLVED, TEST = "firing", "resolved", "test"


class Message(Protocol):
    """What can be sent to a webhook."""

    @property
    def at_ms(self) -> int:
        """When it was made, in Unix milliseconds."""
        ...

    @property
    def name(self) -> str:
        """What the log calls it."""
        ...

    def text(self, mode: str) -> str:
        """Return it for people; ``mode`` is the daemon's."""
        ...

    def fields(self) -> dict[str, Any]:
        """Return it for programs."""
        ...


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that fires or has resolved."""

    alert: str
    severity: str
    state: str
    summary: str
    todo: str
    value: float
    at_ms: int

    @classmethod
    def of(cls, alert: Alert, *, firing: bool, at_ms: int) -> "Notice":
        """Return the notice of an alert that fires or has resolved."""
        return cls(
            alert=alert.rule.name,
            severity=alert.rule.severity.value,
            state=FIRING if firing else RESOLVED,
            summary=alert.summary,
            todo=alert.rule.todo if firing else "nothing",
            value=alert.value,
            at_ms=at_ms,
        )

    @property
    def name(self) -> str:
        """The alert's name."""
        return self.alert

    def text(self, mode: str) -> str:
        """Return state, summary, and what to do while it fires."""
        lines = [f"{self.state.upper()} ({self.severity}): {self.alert}, sniperd {mode}", self.summary]
        if self.state == FIRING:
            lines.append(f"What to do: {self.todo}")
        return "\n".join(lines)

    def fields(self) -> dict[str, Any]:
        """Return every field but the time."""
        return {name: getattr(self, name) for name in self.__struct_fields__ if name != "at_ms"}


def make_test_notice(at_ms: int) -> Notice:
    """Return a test notice."""
    return Notice(
        alert="test",
        severity="warning",
        state=TEST,
        summary="a test message: alerts arrive here",
        todo="nothing",
        value=0,
        at_ms=at_ms,
    )


def body(webhook: Webhook, message: Message, mode: str) -> bytes:
    """Return a message in a webhook's format, as JSON."""
    return msgspec.json.encode(_formatted(webhook, message, mode))


def _formatted(webhook: Webhook, message: Message, mode: str) -> dict[str, Any]:
    text = message.text(mode)[:MAX_TEXT]
    match webhook.kind:
        case Kind.SLACK:
            return {"text": _for_slack(text)}
        case Kind.DISCORD:
            return {"content": text, "allowed_mentions": {"parse": []}}
        case Kind.TELEGRAM:
            return {"chat_id": webhook.chat, "text": text, "disable_web_page_preview": True}
        case _:
            return {"source": "sniperd", "mode": mode, "atMs": message.at_ms, **message.fields()}


def _for_slack(text: str) -> str:
    """Escape the three characters that mark links and mentions in Slack."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
