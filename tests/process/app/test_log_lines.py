"""The log: one JSON object per line, each an event of the catalogue."""

import json
import sqlite3
from contextlib import closing
from datetime import datetime

import pytest

from daemon.core.values.events import BOUND_KEYS, CATALOGUE
from tests.process.app.aftermath import Aftermath

ALWAYS = {"at", "level", "event"}


@pytest.fixture(params=["before the kill", "after it"])
def lines(request: pytest.FixtureRequest, aftermath: Aftermath) -> list[str]:
    """The lines of a daemon that met every fault."""
    if request.param == "before the kill":
        return aftermath.killed_lines[:-1]  # the kill may have cut the last
    aftermath.daemon.until(aftermath.behind_placed, "filled")
    return aftermath.daemon.process.output.so_far()


def test_every_line_is_a_json_object_with_an_instant_a_level_and_an_event(lines: list[str]) -> None:
    for line in lines:
        fields = json.loads(line)
        assert fields.keys() >= ALWAYS
        assert datetime.fromisoformat(fields["at"]).tzinfo is not None
        assert fields["level"] == CATALOGUE[fields["event"]].level.name.lower()


def test_every_event_has_its_promised_keys_and_no_others(lines: list[str]) -> None:
    for line in lines:
        fields = json.loads(line)
        own = set(CATALOGUE[fields["event"]].keys)
        assert fields.keys() - ALWAYS - BOUND_KEYS <= own, line
        if fields["event"].startswith("order."):
            assert {"order_id", "resource", "state"} <= fields.keys(), line


def test_the_life_of_an_order_is_logged(lines: list[str]) -> None:
    told = {json.loads(line)["event"] for line in lines}
    assert told >= {"daemon.starting", "daemon.recovered", "daemon.ready", "order.sent", "order.placed"}


def test_nothing_is_logged_about_an_order_that_is_not_on_disk(aftermath: Aftermath) -> None:
    told = {json.loads(line).get("order_id") for line in aftermath.killed_lines[:-1]} - {None}
    with closing(sqlite3.connect(f"file:{aftermath.daemon.database}?mode=ro", uri=True)) as database:
        stored = {row[0] for row in database.execute("SELECT order_id FROM orders")}
    assert len(told) > 20
    assert told <= stored


def test_standard_error_stays_empty(aftermath: Aftermath) -> None:
    assert aftermath.daemon.process.errors.so_far() == []
