"""The dashboard's page: static files of the package, for a browser on the loopback listener.

The page holds no state and no secret. It reads what any program on this machine may read. For changes it gets the token
in the fragment of its address, which a browser never sends.
"""

import hashlib
from importlib.resources import files

import msgspec

from daemon.api.http.error_responses import HttpError
from daemon.api.http.request import Request
from daemon.api.http.response import Response
from daemon.api.http.routes import Route
from daemon.core.values.states import MEANINGS, OUTCOMES, WAITING

ROOT = files("daemon") / "dashboard"
TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
"""The content types of the served files, by suffix; other files of the directory are not served."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
"""Only our own files may run as scripts, and no page may frame this one. Browsers revalidate a file before each use."""

INDEX = "index.html"
STATES = "states.js"
"""The one generated script: the table of states, so that the page needs no list of its own."""


class Page:
    """The files, read once, and the table of states."""

    def __init__(self) -> None:
        self._files = {
            file.name: file.read_bytes() for file in ROOT.iterdir() if "." + file.name.rpartition(".")[2] in TYPES
        }
        self._files[STATES] = _states()

    @Route("GET", "/", answers={}, described=False)
    async def index(self, request: Request) -> Response:
        """Answer with the page itself."""
        return self._file(INDEX, request)

    @Route("GET", "/dashboard/{name}", answers={}, described=False)
    async def file(self, request: Request) -> Response:
        """Answer with one of the page's files."""
        return self._file(request.path_parameters["name"], request)

    def _file(self, name: str, request: Request) -> Response:
        if name not in self._files:
            raise HttpError(404)
        content = self._files[name]
        tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        headers = HEADERS | {"ETag": tag}
        if request.headers.get("If-None-Match") == tag:
            return Response(status=304, headers=headers)
        kind = TYPES["." + name.rpartition(".")[2]]
        return Response(headers=headers | {"Content-Type": f"{kind}; charset=utf-8"}, body=content)


def _states() -> bytes:
    """Return the states as a script: tone, phase and whether it waits to be sent, for each; and the outcomes."""
    states = {
        state.value: {"tone": meaning.tone, "phase": meaning.phase, "waits": state in WAITING}
        for state, meaning in MEANINGS.items()
    }
    encode = msgspec.json.encode
    return b"export const STATES = %b;\nexport const OUTCOMES = %b;\n" % (encode(states), encode(OUTCOMES))
