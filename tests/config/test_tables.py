"""Configuration: defaults inside their ranges, mistakes named with what is allowed, and the file that explains it."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import inspect

import daemon
from daemon.config.addresses import address, is_loopback
from daemon.config.loading import MEXC_ORDER_RATE, MEXC_WEIGHT, check, load, parse
from daemon.config.tables import Config, ExchangeTable, tables
from daemon.errors import BadConfig

CONFIG_TOML = Path(__file__).parents[2] / "config.toml"
"""The file that operators copy."""


def keys() -> Iterator[tuple[str, str, inspect.Type, object]]:
    """Yield every key: its table, its name, its type and its default."""
    for table, kind in tables().items():
        struct = inspect.type_info(kind)
        assert isinstance(struct, inspect.StructType)
        for field in struct.fields:
            yield table, field.name, field.type, getattr(getattr(Config(), table), field.name)


KEYS = list(keys())
every_key = pytest.mark.parametrize(
    ("table", "key", "kind", "default"), [pytest.param(*each, id=f"{each[0]}.{each[1]}") for each in KEYS]
)
NUMBERS = [each for each in KEYS if isinstance(each[2], inspect.IntType | inspect.FloatType)]


def refusal(found: dict[str, Any]) -> str:
    """Return what is said of a wrong configuration."""
    with pytest.raises(BadConfig) as refused:
        check(parse(found))
    return str(refused.value)


def limits(kind: inspect.Type) -> tuple[float, float, bool]:
    """Return the least and the greatest value, and whether the least itself is out."""
    assert isinstance(kind, inspect.IntType | inspect.FloatType)
    low = kind.ge if kind.gt is None else kind.gt
    assert low is not None
    assert kind.le is not None
    return low, kind.le, kind.gt is not None


def range_of(kind: inspect.Type) -> str:  # noqa: PLR0911  # a case each
    """Describe the values of a type as messages and ``config.toml`` do."""
    match kind:
        case inspect.UnionType(types):
            return " or ".join(map(range_of, types))
        case inspect.LiteralType(values):
            return " or ".join(f'"{value}"' for value in values)
        case inspect.StrType(pattern=str()):
            return 'an asset in quotes, like "USDT"'
        case inspect.StrType():
            return "a text in quotes"
        case inspect.ListType(inspect.LiteralType(values)):
            return "a list of " + ", ".join(f'"{value}"' for value in values)
        case inspect.ListType(inspect.StrType()):
            return 'a list of pairs in quotes, like ["BTCUSDT"]'
        case inspect.BoolType():
            return "true or false"
        case inspect.ListType():
            return "a list of whole numbers from 0"
        case _:
            low, high, above = limits(kind)
            whole = "whole " if isinstance(kind, inspect.IntType) else ""
            return f"a {whole}number {'above' if above else 'from'} {low:_} {'up ' if above else ''}to {high:_}"


# --- the defaults


def test_the_defaults_are_safe() -> None:
    """The paper exchange, nothing on the network, below MEXC's limits."""
    config = check(Config())
    assert config.exchange.mode == "paper"
    assert config.exchange.base_url == ""
    assert config.exchange.order_rate_per_s < MEXC_ORDER_RATE
    assert config.exchange.weight_per_10s < MEXC_WEIGHT
    assert config.sockets.admin_uids == []
    assert config.guards.repeat_window_ms > 0
    assert not config.poller.enabled


def test_an_empty_file_means_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.touch()
    assert load(file) == Config()


@every_key
def test_a_key_accepts_its_own_default(table: str, key: str, kind: inspect.Type, default: object) -> None:
    assert kind is not None
    assert parse({table: {key: default}}) == Config()


@pytest.mark.parametrize(("table", "key", "kind", "default"), NUMBERS, ids=[f"{each[0]}.{each[1]}" for each in NUMBERS])
def test_a_number_has_bounds_and_its_default_lies_within(
    table: str, key: str, kind: inspect.Type, default: float
) -> None:
    low, high, above = limits(kind)
    step = 1 if isinstance(kind, inspect.IntType) else 0.001
    assert low <= default <= high
    for value in (low + step if above else low, high):
        assert getattr(getattr(parse({table: {key: value}}), table), key) == value
    for value in (low if above else low - step, high + step):
        said = refusal({table: {key: value}})
        assert said == f"[{table}] {key} = {value!r}; allowed: {range_of(kind)}"


