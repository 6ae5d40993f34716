"""The result of a check."""

from enum import StrEnum

import msgspec


class Grade(StrEnum):
    """The grade of a finding."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


class Finding(msgspec.Struct, frozen=True):
    """The result of one check: grade, text, and what to do if it is not ok."""

    check: str
    grade: Grade
    text: str
    advice: str | None = None


def ok(check: str, text: str) -> Finding:
    """Return a finding without a problem."""
    return Finding(check, Grade.OK, text)


def warning(check: str, text: str, advice: str) -> Finding:
    """Return a finding that the operator should look into; the daemon works nevertheless."""
    return Finding(check, Grade.WARNING, text, advice)


def failure(check: str, text: str, advice: str) -> Finding:
    """Return a finding that keeps the daemon from working, or should."""
    return Finding(check, Grade.FAILURE, text, advice)
