"""Reloading: what counts at once, what waits for a restart, and that a mixture is checked like a file."""

import math
import re
from pathlib import Path
from typing import Any

import pytest
from msgspec import inspect

from daemon.app.reload import reload
from daemon.config.fields import keys_at_restart
from daemon.config.loading import check, parse
from daemon.config.tables import Config, tables
from daemon.errors import BadConfig

CONFIG_TOML = Path(__file__).parents[2] / "config.toml"
KEYS = [(table, key) for table, kind in tables().items() for key in kind.__struct_fields__]
NEEDS_RESTART = {(table, key) for table, kind in tables().items() for key in keys_at_restart(kind)}
AT_ONCE = [each for each in KEYS if each not in NEEDS_RESTART]


def other_than(default: Any, kind: inspect.Type) -> object:  # noqa: PLR0911  # a case each
    """Return a value that a key takes and that is not its default."""
    match kind:
        case inspect.LiteralType(values=values):
            return next(value for value in values if value != default)
        case inspect.StrType(pattern=str()):
            return "BTC"
        case inspect.StrType():
            return "/elsewhere"
        case inspect.ListType(inspect.LiteralType(values=values)):
            return list(values[:1])
        case inspect.ListType(inspect.StrType()):
            return ["BTCUSDT"]
        case inspect.ListType():
            return [1000]
        case inspect.BoolType():
            return not default
        case inspect.UnionType(types=types):
            return other_than(0, types[0])
        case _:
            assert isinstance(kind, inspect.IntType | inspect.FloatType)
            return next(value for value in (default + 1, default - 1, default / 2) if low(kind) <= value <= high(kind))


def low(kind: inspect.IntType | inspect.FloatType) -> float:
    return -math.inf if kind.ge is None else kind.ge


def high(kind: inspect.IntType | inspect.FloatType) -> float:
    return math.inf if kind.le is None else kind.le


def changed(table: str, key: str) -> Config:
    """Return the defaults with one key changed."""
    struct = inspect.type_info(tables()[table])
    assert isinstance(struct, inspect.StructType)
    kind = next(field.type for field in struct.fields if field.name == key)
    return parse({table: {key: other_than(getattr(getattr(Config(), table), key), kind)}})


def test_what_is_opened_once_needs_a_restart() -> None:
    assert {
        ("exchange", "mode"), ("exchange", "shadow"), ("exchange", "base_url"), ("exchange", "api_key_file"),
        ("exchange", "api_secret_file"), ("exchange", "paper_db"), ("exchange", "paper_spends_all"),
        ("exchange", "facts_file"), ("exchange", "calendar_url"), ("store", "path"),
        ("sockets", "signals"), ("sockets", "status"), ("http", "listen"), ("http", "token_file"),
        ("locks", "scope"), ("reconcile", "startup_s"),
        ("poller", "enabled"), ("poller", "base_url"), ("poller", "user_id"), ("poller", "token_file"),
        ("fleet", "url"), ("fleet", "password_file"), ("fleet", "ledger"), ("fleet", "name"), ("fleet", "role"),
        ("fleet", "lease_ms"), ("fleet", "renew_ms"), ("fleet", "durability"),
        ("alerts", "webhook_file"), ("log", "format"),
    } == NEEDS_RESTART  # fmt: skip


def test_the_same_configuration_changes_nothing() -> None:
    reloaded = reload(Config(), Config())
    assert reloaded.config == Config()
    assert (reloaded.changed, reloaded.needs_restart) == ("nothing", "nothing")


@pytest.mark.parametrize(("table", "key"), AT_ONCE, ids=".".join)
def test_a_key_that_can_change_applies_at_once_and_is_reported(table: str, key: str) -> None:
    new = changed(table, key)
    reloaded = reload(Config(), new)
    assert reloaded.config == new
    was, is_now = (getattr(getattr(config, table), key) for config in (Config(), new))
    assert (reloaded.changed, reloaded.needs_restart) == (f"[{table}] {key}: {was!r} → {is_now!r}", "nothing")


@pytest.mark.parametrize(("table", "key"), sorted(NEEDS_RESTART), ids=".".join)
def test_a_key_that_needs_a_restart_stays_and_is_reported(table: str, key: str) -> None:
    new = changed(table, key)
    reloaded = reload(Config(), new)
    assert reloaded.config == Config()
    was, is_now = (getattr(getattr(config, table), key) for config in (Config(), new))
    assert (reloaded.changed, reloaded.needs_restart) == ("nothing", f"[{table}] {key}: {was!r} → {is_now!r}")


def test_several_changes_are_reported_one_by_one() -> None:
    new = parse({"log": {"level": "debug", "format": "json"}, "queue": {"drain_s": 3}, "store": {"path": "/elsewhere"}})
    reloaded = reload(Config(), new)
    assert reloaded.changed == "[queue] drain_s: 10.0 → 3.0; [log] level: 'info' → 'debug'"
    assert reloaded.needs_restart == "[store] path: '' → '/elsewhere'; [log] format: 'auto' → 'json'"


def test_what_waits_for_a_restart_is_reported_again_until_then() -> None:
    """The running configuration stays what it is, so a second reload compares with that."""
    new = parse({"store": {"path": "/elsewhere"}})
    once = reload(Config(), new)
    again = reload(once.config, new)
    assert again.needs_restart == once.needs_restart != "nothing"


BUDGET: dict[str, Any] = {"guards": {"max_notional_per_order": 50, "max_notional_per_day": 500}}


@pytest.mark.parametrize(
    ("running", "file", "said"),
    [
        pytest.param(
            {"exchange": {"mode": "live"}, **BUDGET},
            {"exchange": {"order_rate_per_s": 1_000}, **BUDGET},
            "order_rate_per_s = 1000 is above MEXC's own limit",
            id="a rate meant for the paper exchange, while live still runs",
        ),
        pytest.param(
            {"exchange": {"mode": "live"}, **BUDGET},
            {"exchange": {"mode": "live", "base_url": "http://127.0.0.1:9000", "weight_per_10s": 10_000}, **BUDGET},
            "weight_per_10s = 10000 is above MEXC's own limit",
            id="a weight meant for a test server, while MEXC is still traded on",
        ),
        pytest.param(
            {"exchange": {"mode": "live"}, **BUDGET},
            {"exchange": {"mode": "paper"}},
            "max_notional_per_order = 0 is no limit",
            id="limits taken away, while real money is still traded",
        ),
    ],
)
def test_a_mixture_that_contradicts_itself_is_refused(running: dict[str, Any], file: dict[str, Any], said: str) -> None:
    """Each file is right; what would count until the restart is not."""
    old, new = check(parse(running)), check(parse(file))
    with pytest.raises(BadConfig, match=said):
        reload(old, new)


def test_config_toml_says_of_exactly_these_keys_that_they_need_a_restart() -> None:
    table, block, found = "", "", set()
    for line in CONFIG_TOML.read_text(encoding="utf-8").splitlines():
        if header := re.fullmatch(r"\[(\w+)]", line):
            table, block = header[1], ""
        elif key := re.match(r"(\w+) = ", line):
            if re.search(r"restart\.\s+# Allowed:", block):
                found.add((table, key[1]))
            block = ""
        else:
            block += f"{line}\n"
    assert found == NEEDS_RESTART