# --- mistakes


@pytest.mark.parametrize(
    ("found", "said"),
    [
        pytest.param(
            {"exchange": {"recv_window_ms": "2000"}},
            "[exchange] recv_window_ms = '2000'; allowed: a whole number from 500 to 60_000",
            id="a text for a number",
        ),
        pytest.param(
            {"exchange": {"recv_window_ms": True}},
            "[exchange] recv_window_ms = True; allowed: a whole number from 500 to 60_000",
            id="a truth for a number",
        ),
        pytest.param(
            {"exchange": {"recv_window_ms": 2000.5}},
            "[exchange] recv_window_ms = 2000.5; allowed: a whole number from 500 to 60_000",
            id="a fraction for a whole number",
        ),
        pytest.param(
            {"exchange": {"recv_window_ms": 10**30}},
            f"[exchange] recv_window_ms = {10**30}; allowed: a whole number from 500 to 60_000",
            id="a number of thirty digits",
        ),
        pytest.param(
            {"reconcile": {"startup_s": float("nan")}},
            "[reconcile] startup_s = nan; allowed: a number above 0 up to 86_400",
            id="not a number",
        ),
        pytest.param(
            {"retry": {"factor": float("inf")}},
            "[retry] factor = inf; allowed: a number from 1 to 10",
            id="infinity",
        ),
        pytest.param(
            {"exchange": {"mode": "real"}}, '[exchange] mode = \'real\'; allowed: "live" or "paper"', id="another word"
        ),
        pytest.param(
            {"log": {"level": "INFO"}},
            '[log] level = \'INFO\'; allowed: "debug" or "error" or "info" or "warning"',
            id="the word in capitals",
        ),
        pytest.param({"store": {"path": 5}}, "[store] path = 5; allowed: a text in quotes", id="a number for a text"),
        pytest.param(
            {"sockets": {"admin_uids": 1000}},
            "[sockets] admin_uids = 1000; allowed: a list of whole numbers from 0",
            id="a number for a list",
        ),
        pytest.param(
            {"sockets": {"admin_uids": [1000, -1]}},
            "[sockets] admin_uids = [1000, -1]; allowed: a list of whole numbers from 0",
            id="a wrong number in a list",
        ),
        pytest.param(
            {"sockets": {"admin_uids": ["root"]}},
            "[sockets] admin_uids = ['root']; allowed: a list of whole numbers from 0",
            id="a name in a list of ids",
        ),
    ],
)
def test_a_wrong_value_is_named_with_table_key_and_what_is_allowed(found: dict[str, Any], said: str) -> None:
    assert refusal(found) == said


@pytest.mark.parametrize(
    ("found", "said"),
    [
        pytest.param(
            {"exchagne": {}},
            "[exchagne] is not a table of the configuration; did you mean exchange? (allowed: exchange, store",
            id="a table, nearly",
        ),
        pytest.param(
            {"database": {}}, "[database] is not a table of the configuration (allowed: exchange, store", id="a table"
        ),
        pytest.param(
            {"exchange": {"recvwindow_ms": 1}},
            "[exchange] recvwindow_ms is unknown; did you mean recv_window_ms? (allowed: mode, shadow",
            id="a key, nearly",
        ),
        pytest.param({"log": {"colour": 1}}, "[log] colour is unknown (allowed: level, format)", id="a key"),
        pytest.param({"mode": "live"}, "mode is outside a table; it belongs under [exchange]", id="a key at the top"),
        pytest.param({"speed": 5}, "speed is outside a table (allowed: exchange, store", id="nothing known at the top"),
        pytest.param(
            {"exchange": "live"},
            "exchange is outside a table; write its keys under [exchange]",
            id="a value for a table",
        ),
        pytest.param(
            {"exchange": [{"mode": "live"}]},
            "exchange is outside a table; write its keys under [exchange]",
            id="a list of tables",
        ),
    ],
)
def test_an_unknown_name_is_refused_with_what_was_meant(found: dict[str, Any], said: str) -> None:
    assert refusal(found).startswith(said)


