"""The log: one line per event, in two forms; no secret in it; and a reader that stalls or leaves delays no caller."""

import io
import json
import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO, cast

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from daemon import log as module
from daemon.config.credentials import Secret
from daemon.core.values.events import BOUND_KEYS, CATALOGUE, DAEMON, Event, Level
from daemon.core.values.states import State
from daemon.core.views.event_text import event_text
from daemon.log import Form, Log, standard_output

AT_MS = 1_760_000_000_123
AT = "2025-10-09T08:53:20.123+00:00"
ALWAYS = ["at", "level", "event"]
SGR = re.compile(r"\x1b\[[0-9;]*m")

in_both_forms = pytest.mark.parametrize("form", ["json", "text"])
every_event = pytest.mark.parametrize("name", list(CATALOGUE))


def written(*events: Event, level: str = "debug", form: Form = "json", secrets: tuple[str, ...] = ()) -> str:
    """Return what a log writes of some events."""
    stream = io.BytesIO()
    with closing(Log(stream, level=level, form=form)) as log:
        log.redact(Secret(secret) for secret in secrets)
        for event in events:
            log.emit(event)
    return stream.getvalue().decode()


def fields(line: str) -> dict[str, Any]:
    """Read a JSON line; a duplicate key fails the test."""
    pairs = json.loads(line, object_pairs_hook=list)
    assert len(dict(pairs)) == len(pairs), "a key stands twice"
    return dict(pairs)


def plain(text: str) -> str:
    return SGR.sub("", text)


def an_event(name: str = "order.rejected", **detail: Any) -> Event:
    return Event(name=name, at_ms=AT_MS, detail=detail)


def complete(name: str) -> Event:
    """Make an event that has every key that it may have."""
    return Event(
        name=name,
        at_ms=AT_MS,
        actor="uid:1000",
        order_id="ORDER",
        lock_id="LOCK",
        resource="trade:BTCUSDT:BUY:manual",
        client_order_id="ORDER-1",
        state=State.IN_DOUBT,
        detail=dict.fromkeys(CATALOGUE[name].keys, "something"),
    )


# --- lines


@every_event
def test_every_event_is_a_json_line_with_the_documented_keys(name: str) -> None:
    text = written(complete(name))
    assert text.endswith("}\n")
    assert text.count("\n") == 1
    found = fields(text)
    assert list(found)[:3] == ALWAYS
    assert set(found) == {*ALWAYS, *BOUND_KEYS, *CATALOGUE[name].keys}
    assert (found["at"], found["level"], found["event"]) == (AT, CATALOGUE[name].level.name.lower(), name)


@every_event
def test_every_event_is_a_line_of_text_with_its_local_time(name: str) -> None:
    dated, text, rest = plain(written(complete(name), form="text")).split("\n")
    assert rest == ""
    assert dated.startswith("-- ")
    shown = event_text(complete(name), str)
    assert text.startswith(f"{time.strftime('%H:%M:%S', time.localtime(AT_MS // 1_000))} {shown.title}")


@every_event
def test_no_key_of_an_event_hides_one_that_every_line_has(name: str) -> None:
    assert not {*ALWAYS, *BOUND_KEYS} & set(CATALOGUE[name].keys)


def test_an_example_as_a_machine_reads_it() -> None:
    event = Event(
        name="order.in_doubt",
        at_ms=AT_MS,
        order_id="01K8",
        client_order_id="01K8-1",
        resource="trade:币安人生USDT:BUY:7",
        state=State.IN_DOUBT,
        detail={"reason": "TimeoutError: no answer in time"},
    )
    assert written(event) == (
        f'{{"at":"{AT}","level":"warning","event":"order.in_doubt","order_id":"01K8",'
        '"resource":"trade:币安人生USDT:BUY:7","client_order_id":"01K8-1","state":"in_doubt",'
        '"reason":"TimeoutError: no answer in time"}\n'
    )


FILLED = Event(
    name="order.seen",
    at_ms=AT_MS,
    order_id="01K8",
    resource="trade:BTCUSDT:BUY:7",
    state=State.FILLED,
    detail={"executed_quantity": "0.000249", "executed_quote": "23.80462161", "after_ms": 8},
)


