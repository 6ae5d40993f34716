"""Messages: an alert as the operator reads it, in the shape that each kind of webhook takes."""

from typing import Any

import msgspec

from daemon.monitoring.alerts import Alert
from daemon.monitoring.webhook_file import Kind, Webhook

MAX_TEXT = 1_500
"""Discord takes 2,000 characters, the others more."""

FIRING, RESOLVED, TEST = "firing", "resolved", "test"


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What a webhook is told."""

    alert: str
    severity: str
    state: str
    summary: str
    todo: str
    value: float
    at_ms: int

    @classmethod
    def of(cls, alert: Alert, *, firing: bool, at_ms: int) -> "Notice":
        """Tell of an alert that fires or has resolved."""
        return cls(
            alert=alert.rule.name,
            severity=alert.rule.severity.value,
            state=FIRING if firing else RESOLVED,
            summary=alert.summary,
            todo=alert.rule.todo if firing else "nothing",
            value=alert.value,
            at_ms=at_ms,
        )


def a_test(at_ms: int) -> Notice:
    """Make a test message."""
    return Notice(
        alert="test",
        severity="warning",
        state=TEST,
        summary="somebody asked for a test: alerts arrive here",
        todo="nothing",
        value=0,
        at_ms=at_ms,
    )


def body(webhook: Webhook, notice: Notice, mode: str) -> bytes:
    """Write a notice in a webhook's shape, as JSON."""
    return msgspec.json.encode(_shaped(webhook, notice, mode))


def _shaped(webhook: Webhook, notice: Notice, mode: str) -> dict[str, Any]:
    match webhook.kind:
        case Kind.SLACK:
            return {"text": _for_slack(_text(notice, mode))}
        case Kind.DISCORD:
            return {"content": _text(notice, mode), "allowed_mentions": {"parse": []}}
        case Kind.TELEGRAM:
            return {"chat_id": webhook.chat, "text": _text(notice, mode), "disable_web_page_preview": True}
        case _:
            told = msgspec.to_builtins(notice)
            return {"source": "sniperd", "mode": mode, "atMs": told.pop("at_ms"), **told}


def _text(notice: Notice, mode: str) -> str:
    lines = [f"{notice.state.upper()} ({notice.severity}): {notice.alert}, sniperd {mode}", notice.summary]
    if notice.state == FIRING:
        lines.append(f"What to do: {notice.todo}")
    return "\n".join(lines)[:MAX_TEXT]


def _for_slack(text: str) -> str:
    """Escape the three characters by which Slack marks links and mentions."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
