"""Every fenced block of README and handbook is executed: here on a daemon in paper mode, or by a test that it names.

How is said by the block's language and marker (:mod:`tests.manual.blocks`). A block for which nothing is known fails.
"""

import json
import re
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from daemon.monitoring import webhook_file
from tests.manual.blocks import Block, blocks
from tests.manual.generate import ROOT
from tests.process.manual.home import STUB, Home, normalised, output
from tests.process.poller.bot import Bot, running
from tests.support import eventually, wall_ms
from tests.support.command import Ran
from tests.support.stage import Stage

pytestmark = pytest.mark.needs("curl", "node")

BLOCKS = blocks()
SENT = {"/v1/signals ": '"state":"filled"', "/v1/locks ": '"status":"active"'}
"""What a command shows that sends something to these routes."""

PROBE_S = 60.0
"""The live probe measures for some seconds; on a busy machine for longer than other commands take."""

_targets = count()


@pytest.fixture(scope="module")
def home(shared_stage: Stage) -> Home:
    """A home with a running daemon; it is never restarted, and every block leaves it trading."""
    return Home(shared_stage)


# --- before a block: values for its placeholders


def a_filled_order(home: Home) -> str:
    return home.until(home.submit(snipeTargetId=f"manual-{next(_targets)}"), "filled")


def a_resting_order(home: Home) -> str:
    amounts = {"type": "LIMIT", "quantity": "0.001", "price": "50000", "quoteOrderQty": None}
    return home.until(home.submit(snipeTargetId=f"manual-{next(_targets)}", **amounts), "open")


def an_order_in_doubt(home: Home) -> str:
    reads = ("order", "openOrders", "allOrders")
    home.inject(
        {"kind": "request_lost", "count": 1},
        *({"kind": "error_before", "endpoint": f"GET /api/v3/{name}"} for name in reads),
    )
    order = home.until(home.submit(snipeTargetId=f"manual-{next(_targets)}"), "in_doubt")
    home.inject()
    return order


def a_dead_letter(home: Home) -> str:
    home.inject({"kind": "refused", "code": 30002, "count": 1})
    return home.until(home.submit(snipeTargetId=f"manual-{next(_targets)}"), "dead_letter")


def a_waiting_order(home: Home) -> str:
    return home.submit(snipeTargetId=f"manual-{next(_targets)}", executeAt=wall_ms() + 600_000)


def a_lease(home: Home) -> str:
    request = {"resourceId": f"wallet:manual-{next(_targets)}", "ownerId": "manual", "timeoutMs": 600_000}
    return str(home.ask("POST", "/v1/locks", request).json["lockId"])


PLACEHOLDERS: dict[str, Callable[[Home], str]] = {
    "ORDER=filled": a_filled_order,
    "ORDER=resting": a_resting_order,
    "ORDER=in_doubt": an_order_in_doubt,
    "ORDER=dead_letter": a_dead_letter,
    "ORDER=waiting": a_waiting_order,
    "LOCK=lease": a_lease,
    "FILE=backup": lambda home: str(home.directory / "backup.db"),
    "FILE=config": lambda home: str(home.config_path),
}


# --- how blocks are executed


def sh(home: Home, block: Block) -> None:
    ran = home.type(block.text)
    succeeded(ran)
    for route, shown in SENT.items():
        assert route not in block.text or shown in ran.output


def succeeded(ran: Ran) -> None:
    assert ran.code == 0, ran
    assert not re.search(r'"error":\s*"', ran.output), ran.output  # curl exits with 0 when it was refused


def sh_exits(home: Home, block: Block) -> None:
    codes = [int(code) for code in block.marker.split()[1:]]
    ran = home.type(block.text)
    assert ran.code in codes, ran
    assert "Usage:" not in ran.errors