@pytest.fixture
def in_kathmandu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A zone with an odd offset."""
    monkeypatch.setenv("TZ", "XYZ-5:45")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("in_kathmandu")
def test_an_example_as_text() -> None:
    tomorrow = msgspec.structs.replace(FILLED, at_ms=AT_MS + 12 * 3_600_000)
    near = Event(name="order.armed", at_ms=AT_MS, resource="trade:A:BUY:1", detail={"fire_ms": AT_MS + 5_000})
    far = Event(name="order.armed", at_ms=AT_MS, resource="trade:A:BUY:1", detail={"fire_ms": AT_MS + 86_399_877})
    assert written(FILLED, FILLED, near, far, tomorrow, form="text") == (
        "-- 2025-10-09, local times, UTC+0545\n"
        "14:38:20 FILLED BUY BTCUSDT 0.000249 @ 95600.89 = 23.80 USDT (8 ms)\n"
        "14:38:20 FILLED BUY BTCUSDT 0.000249 @ 95600.89 = 23.80 USDT (8 ms)\n"
        "14:38:20 ARMED BUY A, leaves at 14:38:25.123\n"
        "14:38:20 ARMED BUY A, leaves at 2025-10-10 14:38:20\n"
        "-- 2025-10-10, local times, UTC+0545\n"
        "02:38:20 FILLED BUY BTCUSDT 0.000249 @ 95600.89 = 23.80 USDT (8 ms)\n"
    )


def test_what_people_need_not_see_has_level_debug_in_text() -> None:
    sent = Event(name="order.sent", at_ms=AT_MS, detail={"attempt": 1})
    assert written(sent, level="info", form="text") == ""
    assert "SENT" in written(sent, level="debug", form="text")
    assert fields(written(sent, level="info"))["event"] == "order.sent"


@pytest.mark.parametrize(
    ("environ", "has_colours"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
    ids=str,
)
def test_colours_are_for_terminals_that_have_them(
    environ: dict[str, str], has_colours: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    stream = Terminal()
    log = Log(stream, level="debug", form="auto")
    for event in (FILLED, *map(complete, CATALOGUE)):
        log.emit(event)
    log.close()
    shown = stream.getvalue().decode()
    assert ("\x1b" in shown) is has_colours
    for colour, title in (("1;32", "FILLED"), ("31", "REJECTED"), ("33", "IN DOUBT"), ("1;31", "LOST")):
        assert (f"\x1b[{colour}m{title}\x1b[0m" in shown) is has_colours


def test_what_an_event_does_not_have_is_left_out() -> None:
    assert set(fields(written(an_event(reason=None, code=0, flag=False, empty="")))) == {
        *ALWAYS,
        "code",
        "flag",
        "empty",
    }


def test_the_daemon_itself_is_no_actor() -> None:
    assert "actor" not in fields(written(Event(name="daemon.ready", at_ms=AT_MS, actor=DAEMON)))
    assert fields(written(Event(name="daemon.ready", at_ms=AT_MS, actor="uid:0")))["actor"] == "uid:0"


@given(at_ms=st.integers(0, 253_402_300_799_999))
@example(at_ms=AT_MS - AT_MS % 1_000)
@settings(max_examples=50, deadline=None)
def test_a_line_shows_the_instant_to_the_millisecond(at_ms: int) -> None:
    at = fields(written(Event(name="daemon.ready", at_ms=at_ms)))["at"]
    assert at == (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)).isoformat(timespec="milliseconds")


def test_lines_come_in_the_order_of_events() -> None:
    lines = written(*(an_event(number=number) for number in range(1_000))).splitlines()
    assert [fields(line)["number"] for line in lines] == list(range(1_000))


AWKWARD = [
    "two\nlines",
    "a\r\nb",
    "\x1b[31mred\x1b[0m",
    "\x00\x07\x7f",
    '"quoted" \\',
    "币安 🚀",
    "\u2028\u2029",
    "\udcff\ud800",
]


@pytest.mark.parametrize("text", AWKWARD, ids=ascii)
def test_no_text_breaks_a_line(text: str) -> None:
    """An exchange's answer or a caller's path is not ours to choose."""
    line = written(an_event(reason=text, code=1))
    assert line.count("\n") == 1
    assert fields(line)["code"] == 1


@pytest.mark.parametrize("text", AWKWARD, ids=ascii)
def test_no_text_breaks_a_line_or_paints_the_terminal(text: str) -> None:
    lines = written(Event(name="order.rejected", at_ms=AT_MS, actor=text, detail={"reason": text}), form="text")
    assert lines.count("\n") == 2, "the date and the event"
    assert lines.replace("\n", "").isprintable()


@given(text=st.text(max_size=30))
@example(text="\ud800")
@settings(max_examples=50, deadline=None)
def test_any_text_is_read_back_as_it_was_but_for_what_is_no_text(text: str) -> None:
    readable = text.encode("utf-8", "backslashreplace").decode()
    assert fields(written(an_event(reason=text)))["reason"] == readable


@in_both_forms
@pytest.mark.parametrize("value", [0, -1, 2**80, 1.5, float("nan"), float("inf"), True, False, ""], ids=str)
def test_any_value_can_be_written(value: object, form: Form) -> None:
    assert written(an_event(value=value), form=form).endswith("\n")


# --- levels


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_what_is_quieter_than_the_level_is_left_out(level: str) -> None:
    lines = [fields(line) for line in written(*map(complete, CATALOGUE), level=level).splitlines()]
    loud = [name for name, kind in CATALOGUE.items() if kind.level >= Level[level.upper()]]
    assert [line["event"] for line in lines] == loud


def test_a_new_level_counts_from_the_next_event_on() -> None:
    stream = io.BytesIO()
    with closing(Log(stream, level="error", form="json")) as log:
        log.emit(an_event("order.seen"))
        log.set_level("info")
        log.emit(an_event("order.placed"))
        log.set_level("error")
        log.emit(an_event("order.withdrawn"))
    assert [fields(line)["event"] for line in stream.getvalue().decode().splitlines()] == ["order.placed"]


def test_what_stops_the_daemon_is_written_at_every_level() -> None:
    assert written(an_event("daemon.failed"), level="error")


# --- forms


@pytest.mark.parametrize(
    ("form", "terminal", "is_json"),
    [
        pytest.param("auto", True, False, id="a person at a terminal"),
        pytest.param("auto", False, True, id="a program at a pipe"),
        pytest.param("json", True, True, id="JSON at a terminal"),
        pytest.param("text", False, False, id="text at a pipe"),
    ],
)
def test_the_form_follows_the_reader_unless_it_is_set(form: Form, terminal: bool, is_json: bool) -> None:
    stream = Terminal() if terminal else io.BytesIO()
    with closing(Log(stream, level="info", form=form)) as log:
        log.emit(an_event())
    assert stream.getvalue().startswith(b"{") is is_json


class Terminal(io.BytesIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


def test_the_log_goes_to_standard_output(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    with closing(Log(standard_output(), level="info", form="json")) as log:
        log.emit(an_event())
    assert capfdbinary.readouterr().out.startswith(b'{"at":')


# --- secrets


SECRETS = ("mx0vglABCDEF123456", '5fd0"c7b2\\e91a4a')
"""A key as MEXC makes them, and one with characters that JSON escapes."""


@in_both_forms
@every_event
@pytest.mark.parametrize("secret", SECRETS, ids=["plain", "escaped"])
def test_a_secret_appears_nowhere_in_any_event(name: str, form: Form, secret: str) -> None:
    planted = f"before {secret}"
    event = Event(
        name=name,
        at_ms=AT_MS,
        actor=planted,
        order_id=planted,
        lock_id=planted,
        resource=planted,
        client_order_id=planted,
        detail={key: f"{key} {secret}&{secret}" for key in CATALOGUE[name].keys},
    )
    text = written(event, form=form, secrets=SECRETS)
    for escaped in (secret, json.dumps(secret)[1:-1], repr(secret)[1:-1]):
        assert escaped[:10] not in text
        assert escaped[-10:] not in text
    if form == "json":
        assert text.count("***") == 5 + 2 * len(CATALOGUE[name].keys)
        fields(text)


def test_a_secret_within_a_secret_leaves_nothing_of_either() -> None:
    text = written(an_event(reason="mx0-inner and mx0-inner-and-more"), secrets=("mx0-inner", "mx0-inner-and-more"))
    assert fields(text)["reason"] == "*** and ***"


def test_a_secret_as_a_key_or_in_a_name_is_redacted_too() -> None:
    text = written(Event(name="order.rejected", at_ms=AT_MS, detail={SECRETS[0]: 1}), secrets=SECRETS)
    assert SECRETS[0] not in text


def test_without_secrets_nothing_is_redacted() -> None:
    assert "***" not in written(an_event(reason="plain"))


def test_more_secrets_add_to_the_first() -> None:
    stream = io.BytesIO()
    with closing(Log(stream, level="info", form="json")) as log:
        log.redact([Secret("first-secret")])
        log.redact([Secret("second-secret")])
        log.emit(an_event(reason="first-secret second-secret"))
    assert fields(stream.getvalue().decode())["reason"] == "*** ***"


# --- readers


class Stalled(io.BytesIO):
    """A stream whose reader reads nothing until the test lets it."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.go = threading.Event(), threading.Event()
        self._lines = threading.Semaphore(0)

    def write(self, data: Any) -> int:
        self.begun.set()
        assert self.go.wait(30)
        super().write(data)
        self._lines.release(data.count(b"\n"))
        return len(data)

    def wait_for(self, lines: int) -> None:
        """Wait until the given number of further lines have been written."""
        for _ in range(lines):
            assert self._lines.acquire(timeout=30)


