"""The dashboard's files: served unchanged, under a policy that allows no foreign scripts, which they satisfy."""

import http.client
import json
import re
from collections.abc import Iterator
from http.client import HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import daemon as package
from daemon.core.values.states import State
from tests.support import Daemon, Exchange
from tests.support.stage import Stage, stage
from tests.support.unix_http import ask

ROOT = Path(package.__file__).parent / "dashboard"
FILES = sorted(ROOT.iterdir())
SCRIPTS = [file for file in FILES if file.suffix == ".js"]

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "connect-src": "'self'",
    "img-src": "'self' data:",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
MAKES_MARKUP_OR_CODE = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|srcdoc|"
    r"\beval\b|new Function|setTimeout\(\s*[\"'`]|\.setAttribute\(\s*[\"'`]on|import\("
)


@pytest.fixture(scope="module")
def place() -> Iterator[Stage]:
    with stage() as found:
        yield found


@pytest.fixture(scope="module")
def listening(place: Stage, package_exchange: Exchange) -> Daemon:
    """A daemon that listens on any free port of the loopback."""
    daemon = place.daemon(package_exchange, {"http": {"listen": "127.0.0.1:0"}})
    daemon.start()
    return daemon


def get(daemon: Daemon, target: str, **headers: str) -> tuple[HTTPResponse, bytes]:
    """Request a file over TCP, as a browser does."""
    address = urlsplit(daemon.wait_for("daemon.ready")["http"]).netloc
    connection = http.client.HTTPConnection(address, timeout=10)
    try:
        connection.request(
            "GET", target, headers={"Host": address} | {name.replace("_", "-"): text for name, text in headers.items()}
        )
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


@pytest.mark.parametrize("file", [file for file in FILES if file.suffix != ".png"], ids=lambda file: file.name)
def test_each_file_is_served_as_it_is_under_the_policy(listening: Daemon, file: Path) -> None:
    response, content = get(listening, f"/dashboard/{file.name}")
    assert (response.status, content) == (200, file.read_bytes())
    policy = dict(part.strip().split(" ", 1) for part in response.headers["Content-Security-Policy"].split(";"))
    assert policy == POLICY
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["Cache-Control"] == "no-cache"
    kind = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}[file.suffix]
    assert response.headers["Content-Type"] == f"{kind}; charset=utf-8"


def test_the_table_of_states_is_served_as_a_script(listening: Daemon) -> None:
    response, content = get(listening, "/dashboard/states.js")
    assert response.headers["Content-Type"] == "text/javascript; charset=utf-8"
    exported = dict(re.findall(r"^export const (\w+) = (.*);$", content.decode(), re.MULTILINE))
    states = json.loads(exported["STATES"])
    assert list(states) == [state.value for state in State]
    assert states["queued"] == {"tone": "idle", "phase": "queued", "waits": True}
    assert states["lost"] == {"tone": "bad", "phase": "unknown", "waits": False}
    assert json.loads(exported["OUTCOMES"]) == [
        "filled", "partially_canceled", "canceled", "withdrawn", "expired", "rejected", "dead_letter", "lost",
    ]  # fmt: skip


def test_the_page_is_served_at_the_root_and_on_the_status_socket(listening: Daemon) -> None:
    index = (ROOT / "index.html").read_bytes()
    assert get(listening, "/")[1] == index
    assert ask(listening.status, "GET", "/").raw == index
    assert ask(listening.signals, "GET", "/").status == 404


def test_an_unchanged_file_is_not_sent_again(listening: Daemon) -> None:
    first, _ = get(listening, "/dashboard/main.js")
    again, content = get(listening, "/dashboard/main.js", If_None_Match=first.headers["ETag"])
    assert (again.status, content) == (304, b"")


@pytest.mark.parametrize("name", ["page.py", "../config.py", "..%2fconfig.py", "%2e%2e/app.py", "none.js", ""])
def test_nothing_else_is_served(listening: Daemon, name: str) -> None:
    assert get(listening, f"/dashboard/{name}")[0].status == 404


def test_a_foreign_host_name_gets_no_page(listening: Daemon) -> None:
    assert get(listening, "/", Host="attacker.example")[0].status == 421


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda file: file.name)
def test_no_script_turns_text_into_markup_or_code(file: Path) -> None:
    assert MAKES_MARKUP_OR_CODE.findall(file.read_text(encoding="utf-8")) == []


def test_the_page_has_no_inline_script_no_inline_style_and_no_foreign_content() -> None:
    page = (ROOT / "index.html").read_text(encoding="utf-8")
    assert re.findall(r"<script(?![^>]*\bsrc=\"/dashboard/)[^>]*>|<style|\bstyle=|\son\w+=", page) == []
    for file in FILES:
        if file.suffix in {".html", ".js", ".css"}:
            assert re.findall(r"https?://(?!www\.w3\.org/)", file.read_text(encoding="utf-8")) == []