def sh_with(home: Home, block: Block) -> None:
    placeholder, retried = block.marker.removeprefix("with ").removesuffix(", retried"), "retried" in block.marker
    name, value = placeholder.partition("=")[0], PLACEHOLDERS[placeholder](home)
    commands = re.sub(rf"\b{name}\b", value, block.text)
    assert commands != block.text
    if retried:
        eventually(lambda: home.type(commands).code == 0, f"{commands} is accepted", pause_s=0.1)
    else:
        succeeded(home.type(commands))


def sh_follows(home: Home, block: Block) -> None:
    follower = home.start(block.text)
    eventually(lambda: home.ask("GET", "/v1/status").status == 200, "the daemon answers")

    def shows_an_order() -> bool:
        a_filled_order(home)
        return any("order.accepted" in line or "ACCEPTED" in line for line in follower.output.so_far())

    eventually(shows_an_order, "an order that was accepted meanwhile is shown", pause_s=0.1)
    follower.close()


def sh_server(home: Home, block: Block) -> None:
    commands, replaced = re.subn(r"--listen \S+", "--listen 127.0.0.1:0", block.text)
    assert replaced
    server = home.start(commands)
    server.wait_for("exchange.listening")
    server.close()


def sh_confirm(home: Home, block: Block) -> None:
    """Type the command, and again with the phrase that it asks for, but without the long watch at the end.

    The commands of earlier blocks may have used up what the exchange allows in ten seconds; then it asks to wait.
    """

    def phrase_of() -> str | None:
        refused = home.type(block.text)
        phrase = re.search(r"--confirm '[^']*'", refused.errors)
        assert phrase is not None or "HTTP 429" in refused.errors, refused
        return None if phrase is None else phrase[0]

    confirmed = home.start(f"{block.text.strip()} --idle 0 {eventually(phrase_of, 'the phrase')}")
    assert confirmed.exit_code(PROBE_S) == 0, confirmed.transcript()


def sh_stubbed(home: Home, block: Block) -> None:
    programs = block.marker.split()[1:]
    for program in programs:
        home.program(program, STUB)
    try:
        succeeded(home.type(block.text))
    finally:
        for program in programs:
            (home.programs / program).unlink()


def console(home: Home, block: Block) -> None:
    typed = re.split(r"^\$ (.*)\n", block.text, flags=re.MULTILINE)[1:]
    assert typed
    for command, shown in zip(typed[::2], typed[1::2], strict=True):
        ran = home.type(command)
        succeeded(ran)
        assert normalised(ran.output) == normalised(shown)


def toml(home: Home, block: Block) -> None:
    path = home.directory / "block.toml"
    path.write_text(block.text, encoding="utf-8")
    ran = home.run("sniperd", "config", "check", "--config", path)
    assert ran.code == 0, ran.errors


def toml_faults(home: Home, block: Block) -> None:
    path = home.directory / "faults.toml"
    path.write_text(block.text, encoding="utf-8")
    sh_server(home, block._replace(text=f"sniperd exchange --listen 127.0.0.1:0 --faults {path}"))


def json_request(home: Home, block: Block) -> None:
    """Send the block; where an answer follows it on the page, that is the answer in every field."""
    route = re.fullmatch(r"request (\w+) (\S+)(?: (\S+): (.+))?", block.marker)
    assert route is not None
    headers = {route[3]: route[4]} if route[3] else {}
    answer = home.ask(route[1], route[2], json.loads(block.text), headers)
    following = following_block(block)
    if not following.marker.startswith("answer "):
        assert answer.status in {200, 202}, answer.raw
        return
    assert answer.status == int(following.marker.split()[1]), answer.raw
    shown = json.loads(following.text)
    assert shape(answer.json) == shape(shown)
    known = shown.get("message"), shown.get("state"), shown.get("error")
    assert known == (answer.json.get("message"), answer.json.get("state"), answer.json.get("error"))


def json_answer(home: Home, block: Block) -> None:
    del home  # its request compares it
    assert BLOCKS[BLOCKS.index(block) - 1].marker.startswith("request ")