@contextmanager
def stalled_log(monkeypatch: pytest.MonkeyPatch, room: int, form: Form = "json") -> Iterator[tuple[Stalled, Log]]:
    """Make a log whose writer is stuck with its first line, and in which the given number of lines may wait."""
    monkeypatch.setattr(module, "MAX_WAITING", room)
    stream = Stalled()
    log = Log(stream, level="info", form=form)
    log.emit(an_event(number=0))
    assert stream.begun.wait(30)
    try:
        yield stream, log
    finally:
        stream.go.set()
        log.close()


def numbers(stream: io.BytesIO) -> list[object]:
    """Return the numbers of the lines; for a line about dropped ones, their count."""
    lines = [fields(line) for line in stream.getvalue().decode().splitlines()]
    return [line["number"] if "number" in line else f"{line['lines']} dropped" for line in lines]


def test_lines_wait_for_a_reader_that_stalls(monkeypatch: pytest.MonkeyPatch) -> None:
    with stalled_log(monkeypatch, room=10) as (stream, log):
        for number in range(1, 11):
            log.emit(an_event(number=number))
        stream.go.set()
    assert numbers(stream) == list(range(11))


def test_lines_beyond_the_limit_are_dropped_counted_and_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    with stalled_log(monkeypatch, room=3) as (stream, log):
        for number in range(1, 9):
            log.emit(an_event(number=number))
        stream.go.set()
        stream.wait_for(4)
        log.emit(an_event(number=99))
    assert numbers(stream) == [0, 1, 2, 3, "5 dropped", 99]