def test_a_secret_in_the_file_is_refused_and_not_repeated() -> None:
    for found in (
        {"exchange": {"api_key": "mx0-very-secret"}},
        {"api_secret": "mx0-very-secret"},
        {"exchange": "mx0-very-secret"},
    ):
        assert "very-secret" not in refusal(found)
    assert "did you mean api_key_file?" in refusal({"exchange": {"api_key": "mx0-key"}})


LIVE: dict[str, Any] = {"mode": "live"}
SHADOW: dict[str, Any] = {"shadow": True}
BUDGET: dict[str, Any] = {"guards": {"max_notional_per_order": 50, "max_notional_per_day": 500}}


@pytest.mark.parametrize(
    ("found", "said"),
    [
        pytest.param(
            {"exchange": {"base_url": "https://api.mexc.com"}},
            "[exchange] base_url = 'https://api.mexc.com' goes with mode = \"live\", or with shadow = true",
            id="an address for the paper exchange",
        ),
        pytest.param(
            {"exchange": LIVE | SHADOW},
            '[exchange] shadow = true goes with mode = "paper"',
            id="a shadow that trades",
        ),
        pytest.param(
            {"exchange": SHADOW | {"base_url": "http://api.mexc.com"}},
            "[exchange] base_url = 'http://api.mexc.com' would accept prices that others on the network can change; "
            "allowed: https://",
            id="shadow mode without encryption",
        ),
        pytest.param(
            {"exchange": LIVE},
            "[guards] max_notional_per_order = 0 is no limit, and https://api.mexc.com trades real money; allowed: a "
            "number above 0, the most that one BUY may cost in USDT",
            id="real money without a limit for an order",
        ),
        pytest.param(
            {"exchange": LIVE | {"base_url": "https://proxy.example"}, "guards": {"max_notional_per_order": 50}},
            "[guards] max_notional_per_day = 0 is no limit, and https://proxy.example trades real money; allowed: a "
            "number above 0, the most that the BUYs of a day may cost in USDT",
            id="real money without a limit for a day",
        ),
        pytest.param(
            {"exchange": LIVE | {"paper_db": "book.db"}},
            "[exchange] paper_db = 'book.db' goes with mode = \"paper\"",
            id="a book for live trading",
        ),
        pytest.param(
            {"exchange": LIVE | {"paper_spends_all": True}},
            '[exchange] paper_spends_all = true goes with mode = "paper"',
            id="a paper exchange's habit for live trading",
        ),
        pytest.param(
            {"exchange": LIVE | {"order_rate_per_s": 13}},
            "[exchange] order_rate_per_s = 13 is above MEXC's own limit; allowed: 1 to 12",
            id="more orders than MEXC takes",
        ),
        pytest.param(
            {"exchange": LIVE | {"weight_per_10s": 301}},
            "[exchange] weight_per_10s = 301 is above MEXC's own limit; allowed: 50 to 300",
            id="more weight than MEXC grants",
        ),
        pytest.param(
            {"exchange": LIVE | {"base_url": "http://api.mexc.com"}},
            "[exchange] base_url = 'http://api.mexc.com' would send the key unencrypted; allowed: https://",
            id="without encryption",
        ),
        *(
            pytest.param(
                {"exchange": {"calendar_url": url}},
                f"[exchange] calendar_url = {url!r} could move orders by what others on the network write; allowed: "
                '"off", https://HOST[:PORT], or a server on this machine',
                id=f"calendar {url}",
            )
            for url in ("http://www.mexc.com", "www.mexc.com", "Off")
        ),
        pytest.param(
            {"queue": {"sell_priority": 5, "buy_priority": 5}},
            "[queue] sell_priority = 5 is not more urgent than buy_priority = 5; sells go first: make it the lower",
            id="sells as urgent as buys",
        ),
        pytest.param(
            {"queue": {"sell_priority": 6}},
            "[queue] sell_priority = 6 is not more urgent than buy_priority = 5; sells go first: make it the lower",
            id="sells less urgent than buys",
        ),
        pytest.param(
            {"retry": {"first_ms": 2_000}},
            "[retry] first_ms = 2000 is longer than longest_ms = 1000; allowed: at most that",
            id="the first retry later than the latest",
        ),
        pytest.param(
            {"reconcile": {"longest_ms": 50}},
            "[reconcile] first_ms = 100 is longer than longest_ms = 50; allowed: at most that",
            id="the first wait longer than the longest",
        ),
        pytest.param(
            {"sockets": {"signals": "/run/x.sock", "status": "/run/x.sock"}},
            "[sockets] signals and status are the same path, '/run/x.sock'; readers need a separate socket",
            id="one socket for both",
        ),
        pytest.param(
            {"poller": {"interval_ms": 2_000, "longest_interval_ms": 1_000}},
            "[poller] interval_ms = 2000 is longer than longest_interval_ms = 1000; allowed: at most that",
            id="targets read less often while the bot answers",
        ),
        pytest.param(
            {"poller": {"enabled": True}},
            "[poller] user_id is empty; allowed: the bot's id of the user whose targets are traded",
            id="targets of nobody",
        ),
        pytest.param(
            {"poller": {"enabled": True, "user_id": "u", "base_url": "localhost"}},
            "[poller] base_url = 'localhost'; allowed: http://127.0.0.1[:PORT] or https://HOST",
            id="targets from nowhere",
        ),
        pytest.param(
            {"poller": {"enabled": True, "user_id": "u", "base_url": "http://bot.example"}},
            "[poller] base_url = 'http://bot.example' would accept targets that others on the network can change; "
            "allowed: https://",
            id="targets over an open way",
        ),
    ],
)
def test_a_contradiction_is_named_with_both_sides(found: dict[str, Any], said: str) -> None:
    assert refusal(found).startswith(said)


