"""Messages: an alert in the format of each kind of webhook."""

from typing import Any

import msgspec

from daemon.monitoring.alerts import Alert
from daemon.monitoring.webhook_file import Kind, Webhook

MAX_TEXT = 1_500
"""Discord accepts 2,000 characters, the others more."""

FIRING, RESOLVED, TEST = "firing", "resolved", "test"


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """The content of a message."""

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


def body(webhook: Webhook, notice: Notice, mode: str) -> bytes:
    """Return a notice in a webhook's format, as JSON."""
    return msgspec.json.encode(_formatted(webhook, notice, mode))


def _formatted(webhook: Webhook, notice: Notice, mode: str) -> dict[str, Any]:
    match webhook.kind:
        case Kind.SLACK:
            return {"text": _for_slack(_text(notice, mode))}
        case Kind.DISCORD:
            return {"content": _text(notice, mode), "allowed_mentions": {"parse": []}}
        case Kind.TELEGRAM:
            return {"chat_id": webhook.chat, "text": _text(notice, mode), "disable_web_page_preview": True}
        case _:
            fields = msgspec.to_builtins(notice)
            return {"source": "sniperd", "mode": mode, "atMs": fields.pop("at_ms"), **fields}


def _text(notice: Notice, mode: str) -> str:
    lines = [f"{notice.state.upper()} ({notice.severity}): {notice.alert}, sniperd {mode}", notice.summary]
    if notice.state == FIRING:
        lines.append(f"What to do: {notice.todo}")
    return "\n".join(lines)[:MAX_TEXT]


def _for_slack(text: str) -> str:
    """Escape the three characters that mark links and mentions in Slack."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
