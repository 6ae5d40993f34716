"""What an examination finds."""

from enum import StrEnum

import msgspec


class Grade(StrEnum):
    """How a thing stands."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


class Finding(msgspec.Struct, frozen=True):
    """One thing looked at: how it stands, and what to do about it where it does not stand well."""

    check: str
    grade: Grade
    text: str
    advice: str | None = None


def ok(check: str, text: str) -> Finding:
    """Find a thing in order."""
    return Finding(check, Grade.OK, text)


def warning(check: str, text: str, advice: str) -> Finding:
    """Find a thing that the operator should look at; the daemon works all the same."""
    return Finding(check, Grade.WARNING, text, advice)


def failure(check: str, text: str, advice: str) -> Finding:
    """Find a thing with which the daemon cannot work, or must not."""
    return Finding(check, Grade.FAILURE, text, advice)