@pytest.mark.parametrize(
    "found",
    [
        pytest.param({"exchange": LIVE, **BUDGET}, id="live on MEXC itself"),
        pytest.param({"exchange": LIVE | {"base_url": "https://api.mexc.com"}, **BUDGET}, id="by its name"),
        pytest.param({"exchange": LIVE | {"base_url": "https://api.mexc.com/"}, **BUDGET}, id="with a slash"),
        pytest.param(
            {"exchange": LIVE | {"base_url": "HTTPS://API.MEXC.COM:443"}, **BUDGET}, id="with a port, in capitals"
        ),
        pytest.param({"exchange": LIVE | {"base_url": "https://203.0.113.7"}, **BUDGET}, id="by an address"),
        pytest.param(
            {"exchange": LIVE | {"base_url": "https://[2001:db8::1]:8443"}, **BUDGET}, id="by an IPv6 address"
        ),
        pytest.param(
            {"exchange": LIVE | {"order_rate_per_s": 12, "weight_per_10s": 300}, **BUDGET}, id="at MEXC's limits"
        ),
        pytest.param(
            {
                "exchange": LIVE
                | {"base_url": "http://127.0.0.1:9000", "order_rate_per_s": 5_000, "weight_per_10s": 10_000}
            },
            id="a test server",
        ),
        pytest.param({"exchange": LIVE | {"base_url": "http://localhost:9000"}}, id="a test server by name"),
        pytest.param({"exchange": LIVE | {"base_url": "http://[::1]:9000"}}, id="a test server on IPv6"),
        pytest.param({"exchange": {"order_rate_per_s": 1_000, "weight_per_10s": 1_000}}, id="paper as fast as it can"),
        pytest.param({"exchange": SHADOW}, id="a shadow of MEXC"),
        pytest.param({"exchange": SHADOW | {"base_url": "https://api.mexc.com"}}, id="a shadow of MEXC by its name"),
        pytest.param({"exchange": SHADOW | {"base_url": "http://127.0.0.1:9000"}}, id="a shadow of a test server"),
        pytest.param({"exchange": SHADOW | {"paper_db": "b.db", "order_rate_per_s": 99}}, id="a shadow with a book"),
        pytest.param({"exchange": {"paper_db": "book.db"}}, id="a book for the paper exchange"),
        pytest.param({"poller": {"enabled": True, "user_id": "u"}}, id="targets from this machine"),
        pytest.param(
            {"poller": {"enabled": True, "user_id": "u", "base_url": "https://bot.example"}},
            id="targets from elsewhere",
        ),
        pytest.param({"retry": {"first_ms": 1_000, "longest_ms": 1_000}}, id="retries at an even pace"),
    ],
)
def test_a_consistent_configuration_is_accepted(found: dict[str, Any]) -> None:
    assert check(parse(found)) == msgspec.convert(found, Config)


