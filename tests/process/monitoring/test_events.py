"""The event stream: every event, in order, once; and no reader can delay the daemon."""

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from daemon.api.recent_events import HELD, RecentEvents
from daemon.api.views import encode, event_view
from daemon.core.values.events import BOUND_KEYS, CATALOGUE, Detail, Event
from daemon.core.values.orders import Side
from daemon.core.values.states import State
from tests.support import KEYS, Daemon, Exchange, ask
from tests.support.event_stream import EventStream, following
from tests.support.signals import market_buy
from tests.support.stage import Stage
from tests.support.unix_http import Connection

BOUND = {"id", "name", "atMs", "level", "actor", "orderId", "lockId", "resource", "clientOrderId", "state", "detail"}


@pytest.fixture
def own_daemon(shared_stage: Stage, exchange: Exchange) -> Daemon:
    """A daemon that a test may end."""
    found = shared_stage.daemon(exchange, {"http": {"listen": "127.0.0.1:0"}})
    found.start(with_rules=True)
    return found


def bought(daemon: Daemon) -> str:
    order = daemon.submit(market_buy(), wait_s=10).json
    assert order["state"] == "filled"
    return str(order["id"])


def until(stream: EventStream, order_id: str) -> list[str]:
    """Return the names of an order's events up to the one that filled it."""
    names = []
    for message in stream:
        if message.data.get("orderId") == order_id:
            names.append(message.event)
            if message.data.get("state") == "filled":
                return names
    raise AssertionError(f"the stream ended before {order_id} was filled: {names}")


@pytest.mark.parametrize("which", ["signals", "status"])
def test_events_are_sent_on_both_sockets_as_they_happen(daemon: Daemon, which: str) -> None:
    with following(getattr(daemon, which)) as stream:
        assert stream.response.headers["Content-Type"] == "text/event-stream"
        assert stream.hello.event == "hello"
        assert stream.hello.data == {
            "version": daemon.get("/v1/status")["version"],
            "startedMs": int(stream.hello.id.partition("-")[0]),
            "position": stream.hello.id,
        }
        order_id = bought(daemon)
        assert until(stream, order_id)[:2] == ["order.accepted", "order.sent"]


def test_events_are_sent_over_tcp(own_daemon: Daemon) -> None:
    address = urlsplit(own_daemon.wait_for("daemon.ready")["http"]).netloc
    connection = http.client.HTTPConnection(address, timeout=10)
    connection.request("GET", "/v1/events", headers={"Host": address})
    stream = EventStream(connection.getresponse())
    assert until(stream, bought(own_daemon))
    connection.close()


def test_an_event_has_the_keys_of_the_catalogue(daemon: Daemon) -> None:
    with following(daemon.status) as stream:
        order_id = bought(daemon)
        sent = stream.wait_for("order.sent", orderId=order_id)
        assert sent.data.keys() <= BOUND
        assert (sent.data["id"], sent.data["name"], sent.data["level"]) == (sent.id, sent.event, "info")
        assert sent.data["detail"].keys() <= set(CATALOGUE["order.sent"].keys) | BOUND_KEYS
        assert sent.data["state"] == "in_flight"
        assert sent.data["actor"] == "daemon"
        assert sent.data["clientOrderId"] == daemon.order(order_id)["clientOrderId"]


def test_events_are_described_as_they_are_sent(daemon: Daemon) -> None:
    document = daemon.get("/openapi.json")
    answers = document["paths"]["/v1/events"]["get"]["responses"]
    assert answers.keys() == {"200", "400", "409"}
    described = answers["200"]["content"]["text/event-stream"]
    shape = document["components"]["schemas"][described["x-data"]["$ref"].rpartition("/")[2]]
    assert shape["properties"].keys() == BOUND
    with following(daemon.status) as stream:
        event = stream.wait_for("order.sent", orderId=bought(daemon))
    assert set(shape["required"]) <= event.data.keys() <= shape["properties"].keys()


