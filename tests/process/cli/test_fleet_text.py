"""The fleet as text: who owns the account, what each member lacks, and what is wrong with the database."""

import json
from typing import Any

import click
import msgspec
import pytest

from daemon.cli.client import DaemonAnswer
from daemon.cli.fleet_text import fleet_lines
from daemon.cli.show import pair_lines
from daemon.core.values.fleet_health import Standing, TakeoverSeen
from tests.manual.blocks import named
from tests.support.fleets import some_fleet, some_member
from tests.support.making import NOW_MS


def text_of(**changed: Any) -> str:
    """Return what a terminal shows of a fleet, without colours."""
    answer = json.loads(
        msgspec.json.encode(some_fleet(**changed)), object_hook=lambda fields: DaemonAnswer(fields, exit_code=4)
    )
    return click.unstyle("\n".join(pair_lines(fleet_lines(answer))))


def test_a_healthy_fleet_is_shown_as_the_handbook_shows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    door = some_member(
        "laptop", Standing.DOOR, n=18_190, behind=14, seen_ago_ms=3_000, version="1.0.9", cannot_own="a door"
    )
    standby = some_member("tokyo-2", Standing.STANDBY, clock_error_ms=9.0)
    found = text_of(
        members=[some_member("tokyo-1", Standing.OWNER), standby, door],
        append_ms=0.9,
        append_p99_ms=3.1,
        last_takeover=TakeoverSeen(at_ms=NOW_MS, owner="tokyo-1", former="tokyo-3", reason="its lease ended"),
        owned_since_ms=NOW_MS,
    )
    assert found == named("fleet-status").rstrip("\n")


@pytest.mark.parametrize(
    ("changed", "shown"),
    [
        ({"owner": None, "lease_left_ms": None}, "no member owns the account: nothing is traded"),
        ({"owner": None, "backend_error": "no answer in time"}, "main: who owns the account is not known here; this"),
        ({"lease_left_ms": -1_500.0}, "lease ended 1.5 s ago"),
        ({"lease_left_ms": None}, "its end cannot be judged here"),
        ({"cannot_own": "its clock is not measured"}, "standing by, cannot take over: its clock is not measured"),
        ({"standing": Standing.DOOR}, "this is tokyo-2, a door"),
        ({"standing": Standing.OWNER}, "this is tokyo-2, owning"),
        ({"backend_error": "connection refused"}, "PostgreSQL 17.2 on db1  does not answer: connection refused"),
        ({"doubts": ["fsync is off"]}, "fsync is off"),
        (
            {"members": [some_member("old", Standing.STANDBY, cannot_own="too old", reaches_exchange=False)]},
            "no exchange  clock ±8 ms  seen 0 s ago  1.1.0  cannot take over: too old",
        ),
        ({"members": [some_member("new", Standing.STANDBY, clock_error_ms=None)]}, "clock unknown"),
        (
            {"members": [some_member("new", Standing.STANDBY, configuration_differs=True)]},
            "1.1.0  another configuration than the owner's: `sniperd doctor` there",
        ),
        (
            {"members": [some_member("b", Standing.STANDBY, cannot_own="too old", configuration_differs=True)]},
            "1.1.0  cannot take over: too old; another configuration than the owner's",
        ),
    ],
)
def test_what_is_wrong_is_shown(changed: dict[str, Any], shown: str) -> None:
    assert shown in text_of(**changed)