@pytest.mark.parametrize(
    "url",
    [
        "api.mexc.com",
        "ftp://api.mexc.com",
        "https://",
        "https://api.mexc.com/api/v3",
        "https://api.mexc.com?x=1",
        "https://api.mexc.com?",
        "https://api.mexc.com#x",
        "https://api.mexc.com#",
        "https://user:password@api.mexc.com",
        "https://127.0.0.1@api.mexc.com",
        "http://api.mexc.com\\@127.0.0.1",
        "https://api..mexc.com",
        f"https://{'a' * 64}.com",
        "https://api mexc.com",
        "https://api.mexc.com ",
        " https://api.mexc.com",
        "https://api.mexc.com\n",
        "https://api.mexc.com:port",
        "https://api.mexc.com:0",
        "https://api.mexc.com:65536",
        "https://[::1",
        "https://[mexc]",
        "https://апи.com",
        "://",
    ],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    """Before the first request fails because of it, or goes elsewhere."""
    said = refusal({"exchange": LIVE | {"base_url": url}})
    assert said == f"[exchange] base_url = {url!r}; allowed: https://HOST[:PORT]"


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.0.0.1:9000", True),
        ("http://LOCALHOST", True),
        ("https://[::1]:1", True),
        ("https://api.mexc.com", False),
        ("https://127.0.0.1.mexc.com", False),
        ("", False),
    ],
)
def test_a_server_on_this_machine_is_known_by_its_address(url: str, loopback: bool) -> None:
    assert is_loopback(url) is loopback


# --- the file


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(b"[exchange", "is not TOML: ", id="torn off"),
        pytest.param(b"[exchange]\nmode = live", "is not TOML: ", id="a word without quotes"),
        pytest.param(b"[log]\nlevel='info'\nlevel='debug'", "is not TOML: ", id="a key twice"),
        pytest.param(b"\xff\xfe[\x00", "is not TOML: ", id="no text"),
        pytest.param(b"[log]\nlevel = 'loud'", "[log] level = 'loud'; allowed: ", id="a wrong value"),
        pytest.param(
            b"[queue]\nsell_priority = 9", "[queue] sell_priority = 9 is not more urgent", id="a contradiction"
        ),
        pytest.param(b"[lag]", "[lag] is not a table of the configuration; did you mean log?", id="an unknown table"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, text: bytes, said: str) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(text)
    with pytest.raises(BadConfig) as refused:
        load(file)
    assert str(refused.value).startswith(str(file))
    assert said in str(refused.value)
    assert refused.value.exit_code == 78


@pytest.mark.parametrize(("name", "why"), [("absent.toml", "No such file"), (".", "Is a directory")])
def test_a_file_that_cannot_be_read_is_named_with_the_reason(tmp_path: Path, name: str, why: str) -> None:
    with pytest.raises(BadConfig, match=f"cannot read {tmp_path / name}: {why}"):
        load(tmp_path / name)


# --- config.toml


