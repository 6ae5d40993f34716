"""The description of the routes: complete, and right about generated requests."""

import itertools
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks

from tests.manual.blocks import text
from tests.support import Daemon, wall_ms
from tests.support.signals import market_buy, resting_buy
from tests.support.unix_session import URL, session

Document = dict[str, Any]
Ids = dict[str, list[str]]

_numbers = itertools.count(1)

LIKELY: dict[str, Callable[[], Any]] = {
    "/v1/signals": market_buy,
    "/v1/signals/batch": lambda: [market_buy(), resting_buy()],
    "/api/mexc/trade": lambda: market_buy(userId="bot", ownerId=None),
    "/api/transaction-locks": lambda: {"action": "check", "resourceId": "r"},
}
"""Valid bodies, by path."""

CHECKS = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
]


def lock(**changes: Any) -> dict[str, Any]:
    """Return a request for a lock of an unused resource."""
    return {"resourceId": f"described-{next(_numbers)}", "ownerId": "me"} | changes


@pytest.fixture
def document(daemon: Daemon) -> Document:
    found: Document = daemon.ask("GET", "/openapi.json").json
    return found


@pytest.fixture
def caller(daemon: Daemon) -> Iterator[requests.Session]:
    with session(daemon.signals) as made:
        yield made


def test_both_sockets_describe_what_they_serve(daemon: Daemon, document: Document) -> None:
    reads: Document = daemon.get("/openapi.json")
    methods = {method for path in reads["paths"].values() for method in path}
    assert methods <= {"get", "post"}
    assert [path for path, each in reads["paths"].items() if "post" in each] == ["/api/transaction-locks"]  # the check
    for path, each in reads["paths"].items():
        assert each.items() <= document["paths"][path].items()
    assert {"post", "get"} <= document["paths"]["/v1/locks"].keys()


def test_readme_and_handbook_name_only_described_routes(document: Document) -> None:
    assert document["openapi"] == "3.1.0"
    named = set(
        re.findall(r"`(GET|POST|DELETE) (/(?!api/snipe-targets|simulator)[^`?\s]+)", text())
    )  # which are others'
    assert len(named) > 20
    assert named <= {(method.upper(), path) for path, each in document["paths"].items() for method in each}


def test_every_operation_has_a_name_of_its_own_and_a_summary(document: Document) -> None:
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    assert all(operation["summary"] for operation in operations)


def test_a_wrong_method_is_refused_with_the_allowed_ones(daemon: Daemon) -> None:
    refused = daemon.ask("PATCH", "/v1/signals")
    assert (refused.status, refused.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("shape", "path", "make", "field"),
    [
        ("SignalRequest", "/v1/signals", market_buy, "priority"),
        ("SignalRequest", "/v1/signals", market_buy, "deadlineMs"),
        ("SignalRequest", "/v1/signals", market_buy, "timeoutMs"),
        ("AcquireRequest", "/v1/locks", lock, "priority"),
        ("AcquireRequest", "/v1/locks", lock, "timeoutMs"),
    ],
)
def test_a_described_limit_is_the_enforced_one(
    daemon: Daemon, document: Document, shape: str, path: str, make: Callable[..., Any], field: str
) -> None:
    described = document["components"]["schemas"][shape]["properties"][field]
    low, high = described["minimum"], described["maximum"]
    for beyond in (low - 1, high + 1):
        refused = daemon.ask("POST", path, make(**{field: beyond}))
        assert (refused.status, refused.json["field"]) == (400, field)
    for edge in (low, high):
        assert daemon.ask("POST", path, make(**{field: edge})).status in {201, 202}


@pytest.mark.parametrize("length", [128, 129])
def test_a_described_length_is_the_enforced_one(daemon: Daemon, document: Document, length: int) -> None:
    pattern = document["components"]["schemas"]["AcquireRequest"]["properties"]["ownerId"]["pattern"]
    name = f"  {'x' * length}  "
    assert (re.search(pattern, name) is not None) == (length <= 128)
    assert daemon.ask("POST", "/v1/locks", lock(ownerId=name)).status == (201 if length <= 128 else 400)


@pytest.mark.parametrize("mode", GenerationMode, ids=lambda mode: mode.value)
def test_every_answer_matches_the_description(
    daemon: Daemon, document: Document, caller: requests.Session, mode: GenerationMode
) -> None:
    schema = schemathesis.openapi.from_dict(document)
    schema.validate()
    ids = _what_there_is(daemon)
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        if operation.path == "/v1/events":  # its answer has no end: tests/api/test_events.py reads some of it
            continue
        if mode is GenerationMode.NEGATIVE and not (operation.body or operation.query or operation.headers):
            continue

        @settings(
            max_examples=8,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode), data=st.data())
        def answers(case: Case[Any], data: st.DataObject) -> None:
            if mode is GenerationMode.POSITIVE:
                _make_likely(case, ids, data)
            case.call_and_validate(base_url=URL, session=caller, checks=CHECKS)

        answers()
        daemon.ask("POST", "/v1/admin/resume", {"reason": "a test may have halted it"})
    assert daemon.process.events("request.failed") == []


def _what_there_is(daemon: Daemon) -> Ids:
    """Make orders and locks of several states."""
    orders = [daemon.accept(resting_buy()), daemon.accept(market_buy(executeAt=wall_ms() + 3_600_000))]
    return {"orders": orders, "locks": [daemon.ask("POST", "/v1/locks", lock()).json["lockId"] for _ in range(4)]}


def _make_likely(case: Case[Any], ids: Ids, data: st.DataObject) -> None:
    """Let some requests name existing orders and locks, so that successes occur too."""
    of = case.path.removeprefix("/v1/").removeprefix("admin/").partition("/")[0]
    if "id" in case.path_parameters and data.draw(st.booleans()):
        case.path_parameters["id"] = data.draw(st.sampled_from(ids[of]))
    if case.path in LIKELY and data.draw(st.booleans()):
        case.body = LIKELY[case.path]()
    elif isinstance(case.body, dict) and "ownerId" in case.body and case.path.startswith("/v1/locks"):
        case.body["ownerId"] = data.draw(st.sampled_from(["me", case.body["ownerId"]]))
