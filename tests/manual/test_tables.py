"""What the pages' tables list is what the code has."""

import re

import msgspec
import pytest

from daemon import exit_codes
from daemon.api.http.error_responses import STATUS
from daemon.config.tables import Config
from daemon.core.values.lease_requests import AcquireRequest
from daemon.core.values.signals import SignalRequest
from daemon.core.values.states import State
from daemon.monitoring.alert_rules import rules
from tests.manual.blocks import MANUAL

ALERTS = {rule.name: rule.severity.value for rule in rules(Config().alerts)}


def table(page: str, heading: str) -> list[list[str]]:
    """Return the rows below the first line of the first table under a heading, cell by cell."""
    text = (MANUAL / f"{page}.md").read_text(encoding="utf-8")
    section = re.split(rf"^#+ {re.escape(heading)}$", text, flags=re.MULTILINE)[1]
    found = re.search(r"^\|.*\|\n\|[-|]+\|\n((?:\|.*\|\n)+)", section, re.MULTILINE)
    assert found is not None
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in found[1].splitlines()]


def words(cell: str) -> list[str]:
    """Return what a cell shows as code."""
    return re.findall(r"`([^`]+)`", cell)


def first_words(page: str, heading: str) -> list[str]:
    """Return what the first column of a table shows as code."""
    return [word for row in table(page, heading) for word in words(row[0])]


def test_the_alerts_with_their_severities() -> None:
    assert {words(name)[0]: severity for name, severity, _ in table("monitoring", "Alerts")} == ALERTS


def test_symptoms_says_what_to_do_about_every_alert() -> None:
    text = (MANUAL / "symptoms.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| alert `(\w+)`", text, flags=re.MULTILINE)) == ALERTS.keys()


def test_the_words_of_refusals_with_their_status() -> None:
    shown = {word: int(row[1]) for row in table("bot", "Errors") for word in words(row[0])}
    assert shown == {refusal.code: status for refusal, status in STATUS.items()}


def test_the_fields_of_a_signal_and_of_a_lease() -> None:
    wire = {field.encode_name for field in msgspec.structs.fields(SignalRequest)}
    assert set(first_words("bot-signals", "Fields")) == wire
    asked = {field.encode_name for field in msgspec.structs.fields(AcquireRequest)}
    assert set(first_words("bot-leases", "Acquire")) == asked


def test_states_and_guards_are_only_those_that_there_are() -> None:
    assert set(first_words("concepts", "An order's life")) <= set(State)
    assert set(first_words("live", "Guards")) <= set(Config().guards.__struct_fields__)


@pytest.mark.parametrize("code", [row[0] for row in table("symptoms", "The daemon does not start")])
def test_an_exit_code_is_one_of_the_table(code: str) -> None:
    known = {value for value in vars(exit_codes).values() if isinstance(value, int)}
    assert int(code) in known