@pytest.mark.parametrize("by", ["Last-Event-ID", "after", "both"])
def test_a_reader_goes_on_where_it_stopped(daemon: Daemon, by: str) -> None:
    with following(daemon.status) as stream:
        first = bought(daemon)
        sent = stream.wait_for("order.sent", orderId=first)
        rest = until(stream, first)
    second = bought(daemon)
    header = {} if by == "after" else {"Last-Event-ID": sent.id}
    query = {"Last-Event-ID": "", "after": f"?after={sent.id}", "both": "?after=1-1"}[by]
    with following(daemon.status, query, header) as again:
        assert again.hello.data["position"] == sent.id
        assert until(again, first) == rest
        assert until(again, second)[0] == "order.accepted"


def test_a_reader_that_received_only_hello_misses_nothing(daemon: Daemon) -> None:
    with following(daemon.status) as stream:
        position = stream.hello.id
    order_id = bought(daemon)
    with following(daemon.status, f"?after={position}") as again:
        assert until(again, order_id)[0] == "order.accepted"


@pytest.mark.parametrize("event_id", ["1-1", "0", "nonsense", "9" * 400, "%E2%80%A6", "-", "1-99999999999999999999"])
def test_an_id_that_is_not_known_is_answered_with_reset_and_all_that_is(daemon: Daemon, event_id: str) -> None:
    with following(daemon.status, f"?after={event_id}") as stream:
        reset = next(stream)
        assert (reset.event, reset.data) == ("reset", {"position": stream.hello.data["position"]})
        assert next(stream).event == "daemon.starting"


def test_an_id_of_what_has_not_happened_yet_is_not_known(daemon: Daemon) -> None:
    with following(daemon.status) as stream:
        started, _, number = stream.hello.id.partition("-")
    with following(daemon.status, f"?after={started}-{int(number) + 10**6}") as stream:
        assert next(stream).event == "reset"


def test_after_a_restart_a_reader_must_read_again_and_gets_what_happened_since(own_daemon: Daemon) -> None:
    with following(own_daemon.status) as stream:
        last = stream.wait_for("order.sent", orderId=bought(own_daemon))
    own_daemon.restart()
    with following(own_daemon.status, headers={"Last-Event-ID": last.id}) as again:
        assert next(again).event == "reset"
        assert next(again).event == "daemon.starting"
        again.wait_for("daemon.recovered")


def test_a_reader_can_follow_one_order(daemon: Daemon) -> None:
    other, order_id = bought(daemon), bought(daemon)
    with following(daemon.status, f"?after=0&orderId={order_id}") as stream:
        heard = [next(stream) for _ in range(4)]
    assert heard[0].event == "reset"
    assert {message.data["orderId"] for message in heard[1:]} == {order_id} != {other}


def test_a_reader_can_follow_one_kind(daemon: Daemon) -> None:
    bought(daemon)
    daemon.ask("POST", "/v1/admin/halt", {"reason": "for a reader"})
    with following(daemon.status, "?after=0&name=trading.") as stream:
        stream.wait_for("reset")
        assert next(stream).event.startswith("trading.")


def test_an_unknown_filter_is_refused(daemon: Daemon) -> None:
    refused = ask(daemon.status, "GET", "/v1/events?since=3")
    assert (refused.status, refused.json["allowed"]) == (400, "after, name, orderId")


def test_head_is_answered_and_ends(daemon: Daemon) -> None:
    answer = ask(daemon.status, "HEAD", "/v1/events")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/event-stream")


def test_a_caller_of_http_1_0_gets_the_stream_without_chunks(daemon: Daemon) -> None:
    with socket.socket(socket.AF_UNIX) as caller:
        caller.settimeout(10)
        caller.connect(str(daemon.status))
        caller.sendall(b"GET /v1/events HTTP/1.0\r\n\r\n")
        order_id, heard = bought(daemon), b""
        while order_id.encode() not in heard:
            heard += caller.recv(65_536)
    head, _, body = heard.partition(b"\r\n\r\n")
    assert b"chunked" not in head.lower()
    assert body.startswith(b"id: ")
    assert b"\r\n" not in body


