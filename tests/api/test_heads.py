"""Header blocks that came before are remembered, and change nothing in how a request is read."""

import pytest

from daemon.api.http import heads
from daemon.api.http.heads import Heads


def post(path: str, body: bytes, *headers: str, length: int | None = None) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body) if length is None else length}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@pytest.fixture
def known() -> Heads:
    """Heads that remember one block, of a body of three bytes."""
    made = Heads()
    assert made.read(post("/v1/signals", b"{1}")) is not None
    return made


def test_a_known_block_is_not_parsed_again(known: Heads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heads, "_parsed", lambda _: None)
    head = known.read(post("/v1/locks/7/release", b"{2}"))
    assert head is not None
    assert (head.path, head.body, dict(head.fields.headers)) == (
        "/v1/locks/7/release",
        b"{2}",
        {"Host": "x", "Content-Length": "3"},
    )
    assert known.read(post("/v1/signals", b"{1}", "A: b")) is None


@pytest.mark.parametrize(
    "data",
    [
        post("/v1/signals", b"{12}", length=3),
        post("/v1/signals", b"{1", length=3),
        post("/v1/signals", b"{1}")[:-5],
        post("/v1/signals", b"{1}").replace(b"POST", b"GET"),
        post("/v1/signals", b"{1}").replace(b"HTTP/1.1", b"HTTP/1.0"),
        post("/v1/signals?a=b", b"{1}"),
        post("/v1/signals", b"{1}") * 2,
        post("/v1/signals", b"{1}").replace(b"\r\n\r\n{1}", b"?"),
    ],
)
def test_what_is_no_whole_plain_post_is_not_read_with_a_known_block_either(known: Heads, data: bytes) -> None:
    assert Heads().read(data) is None
    assert known.read(data) is None


def test_the_remembered_blocks_are_bounded_and_cannot_be_changed() -> None:
    made = Heads()
    for number in range(3 * heads.MAX_REMEMBERED):
        head = made.read(post("/v1/signals", b"{1}", f"A: {number}"))
        assert head is not None
        assert not hasattr(head.fields.headers, "add")
        made.read(post("/v1/signals", b"{1}", f"Idempotency-Key: {number}"))
        made.read(post("/v1/signals", b"{1}", f"B: {number}{'b' * heads.LONGEST_REMEMBERED}"))
    assert len(made._known) <= heads.MAX_REMEMBERED
    assert not any(b"Idempotency" in block or b"B:" in block for block in made._known)
