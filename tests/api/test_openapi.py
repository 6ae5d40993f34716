"""The description of the routes: complete, and true of what the daemon does with what nobody thought of."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks

from tests.processes import Daemon
from tests.processes.signals import market_buy, resting_buy
from tests.processes.unix_session import URL, session

Document = dict[str, Any]

CHECKS = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
]


@pytest.fixture
def document(daemon: Daemon) -> Document:
    found: Document = daemon.ask("GET", "/openapi.json").json
    return found


@pytest.fixture
def caller(daemon: Daemon) -> Iterator[requests.Session]:
    with session(daemon.signals) as made:
        yield made


def test_both_sockets_describe_what_they_serve(daemon: Daemon, document: Document) -> None:
    reads: Document = daemon.look("/openapi.json")
    methods = {method for path in reads["paths"].values() for method in path}
    assert methods <= {"get", "post"}
    assert [path for path, each in reads["paths"].items() if "post" in each] == ["/api/transaction-locks"]  # the check
    for path, each in reads["paths"].items():
        assert each.items() <= document["paths"][path].items()
    assert {"post", "get"} <= document["paths"]["/v1/locks"].keys()


def test_the_readme_names_no_route_that_is_not_described(document: Document) -> None:
    assert document["openapi"] == "3.1.0"
    assert {
        "/v1/signals",
        "/v1/signals/batch",
        "/v1/orders/{id}/explain",
        "/v1/locks/{id}/renew",
        "/v1/admin/orders/{id}/resolve",
        "/api/mexc/trade",
        "/openapi.json",
    } <= document["paths"].keys()


def test_every_operation_has_a_name_of_its_own_and_a_summary(document: Document) -> None:
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    assert all(operation["summary"] for operation in operations)


def test_a_method_that_a_route_does_not_take_is_told_which_it_takes(daemon: Daemon) -> None:
    refused = daemon.ask("PATCH", "/v1/signals")
    assert (refused.status, refused.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("body", "field"),
    [({"priority": 11}, "priority"), ({"priority": 0}, "priority"), ({"timeoutMs": 99}, "timeoutMs")],
    ids=str,
)
def test_a_described_limit_is_the_enforced_one(
    daemon: Daemon, document: Document, body: dict[str, int], field: str
) -> None:
    [(name, value)] = body.items()
    described = document["components"]["schemas"]["SignalRequest"]["properties"][name]
    assert not described["minimum"] <= value <= described["maximum"]
    refused = daemon.submit(market_buy(**body))
    assert (refused.status, refused.json["field"]) == (400, field)
    for edge in (described["minimum"], described["maximum"]):
        assert daemon.submit(market_buy(**{name: edge})).status == 202


@pytest.mark.parametrize("mode", GenerationMode, ids=lambda mode: mode.value)
def test_what_it_is_asked_it_answers_as_described(
    daemon: Daemon, document: Document, caller: requests.Session, mode: GenerationMode
) -> None:
    schema = schemathesis.openapi.from_dict(document)
    orders = [daemon.accept(resting_buy()), daemon.accept(market_buy(deadlineMs=1))]
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
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
                _make_likely(case, orders, data)
            case.call_and_validate(base_url=URL, session=caller, checks=CHECKS)

        answers()
        daemon.ask("POST", "/v1/admin/resume", {"reason": "a test may have halted it"})
    assert daemon.process.events("request.failed") == []


def _make_likely(case: Case[Any], orders: list[str], data: st.DataObject) -> None:
    """Let some requests be about what there is."""
    if "id" in case.path_parameters and "orders" in case.path:
        case.path_parameters["id"] = data.draw(st.sampled_from([*orders, case.path_parameters["id"]]))
    if isinstance(case.body, dict) and "symbol" in case.body:
        case.body["symbol"] = data.draw(st.sampled_from(["BTCUSDT", case.body["symbol"]]))
