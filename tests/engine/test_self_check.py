"""The self-check names each part that does not respond in time."""

import anyio
import pytest

from daemon.engine.self_check import SelfCheck, Turn
from daemon.errors import CommitFailed


async def turns() -> None:
    await anyio.lowlevel.checkpoint()


async def fails() -> None:
    raise CommitFailed("no disk")


async def test_no_part_is_named_if_all_respond() -> None:
    assert await SelfCheck({"writer": turns, "dispatcher": turns}).stuck(10) == []


async def test_parts_that_do_not_respond_are_named() -> None:
    parts: dict[str, Turn] = {"writer": anyio.sleep_forever, "dispatcher": turns, "publisher": anyio.sleep_forever}
    assert await SelfCheck(parts).stuck(0.05) == ["writer", "publisher"]


async def test_an_error_is_not_hidden() -> None:
    with pytest.raises(BaseExceptionGroup) as raised:
        await SelfCheck({"writer": fails}).stuck(10)
    assert raised.group_contains(CommitFailed)
