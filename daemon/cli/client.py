"""Asking the daemon over its sockets. Only the standard library, because every import delays the answer."""

import http.client
import json
import os
import socket
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote

import click

REFUSED, UNAVAILABLE, NOT_READY = 1, 69, 75
TIMEOUT_S = 10.0


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(os.fspath(self._path))


class Fail(click.ClickException):
    """Ends the command with a message and an exit code."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code  # type: ignore[misc]  # click reads it from the instance


def ask(
    path: Path,
    method: str,
    target: str,
    body: object = None,
    *,
    headers: dict[str, str] | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Any:  # noqa: ANN401  # JSON
    """Ask, and return the JSON answer.

    Raises:
        Fail: nobody answers (69), the daemon is not ready (75), or it refuses (1).

    """
    connection = _UnixConnection(path, timeout_s)
    payload = None if body is None else json.dumps(body).encode()
    try:
        connection.request(method, target, payload, {"Content-Type": "application/json", **(headers or {})})
        response = connection.getresponse()
        answer = json.loads(response.read() or b"{}")
    except PermissionError:
        raise Fail(f"{path} is not open to you: join the group that owns it", 77) from None
    except (FileNotFoundError, ConnectionRefusedError):
        raise Fail(
            f"no daemon answers at {path}: start one with `sniperd run`, or name it with --config", UNAVAILABLE
        ) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Fail(f"the daemon at {path} gave no answer: {error or type(error).__name__}", UNAVAILABLE) from None
    finally:
        connection.close()
    if response.status >= http.client.BAD_REQUEST:
        _refuse(response.status, answer)
    return answer


def in_path(text: str) -> str:
    """Escape a value for a request's path or query."""
    return quote(text, safe="")


def _refuse(status: int, answer: dict[str, Any]) -> NoReturn:
    message = answer.get("message", f"HTTP {status}")
    if answer.get("field"):
        message += f" [{answer['field']}]"
    if answer.get("allowed"):
        message += f"\nallowed: {answer['allowed']}"
    raise Fail(message, NOT_READY if status == http.client.SERVICE_UNAVAILABLE else REFUSED)
