"""An answer that its client cannot get any more is lost, also if the event loop does not know that yet."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import anyio
import pytest
from multidict import CIMultiDict

from daemon.api.http.connection import Connections
from daemon.api.http.fast_path import FastPath, FastRequest
from daemon.api.http.peer import GONE
from daemon.api.http.request import Request
from daemon.api.http.response import AfterCommit, json
from daemon.engine.turns import Turns
from daemon.store.commit import Commit


class Answering:
    """A fast path whose only answer waits for a commit that the test ends."""

    def __init__(self) -> None:
        self.commit = Commit()
        self.asked = asyncio.Event()
        self.happened: list[str] = []

    def recognise(self, _data: bytes, _peer: object) -> FastRequest:
        return FastRequest(
            Request(method="POST", path="/", peer=GONE, headers=CIMultiDict(), body=b""), cast("Any", None), True
        )

    def answer(self, _found: FastRequest) -> AfterCommit:
        self.asked.set()
        return AfterCommit(self.commit, self._respond, lambda: self.happened.append("lost"))

    def _respond(self) -> Any:
        self.happened.append("answered")
        return json({})


async def some_iterations() -> None:
    """Let the event loop see what happened and run what follows."""
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.fixture
def answering() -> Answering:
    return Answering()


@pytest.fixture
async def caller(answering: Answering, tmp_path: Path) -> AsyncIterator[socket.socket]:
    """A client that has sent its request."""
    listener = Connections(
        cast("Any", None), cast("FastPath", answering), turns=Turns(), limit=10, idle_s=10, head_s=lambda: 10
    )
    server = await asyncio.get_running_loop().create_unix_server(listener, tmp_path / "x.sock")
    with socket.socket(socket.AF_UNIX) as connection, anyio.fail_after(10):
        connection.connect(str(tmp_path / "x.sock"))
        connection.sendall(b"x")
        await answering.asked.wait()
        yield connection
    await listener.close(0)
    server.close()


async def test_a_client_that_stays_is_answered(answering: Answering, caller: socket.socket) -> None:
    answering.commit.end()
    await anyio.wait_readable(caller)
    assert caller.recv(1_000).startswith(b"HTTP/1.1 200 OK")
    assert answering.happened == ["answered"]


async def test_a_client_that_shut_its_writing_half_is_answered(answering: Answering, caller: socket.socket) -> None:
    caller.shutdown(socket.SHUT_WR)
    answering.commit.end()
    await anyio.wait_readable(caller)
    assert caller.recv(1_000).startswith(b"HTTP/1.1 200 OK")
    assert answering.happened == ["answered"]


async def test_the_answer_of_a_client_that_left_is_lost_at_once(answering: Answering, caller: socket.socket) -> None:
    caller.close()
    await some_iterations()
    assert answering.happened == ["lost"]
    answering.commit.end()
    await some_iterations()
    assert answering.happened == ["lost"]


async def test_the_answer_of_a_client_that_left_during_the_commit_is_lost(
    answering: Answering, caller: socket.socket
) -> None:
    caller.close()
    answering.commit.end()  # the event loop has not seen that yet
    await some_iterations()
    assert answering.happened == ["lost"]
