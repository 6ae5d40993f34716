"""`sniperd exchange` as a command: failed starts, addresses, keys, balances; `tests/process/simulator` starts it."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner

from daemon.cli.exchange import exchange
from daemon.simulator.authentication import EXAMPLE_KEYS, KeyPair
from daemon.simulator.errors import ConfigurationInvalid
from daemon.simulator.launch import announcement, parse_address, parse_balances, read_keys


@pytest.fixture(autouse=True)
def _restore_logging() -> Iterator[None]:
    """Restore the logging configuration, which the command changes when it runs in the test process."""
    yield
    structlog.reset_defaults()


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--listen", "0.0.0.0:0"], 78, "isn't a loopback address"),
        (["--listen", "example.com:0"], 78, "isn't a loopback address"),
        (["--listen", "8765"], 78, "takes HOST:PORT"),
        (["--listen", "127.0.0.1:x"], 78, "takes HOST:PORT"),
        (["--listen", "127.0.0.1:65536"], 78, "takes HOST:PORT"),
        (["--listing", "NEW"], 78, "a listing is SYMBOL@UNIXMS"),
        (["--fault", "gremlins"], 78, "kinds: request_lost"),
        (["--faults", "/does/not/exist"], 78, "No such file"),
        (["--balance", "USDT"], 78, "takes ASSET=AMOUNT"),
        (["--db", "/does/not/exist/book.db"], 73, "cannot open"),
        (["--db", "/dev/null/book.db"], 73, "cannot open"),
        (["--orders-per-s", "-1"], 2, "is not in the range"),
    ],
)
def test_a_failed_start_prints_the_reason_and_has_its_exit_status(
    arguments: list[str], status: int, message: str
) -> None:
    result = CliRunner().invoke(exchange, arguments)
    assert result.exit_code == status
    assert message in result.output


def test_an_unreadable_book_ends_with_65(tmp_path: Path) -> None:
    book = tmp_path / "book.db"
    book.write_bytes(b"nonsense" * 1_000)
    result = CliRunner().invoke(exchange, ["--db", str(book)])
    assert result.exit_code == 65
    assert "file is not a database" in result.output


def test_an_address_in_use_ends_with_69() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        result = CliRunner().invoke(exchange, ["--listen", f"127.0.0.1:{other.getsockname()[1]}"])
    assert result.exit_code == 69
    assert "address already in use" in result.output


def test_the_command_is_cheap_to_import() -> None:
    heavy = ["aiohttp", "msgspec", "asyncio", "structlog", "sqlite3"]
    script = f"import sys, daemon.cli.exchange; print([name for name in {heavy} if name in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert shown.stdout == "[]\n"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:0", ("127.0.0.1", 0)),
        ("127.9.9.9:65535", ("127.9.9.9", 65_535)),
        ("localhost:8765", ("localhost", 8765)),
        ("[::1]:8765", ("::1", 8765)),
    ],
)
def test_loopback_addresses_are_accepted(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text, allow_remote=False) == address


def test_other_addresses_are_accepted_with_allow_remote() -> None:
    assert parse_address("0.0.0.0:80", allow_remote=True) == ("0.0.0.0", 80)


def test_a_terminal_gets_a_sentence_and_a_program_gets_json() -> None:
    url = "http://127.0.0.1:8765"
    assert announcement(url, "book.db", is_terminal=True).startswith(f"The simulated exchange listens on {url}; ")
    assert json.loads(announcement(url, "book.db", is_terminal=False))["url"] == url


def test_keys_come_from_the_environment_both_or_neither() -> None:
    assert read_keys({}) is EXAMPLE_KEYS
    assert read_keys({"MEXC_API_KEY": "a", "MEXC_SECRET_KEY": "b"}) == KeyPair("a", "b")
    assert read_keys({}, "BTCUSDT,ETHUSDT").symbols == frozenset({"BTCUSDT", "ETHUSDT"})
    for name in ("MEXC_API_KEY", "MEXC_SECRET_KEY"):
        with pytest.raises(ConfigurationInvalid, match="go together"):
            read_keys({name: "x"})


def test_balances_are_read() -> None:
    assert parse_balances(["USDT=10.5", "BTC=0"]) == {"USDT": Decimal("10.5"), "BTC": 0}
    for text in ("=1", "USDT=", "USDT=-1", "USDT=x"):
        with pytest.raises(ConfigurationInvalid):
            parse_balances([text])
