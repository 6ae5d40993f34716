"""The log: one line per event, in two forms; no secret in it; and a reader that stalls or leaves delays no caller."""

import io
import json
import os
import re
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO, Literal, cast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from daemon import log as module
from daemon.config.credentials import Secret
from daemon.core.values.events import BOUND_KEYS, CATALOGUE, DAEMON, Event, Level
from daemon.core.values.orders import Side
from daemon.core.values.states import State
from daemon.log import Log, standard_output

Form = Literal["auto", "json", "text"]
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
def test_every_event_is_a_line_of_text_with_the_documented_keys(name: str) -> None:
    text = plain(written(complete(name), form="text"))
    assert text.count("\n") == 1
    level = CATALOGUE[name].level.name.lower()
    assert re.match(rf"{re.escape(AT)} \[{level} *\] {re.escape(name)} ", text)
    for key in (*BOUND_KEYS, *CATALOGUE[name].keys):
        assert f" {key}=" in text


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


def test_an_example_as_text() -> None:
    event = Event(name="order.accepted", at_ms=AT_MS, order_id="01K8", state=State.QUEUED, detail={"side": Side.BUY})
    assert plain(written(event, form="text")) == (
        f"{AT} [info     ] order.accepted         order_id=01K8 state=queued side=BUY\n"
    )


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
    line = written(an_event(reason=text, code=1), form="text")
    assert line.count("\n") == 1
    assert plain(line).removesuffix("\n").isprintable()
    assert plain(line).endswith(" code=1\n")
    assert line.count("\x1b[31m") == 1, "the level's own colour"


@given(text=st.text(max_size=30))
@example(text="\ud800")
@settings(max_examples=50, deadline=None)
def test_any_text_is_read_back_as_it_was_but_for_what_is_no_text(text: str) -> None:
    readable = text.encode("utf-8", "backslashreplace").decode()
    assert fields(written(an_event(reason=text)))["reason"] == readable


@in_both_forms
@pytest.mark.parametrize("value", [0, -1, 2**80, 1.5, float("nan"), float("inf"), True, False, ""], ids=str)
def test_any_value_can_be_written(value: object, form: Form) -> None:
    assert "value" in written(an_event(value=value), form=form)


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
    assert text.count("***") == 5 + 2 * len(CATALOGUE[name].keys)
    if form == "json":
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
def stalled_log(monkeypatch: pytest.MonkeyPatch, room: int) -> Iterator[tuple[Stalled, Log]]:
    """Make a log whose writer is stuck with its first line, and in which the given number of lines may wait."""
    monkeypatch.setattr(module, "MAX_WAITING", room)
    stream = Stalled()
    log = Log(stream, level="info", form="json")
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
