"""Errors become responses in one place, for both adapters."""

import json
from typing import Any

import pytest

from daemon.api.bot.bot_errors import BotRefusal
from daemon.api.http.error_responses import STATUS, ErrorResponses, HttpError
from daemon.core.values.events import Event
from daemon.errors import CommitFailed, Halted, Invalid, NotReady, Refusal, Unknown
from tests.exchange.mexc.clocks import ManualClock


class Answered:
    """What an error became: the response and the event."""

    def __init__(self, error: Exception, path: str = "/v1/x") -> None:
        events: list[Event] = []
        self.response = ErrorResponses(ManualClock(), events.append).response_to(error, "POST", path)
        [self.event] = events
        self.body: Any = json.loads(self.response.body)


def test_every_refusal_has_a_status() -> None:
    def leaves(kind: type[Refusal]) -> set[type[Refusal]]:
        return {kind} | {leaf for sub in kind.__subclasses__() for leaf in leaves(sub)}

    assert leaves(Refusal) - {Refusal} == STATUS.keys()


@pytest.mark.parametrize(
    ("error", "status", "body"),
    [
        (Invalid("odd", field="a", allowed="b"), 400, {"error": "invalid", "field": "a", "allowed": "b"}),
        (Unknown("none"), 404, {"error": "unknown"}),
        (Halted("stop"), 409, {"error": "halted"}),
        (HttpError(401), 401, {"error": "unauthorized"}),
        (HttpError(404), 404, {"error": "not_found"}),
        (CommitFailed("disk"), 503, {"error": "commit_failed"}),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_an_error_has_a_status_a_word_and_an_event(error: Exception, status: int, body: dict[str, str]) -> None:
    answered = Answered(error)
    assert answered.response.status == answered.event.detail["status"] == status
    assert answered.response.headers["Content-Type"] == "application/json"
    assert answered.body == body | {"message": answered.body["message"]}
    assert (answered.event.name, answered.event.detail["code"]) == ("request.refused", body["error"])


def test_a_failed_commit_does_not_say_that_nothing_was_sent() -> None:
    """A signal that waits for its outcome may have been sent: the commit of the outcome failed."""
    message = Answered(CommitFailed("disk full")).body["message"]
    assert message.startswith("disk full; ")
    assert "nothing was sent" not in message
    assert "is not known: repeat it, a signal with the same key" in message


def test_under_the_bots_prefix_every_error_has_the_bots_shape() -> None:
    for error in (
        Invalid("odd"),
        Unknown("none"),
        CommitFailed("disk"),
        HttpError(405),
        ValueError(),
        BotRefusal("no"),
    ):
        body = Answered(error, "/api/mexc/trade").body
        assert (body["success"], body.keys() >= {"error", "code"}) == (False, True)


def test_an_internal_error_is_logged_and_hidden_from_the_caller() -> None:
    answered = Answered(ValueError("secret"))
    assert (answered.response.status, answered.body["error"]) == (500, "failed")
    assert "secret" not in answered.body["message"]
    assert (answered.event.name, answered.event.detail["error"]) == ("request.failed", "ValueError: secret")


def test_headers_and_the_end_of_the_connection() -> None:
    assert Answered(NotReady("starting")).response.headers["Retry-After"] == "1"
    assert Answered(HttpError(405, "GET,HEAD")).response.headers["Allow"] == "GET,HEAD"
    assert [Answered(HttpError(status)).response.closes for status in (408, 413, 404)] == [True, True, False]