def test_dropped_lines_are_reported_even_if_nothing_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    with stalled_log(monkeypatch, room=2) as (stream, log):
        for number in range(1, 6):
            log.emit(an_event(number=number))
        stream.go.set()
    assert numbers(stream) == [0, 1, 2, "3 dropped"]


def test_the_line_about_dropped_ones_is_a_line_like_others(monkeypatch: pytest.MonkeyPatch) -> None:
    with stalled_log(monkeypatch, room=1) as (stream, log):
        log.emit(an_event())
        log.emit(an_event())
        stream.go.set()
    line = stream.getvalue().decode().splitlines()[2]
    assert fields(line) == {"at": AT, "level": "error", "event": "log.dropped", "lines": 1}


def test_people_see_in_words_that_lines_were_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    with stalled_log(monkeypatch, room=1, form="text") as (stream, log):
        for _ in range(4):
            log.emit(an_event())
        stream.go.set()
    last = stream.getvalue().decode().splitlines()[-1]
    assert last.endswith(" ERROR 3 lines are missing here: they were not read in time")


def test_a_pipe_without_a_reader_does_not_block_the_caller() -> None:
    """Far more is emitted than a pipe holds, while its other end is not read."""
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as read, os.fdopen(writer, "wb") as written_to:
        log = Log(written_to, level="info", form="json")
        for number in range(2_000):
            log.emit(an_event(number=number, reason="x" * 100))
        lines = [read.readline() for _ in range(2_000)]
        log.close()
    assert [fields(line.decode())["number"] for line in lines] == list(range(2_000))


class Gone(io.BytesIO):
    """A stream that fails, until it is mended."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error: Exception | None = error
        self.failed = threading.Event()

    def write(self, data: Any) -> int:
        if self.error is not None:
            self.failed.set()
            raise self.error
        return super().write(data)


@contextmanager
def a_log_that_ends(stream: BinaryIO) -> Iterator[Log]:
    """Make a log and close it; its thread must have ended by then."""
    before = set(threading.enumerate())
    log = Log(stream, level="info", form="json")
    yield log
    log.close()
    assert set(threading.enumerate()) <= before


@pytest.mark.parametrize(
    "error",
    [BrokenPipeError(), OSError(28, "No space left on device"), OSError(5, "Input/output error"), ValueError("closed")],
    ids=["pipe closed", "disk full", "terminal gone", "stream closed"],
)
def test_a_reader_that_is_gone_neither_ends_nor_blocks_the_daemon(error: Exception) -> None:
    stream = Gone(error)
    with a_log_that_ends(stream) as log:
        for number in range(100):
            log.emit(an_event(number=number))
    assert stream.failed.is_set()


def test_a_reader_that_comes_back_reads_on() -> None:
    stream = Gone(OSError(28, "No space left on device"))
    with a_log_that_ends(stream) as log:
        log.emit(an_event(number=1))
        assert stream.failed.wait(30)
        stream.error = None
        log.emit(an_event(number=2))
    assert numbers(stream) == [2]


def test_the_end_of_a_pipes_reader_is_not_ours() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with io.FileIO(writer, "wb") as pipe, a_log_that_ends(cast("BinaryIO", pipe)) as log:
        log.emit(an_event())


def test_closing_writes_all_that_waits_and_ends_the_thread() -> None:
    stream = io.BytesIO()
    with a_log_that_ends(stream) as log:
        for number in range(5_000):
            log.emit(an_event(number=number))
    assert len(stream.getvalue().splitlines()) == 5_000
