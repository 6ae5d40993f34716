"""No answer, or one that no daemon gives: what happened, what it means, what to do."""

import os
import shutil
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.process.cli.command import Command
from tests.support import Daemon, Exchange, at_once
from tests.support.command import SNIPERD
from tests.support.daemon_process import plain_environment
from tests.support.stage import Stage

UNKNOWN, NO_DAEMON, NOT_READY, NO_PERMISSION, BAD_CONFIG = 4, 69, 75, 77, 78

READ, CHANGE = "status", "submit BUY BTCUSDT --quote 25"


@pytest.fixture
def lonely(shared_stage: Stage) -> Command:
    """The command of a user who has neither a daemon nor a configuration."""
    directory = shared_stage.subdirectory("lonely")
    return Command(plain_environment(directory), directory)


@contextmanager
def somebody(lonely: Command, answer: bytes) -> Iterator[None]:
    """Answer every request on either socket with the same bytes, and disconnect."""
    directory = lonely.directory / ".local" / "state" / "sniperd" / "run"
    directory.mkdir(parents=True)
    with ThreadPoolExecutor(2) as pool:
        listeners = [_listen(directory / name) for name in ("signals.sock", "status.sock")]
        served = [pool.submit(_serve, listener, answer) for listener in listeners]
        yield
        for listener in listeners:
            listener.shutdown(socket.SHUT_RDWR)
        for each in served:
            each.result()


def _listen(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(os.fspath(path))
    listener.listen()
    return listener


def _serve(listener: socket.socket, answer: bytes) -> None:
    with listener:
        while True:
            try:
                caller, _ = listener.accept()
            except OSError:
                return
            with caller:
                caller.recv(65_536)
                caller.sendall(answer)
                caller.shutdown(socket.SHUT_WR)
                while caller.recv(65_536):
                    pass


def http_answer(body: str, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body.encode())}\r\n\r\n{body}".encode()


@pytest.mark.parametrize("words", [READ, CHANGE, "cancel X", "halt --reason x"])
def test_without_a_daemon_it_says_how_to_start_one(lonely: Command, words: str) -> None:
    ran = lonely(*words.split())
    assert (ran.code, ran.output) == (NO_DAEMON, "")
    assert ran.errors.startswith(f"Error: no daemon answers at {lonely.directory}/.local/state/sniperd/run/")
    assert "start one with `sniperd run`, or name it with --config" in ran.errors


def test_a_socket_that_a_daemon_left_behind_is_no_daemon(lonely: Command) -> None:
    path = lonely.directory / "left.sock"
    _listen(path).close()
    config = lonely.directory / "config.toml"
    config.write_text(f'[sockets]\nstatus = "{path}"\n')
    ran = lonely("status", "--config", config)
    assert (ran.code, ran.errors.split(":")[1]) == (NO_DAEMON, f" no daemon answers at {path}")


def test_a_daemon_that_is_not_ready_gives_exit_code_75(own_stage: Stage, exchange: Exchange) -> None:
    daemon = own_stage.daemon(exchange, {"exchange": {"base_url": "http://127.0.0.1:9"}})
    daemon.start()
    ran = Command(daemon.environ, daemon.directory)(*CHANGE.split(), "--config", daemon.config_path)
    assert ran.code == NOT_READY
    assert "send the signal again" in ran.errors


ODD = {
    "another protocol": b"220 mail.example ESMTP\r\n",
    "nothing": b"",
    "half an answer": http_answer('{"orders": []}')[:-7],
    "no JSON": http_answer("<html>it works</html>"),
    "a list": http_answer("[1, 2]"),
    "an object of something else": http_answer('{"status": "fine"}'),
    "an error of something else": http_answer("[]", "502 Bad Gateway"),
}


@pytest.mark.parametrize("answer", ODD.values(), ids=ODD.keys())
def test_an_odd_answer_is_reported_and_a_change_that_got_it_has_an_unknown_outcome(
    lonely: Command, answer: bytes
) -> None:
    with somebody(lonely, answer):
        read, change = at_once(2, lambda number: lonely(*(READ, CHANGE)[number].split()))
    assert (read.code, read.output, change.code, change.output) == (NO_DAEMON, "", UNKNOWN, "")
    for ran, name in ((read, "status.sock"), (change, "signals.sock")):
        assert ran.errors.startswith("Error: ")
        assert name in ran.errors or "of the same version?" in ran.errors
        assert ran.errors.count("\n") == 1
    assert "check before you repeat it" in change.errors or "of the same version?" in change.errors


def test_a_commit_that_failed_has_an_unknown_outcome_and_a_start_that_is_not_over_has_not(lonely: Command) -> None:
    for code, word in ((UNKNOWN, "commit_failed"), (UNKNOWN, "unanswered"), (NOT_READY, "not_ready")):
        with somebody(lonely, http_answer(f'{{"error": "{word}", "message": "said"}}', "503 Service Unavailable")):
            ran = lonely(*CHANGE.split())
        assert (ran.code, ran.errors) == (code, "Error: said\n")
        shutil.rmtree(lonely.directory / ".local")


def test_an_answer_cannot_send_control_sequences_to_the_terminal(lonely: Command) -> None:
    with somebody(lonely, http_answer('{"message": "\\u001b[31mred\\r\\nalert\\u009b"}', "409 Conflict")):
        ran = lonely("halt", "--reason", "x")
    assert (ran.code, ran.errors) == (1, "Error: \\x1b[31mred\\r\\nalert\\x9b\n")


def test_a_daemon_that_dies_before_it_answers_leaves_the_outcome_unknown(own_stage: Stage, exchange: Exchange) -> None:
    daemon = own_stage.daemon(exchange)
    daemon.start(with_rules=True)
    exchange.inject({"kind": "slow_after", "delay_ms": 60_000, "count": 1})
    words = [*SNIPERD, *CHANGE.split(), "--config", str(daemon.config_path)]
    caller = own_stage.child(*words, environ=daemon.environ, directory=daemon.directory)
    daemon.wait_for("order.sent")
    daemon.kill()
    assert caller.exit_code() == UNKNOWN
    [line] = caller.errors.all()
    assert "it may have been done: check before you repeat it" in line


@pytest.mark.parametrize("words", [READ, "run", "backup X"])
def test_a_wrong_configuration_gives_exit_code_78(daemon: Daemon, lonely: Command, words: str) -> None:
    config = lonely.directory / "config.toml"
    config.write_text("[sockets]\nstatsu = 'x'\n")
    ran = lonely(*words.split(), "--config", config)
    assert (ran.code, ran.output) == (BAD_CONFIG, "")
    assert f"{config}: [sockets] statsu is unknown; did you mean status?" in ran.errors
    assert daemon.process.is_running()