def test_a_long_text_is_cut_short(daemon: Daemon) -> None:
    with following(daemon.status, "?name=trading.halted") as stream:
        daemon.ask("POST", "/v1/admin/halt", {"reason": "x" * 500})
        assert next(stream).data["detail"]["reason"] == "x" * 500
    with following(daemon.status, "?name=request.refused") as stream:
        daemon.ask("GET", "/v1/orders?state=" + "y" * 3_000)
        text = next(stream).data["detail"]["message"]
        assert (len(text), text[-1]) == (500, "…")


def test_a_secret_is_in_no_event(daemon: Daemon) -> None:
    with following(daemon.status, "?name=request.refused") as stream:
        daemon.ask("GET", f"/v1/orders?state={KEYS.api_secret}")
        message = next(stream).data["detail"]["message"]
    assert "***" in message
    assert KEYS.api_secret not in message


def test_a_text_that_is_not_utf_8_is_still_sent() -> None:
    event = Event(name="request.failed", at_ms=1, detail={"path": "/v1/\udcff"})
    assert json.loads(encode(event_view("1-1", event)))["detail"] == {"path": "/v1/\\udcff"}


def test_the_end_of_the_daemon_ends_the_streams_and_is_sent_first(own_daemon: Daemon) -> None:
    with following(own_daemon.status) as stream, following(own_daemon.status) as unread:
        assert own_daemon.terminate() == 0
        names = [message.event for message in stream]
        assert names[-2:] == ["daemon.draining", "daemon.stopped"]
        del unread


def test_a_slow_reader_is_disconnected_and_others_get_everything(own_daemon: Daemon) -> None:
    with deaf(own_daemon.status), following(own_daemon.status, "?name=feed.") as stream:
        with following(own_daemon.status, "?name=request.") as other, closing(Connection(own_daemon.status)) as caller:
            for number in range(0, HELD + 2_000, 500):
                for each in range(number, number + 500):
                    caller.request("GET", f"/v1/{each}/{'z' * 180}")
                    assert caller.getresponse().read()
                paths = [next(other).data["detail"]["path"] for _ in range(500)]
                assert [path.split("/")[2] for path in paths] == [str(each) for each in range(number, number + 500)]
        cut_off = next(stream)
        assert cut_off.event == "feed.cut_off"
        assert cut_off.data["detail"]["behind"] > HELD
        own_daemon.wait_for("feed.cut_off")


@contextmanager
def deaf(path: Path) -> Iterator[None]:
    """Follow events, and never read one."""
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(str(path))
        caller.sendall(b"GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
        yield


class TestRecent:
    """What is held, and what is known not to be."""

    def test_a_position_is_held_until_an_event_after_it_is_gone(self) -> None:
        recent = RecentEvents(1_000)
        for number in range(1, HELD + 3):
            recent.add(Event(name="daemon.ready", at_ms=number))
        assert (recent.oldest, recent.last) == (2, HELD + 2)
        assert [recent.holds(position) for position in (1, 2, HELD + 2, HELD + 3)] == [False, True, True, False]
        assert (recent[3].at_ms, recent[HELD + 2].at_ms) == (3, HELD + 2)
        assert recent.position_of("1000-1") is None
        assert recent.position_of("1000-2") == 2

    @pytest.mark.parametrize(
        "detail",
        [
            {},
            {"side": Side.BUY, "price": "0.000000010", "quantity": None, "priority": 1, "failed": False, "value": 0.5},
            {"path": "a\udcff"},
        ],
        ids=["none", "every type", "not UTF-8"],
    )
    def test_an_event_is_given_as_it_was_taken(self, detail: dict[str, Detail]) -> None:
        recent = RecentEvents(1_000)
        event = Event(name="order.sent", at_ms=1_790_000_000_000, order_id="01ABC", state=State.OPEN, detail=detail)
        recent.add(event)
        assert recent[1] == event
        assert recent[1].state is State.OPEN

    def test_an_id_of_another_start_is_no_position(self) -> None:
        recent = RecentEvents(1_000)
        assert recent.position_of(recent.id_of(0)) == 0
        assert recent.position_of("999-0") is None