@pytest.fixture(scope="module")
def comments() -> dict[tuple[str, str], str]:
    """Return the comment above each key of ``config.toml``."""
    found: dict[tuple[str, str], str] = {}
    table, block = "", []
    for line in CONFIG_TOML.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            block.append(line.removeprefix("#").strip())
            continue
        if header := re.fullmatch(r"\[(\w+)]", line):
            table = header[1]
        elif key := re.match(r"(\w+) = ", line):
            found[table, key[1]] = " ".join(block)
        block = []
    return found


def test_config_toml_holds_every_key_with_its_default_and_no_other() -> None:
    written = tomllib.loads(CONFIG_TOML.read_text(encoding="utf-8"))
    assert written == msgspec.to_builtins(Config())
    assert load(CONFIG_TOML) == Config()


def test_config_toml_keeps_the_order_of_the_code() -> None:
    written = tomllib.loads(CONFIG_TOML.read_text(encoding="utf-8"))
    assert [(table, key) for table, found in written.items() for key in found] == [each[:2] for each in KEYS]


@every_key
def test_config_toml_says_of_every_key_what_is_allowed(
    comments: dict[tuple[str, str], str], table: str, key: str, kind: inspect.Type, default: object
) -> None:
    comment = comments[table, key]
    assert f"Allowed: {range_of(kind)}." in comment
    if default == "":
        assert "Empty: " in comment
    unit = {"ms": "milliseconds", "s": "seconds", "h": "hours", "kb": "KiB"}.get(key.rpartition("_")[2])
    if unit is not None and not key.endswith("_per_s"):
        assert unit in comment.lower() or unit in comment
    reason = comment.partition("Allowed: ")[0]
    assert len(reason) > 60, "what it is, and why the default is what it is"


@pytest.mark.parametrize(
    ("listen", "expected"),
    [
        ("127.0.0.1:8808", ("127.0.0.1", 8808)),
        ("[::1]:0", ("::1", 0)),
        ("localhost:65535", ("localhost", 65_535)),
    ],
)
def test_the_loopback_listener_accepts_an_address_of_this_machine(listen: str, expected: tuple[str, int]) -> None:
    assert address(check(parse({"http": {"listen": listen}})).http.listen) == expected


@pytest.mark.parametrize(
    "listen", ["0.0.0.0:8808", "192.0.2.1:80", ":8808", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "[::]:1", "²:1"]
)
def test_the_loopback_listener_refuses_other_addresses(listen: str) -> None:
    with pytest.raises(BadConfig, match="other machines must not reach it"):
        check(parse({"http": {"listen": listen}}))


DAEMON = Path(daemon.__file__).parent


@pytest.fixture(scope="module")
def attributes_read() -> set[str]:
    """Return the attributes that the daemon's code reads. Parsing all of it takes a second: not while collecting."""
    return {
        node.attr
        for path in DAEMON.rglob("*.py")
        if path != DAEMON / "config/loading.py"  # which checks keys, and does nothing else with them
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
    }


@pytest.mark.parametrize(("table", "key"), [each[:2] for each in KEYS], ids=".".join)
def test_every_key_is_read(attributes_read: set[str], table: str, key: str) -> None:
    """The daemon's parts take the tables as they are: a key that none of them reads has no effect."""
    assert key in attributes_read, f"[{table}] {key} is read nowhere"


@pytest.mark.parametrize(
    ("exchange", "calendar"),
    [
        ({}, "http://paper"),
        ({"shadow": True}, "http://paper"),
        ({"mode": "live"}, "https://www.mexc.com"),
        ({"mode": "live", "base_url": "https://api.mexc.com/"}, "https://www.mexc.com"),
        ({"mode": "live", "base_url": "http://127.0.0.1:1"}, "http://paper"),
        ({"mode": "live", "base_url": "https://proxy.example"}, None),
        ({"mode": "live", "calendar_url": "off"}, None),
        ({"mode": "live", "calendar_url": "https://mirror.example"}, "https://mirror.example"),
    ],
    ids=str,
)
def test_the_calendar_is_the_exchanges_own(exchange: dict[str, Any], calendar: str | None) -> None:
    assert ExchangeTable(**exchange).calendar("http://paper") == calendar
