"""Requests to the daemon over its sockets. Only the standard library, because every import delays the command."""

import http.client
import json
import os
import re
import socket
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn
from urllib.parse import quote

import click

from daemon.core.values.texts import printable
from daemon.exit_codes import NO_PERMISSION, REFUSED, TRY_LATER, UNAVAILABLE, UNKNOWN

TIMEOUT_S = 10.0


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(os.fspath(self._path))


class Fail(click.ClickException):
    """Ends the command with a message and an exit code."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code  # type: ignore[misc]  # click reads it from the instance


class DaemonAnswer(dict[str, Any]):
    """A JSON object from the daemon; a missing field raises :class:`Fail` instead of ``KeyError``."""

    def __init__(self, fields: dict[str, Any], exit_code: int) -> None:
        super().__init__(fields)
        self._exit_code = exit_code

    def __missing__(self, name: str) -> NoReturn:
        raise Fail(f"the answer lacks {name!r}: are command and daemon of the same version?", self._exit_code)


def ask(
    path: Path,
    method: str,
    target: str,
    body: object = None,
    *,
    headers: dict[str, str] | None = None,
    timeout_s: float = TIMEOUT_S,
    options: Mapping[str, str] | None = None,
) -> Any:  # noqa: ANN401  # JSON
    """Send a request and return the JSON answer. ``options`` maps fields to the options that fill them.

    Raises:
        Fail: nothing answers, so nothing was done (69); the answer to a change was lost, so that it may have been done
            (4); the daemon is not ready (75); the daemon refuses (1).

    """
    lost_code, hint = (
        (UNAVAILABLE, "") if method == "GET" else (UNKNOWN, "; it may have been done: check before you repeat it")
    )
    connection = UnixConnection(path, timeout_s)
    payload = None if body is None else json.dumps(body).encode()
    try:
        connection.request(method, target, payload, {"Content-Type": "application/json", **(headers or {})})
        response = connection.getresponse()
        answer = _read(response.read(), lost_code)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise unanswered(path, error, lost_code, hint) from None
    finally:
        connection.close()
    if response.status >= http.client.BAD_REQUEST:
        refuse(response.status, answer, lost_code, options or {})
    return answer


def unanswered(path: Path, error: Exception, lost_code: int, hint: str = "") -> Fail:
    """Explain why there is no answer and what to do; ``lost_code`` is the exit code if the request may have arrived."""
    from daemon.cli.unanswered import not_open, not_there  # noqa: PLC0415  # only for errors

    if isinstance(error, PermissionError):
        return Fail(not_open(path), NO_PERMISSION)
    if isinstance(error, (FileNotFoundError, ConnectionRefusedError)):
        return Fail(not_there(path), UNAVAILABLE)
    why = printable(str(error)) or type(error).__name__
    return Fail(f"{path} gave no readable answer: {why}{hint}", lost_code)


def _read(raw: bytes, exit_code: int) -> DaemonAnswer:
    found = json.loads(raw, object_hook=lambda fields: DaemonAnswer(fields, exit_code))
    if isinstance(found, DaemonAnswer):
        return found
    raise ValueError(f"not a JSON object but {found!r:.40}")


def in_path(text: str) -> str:
    """Escape a value for a request's path or query."""
    return quote(text, safe="")


_MAY_BE_DONE = {"commit_failed", "unanswered"}
"""Codes of 503 that do not say that nothing was done."""


def refuse(
    status: int, answer: dict[str, Any], lost_code: int, options: Mapping[str, str] = MappingProxyType({})
) -> NoReturn:
    """End the command with the daemon's refusal; fields are named by the options that fill them.

    Raises:
        Fail: always.

    """
    field = answer.get("field")
    names = options if field else {}
    message = _with_options(names, str(answer.get("message", f"HTTP {status}")))
    if field:
        message += f" [{names.get(field, field)}]"
    message = printable(message)
    if answer.get("allowed"):
        message += f"\nallowed: {printable(_with_options(names, str(answer['allowed'])))}"
    codes: dict[int, int] = {http.client.SERVICE_UNAVAILABLE: TRY_LATER, http.client.INTERNAL_SERVER_ERROR: lost_code}
    raise Fail(message, lost_code if answer.get("error") in _MAY_BE_DONE else codes.get(status, REFUSED))


def _with_options(options: Mapping[str, str], text: str) -> str:
    """Replace fields by options; an argument like SYMBOL only at the start of the text."""
    for field, option in options.items():
        place = rf"\b{field}\b" if option.startswith("-") else rf"\A{field}\b"
        text = re.sub(place, option, text)
    return text