def json_targets(home: Home, block: Block) -> None:
    """Let a bot serve the block, and a daemon poll it as the page configures it; the report is the next block."""
    report = following_block(block)
    assert report.marker == "report"
    rows = {str(row["id"]): row for row in json.loads(block.text)["data"]}
    with running(Bot(rows)) as bot:
        poller = {"enabled": True, "base_url": bot.url, "user_id": "u1", "interval_ms": 50}
        Home(home.stage, {"poller": poller})
        [target] = rows
        shown = json.loads(report.text)
        told = bot.wait_for_report(target, status=shown["status"], executionStatus=shown["executionStatus"])
        assert shape(told) == shape(shown)


def json_report(home: Home, block: Block) -> None:
    del home  # its targets compare it
    assert BLOCKS[BLOCKS.index(block) - 1].marker == "targets"


def python(home: Home, block: Block) -> None:
    printed(block, output([home.bot().python, "-c", block.text], home))


def js(home: Home, block: Block) -> None:
    printed(block, output(["node", "-e", block.text], home))


def printed(block: Block, shown: str) -> None:
    """Compare with what the page says that the program prints."""
    following = following_block(block)
    if following.marker == "prints":
        assert normalised(shown) == normalised(following.text)
    else:
        assert "filled" in shown


def text_prints(home: Home, block: Block) -> None:
    del home  # its program compares it
    assert BLOCKS[BLOCKS.index(block) - 1].language in {"python", "js"}


def text_picture(home: Home, block: Block) -> None:
    del home
    assert "▶" in block.text


def text_webhooks(home: Home, block: Block) -> None:
    path = home.directory / "webhooks"
    path.write_text(block.text, encoding="utf-8")
    path.chmod(0o600)
    assert len(webhook_file.find({}, str(path))) == len(block.text.splitlines())


EXECUTE: dict[tuple[str, str], Callable[[Home, Block], None]] = {
    ("sh", ""): sh,
    ("sh", "exits"): sh_exits,
    ("sh", "with"): sh_with,
    ("sh", "follows"): sh_follows,
    ("sh", "server"): sh_server,
    ("sh", "confirm"): sh_confirm,
    ("sh", "stubbed"): sh_stubbed,
    ("console", ""): console,
    ("toml", ""): toml,
    ("toml", "faults"): toml_faults,
    ("json", "request"): json_request,
    ("json", "answer"): json_answer,
    ("json", "targets"): json_targets,
    ("json", "report"): json_report,
    ("python", ""): python,
    ("js", ""): js,
    ("text", "prints"): text_prints,
    ("text", "picture"): text_picture,
    ("text", "webhooks"): text_webhooks,
}
"""By language and first word of the marker."""


@pytest.mark.parametrize("block", [block for block in BLOCKS if not block.name], ids=lambda block: block.place)
def test_a_block_does_what_its_page_says(home: Home, block: Block) -> None:
    how = (block.language, block.marker.partition(" ")[0])
    assert how in EXECUTE, f"{block.place}: nothing is known to execute a block {how}; see tests/manual/blocks.py"
    EXECUTE[how](home, block)


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.name], ids=lambda block: block.name)
def test_a_block_that_cannot_run_here_is_run_where_it_says(block: Block) -> None:
    name, path, reason = (part.strip() for part in block.marker.split(";"))
    elsewhere = (ROOT / path).read_text(encoding="utf-8")
    assert f'"{name}"' in elsewhere or all(line in elsewhere for line in block.text.splitlines())
    assert reason


def test_names_are_unique() -> None:
    names = [block.name for block in BLOCKS if block.name]
    assert len(set(names)) == len(names)


def following_block(block: Block) -> Block:
    """Return the next block of the page; itself where it is the last one."""
    at = BLOCKS.index(block)
    following = BLOCKS[at + 1] if at + 1 < len(BLOCKS) else block
    return following if following.path == block.path else block


def shape(value: Any) -> Any:
    """Return the names and kinds of what JSON holds."""
    match value:
        case dict():
            return {name: shape(each) for name, each in value.items()}
        case list():
            return [shape(each) for each in value[:1]]
        case bool() | None:
            return value
        case int() | float():
            return "number"
        case _:
            return "text"
