"""Entries of the log: what is read is what was written, and nothing before it was changed."""

import msgspec
import pytest

from daemon.core.values.events import Event
from daemon.fleet import entries
from daemon.fleet.entries import Body, NewerFormat, Takeover
from daemon.fleet.port import Position, next_entry
from tests.support import making

TAKEOVER = Takeover(owner="m1", name="tokyo-1", former_until_ms=1_800_000_005_000, reason="its lease ended")
FIRST = next_entry(Position(), epoch=1, at_ms=1, body=b"first")


def test_a_body_is_read_as_it_was_written() -> None:
    fill, event = making.fill(making.order()), Event(name="order.sent", at_ms=5)
    body = Body(facts={"halted": "a look around"}, fills=[fill], events=[event], takeover=TAKEOVER)
    read = entries.decode(entries.encode(body))
    assert (read.facts, list(read.fills), list(read.events)) == (body.facts, [fill], [event])
    assert read.takeover == TAKEOVER


def test_a_body_of_a_newer_sniperd_is_refused() -> None:
    with pytest.raises(NewerFormat, match=f"format {entries.FORMAT + 1}; this sniperd reads formats up to"):
        entries.decode(msgspec.msgpack.encode({"format": entries.FORMAT + 1, "orders": "anything"}))


def test_a_body_says_its_format_so_an_older_sniperd_refuses_it() -> None:
    body = Body(facts={"halted": "a look around"})
    assert msgspec.msgpack.decode(entries.encode(body))["format"] == entries.FORMAT


def test_a_body_that_does_not_say_its_format_is_of_the_first_one() -> None:
    assert entries.decode(msgspec.msgpack.encode({"facts": {"a": "b"}})).facts == {"a": "b"}


def test_an_entry_follows_the_position_for_which_it_was_made() -> None:
    assert FIRST.follows(Position())
    second = next_entry(FIRST.position, epoch=1, at_ms=2, body=b"second")
    assert second.follows(FIRST.position)
    assert not second.follows(Position())


@pytest.mark.parametrize("change", [{"n": 3}, {"epoch": 2}, {"at_ms": 3}, {"body": b"other"}, {"hash": bytes(32)}])
def test_an_entry_that_was_changed_follows_nothing(change: dict[str, int | bytes]) -> None:
    second = next_entry(FIRST.position, epoch=1, at_ms=2, body=b"second")
    assert not msgspec.structs.replace(second, **change).follows(FIRST.position)


def test_an_entry_after_another_past_of_the_same_length_does_not_follow() -> None:
    other = next_entry(Position(), epoch=1, at_ms=1, body=b"another past")
    assert not next_entry(other.position, epoch=1, at_ms=2, body=b"second").follows(FIRST.position)
