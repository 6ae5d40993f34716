"""Every key of the configuration reaches the part that it is for, and no other."""

from typing import Any

import msgspec
import pytest

from daemon.app import settings
from daemon.config.tables import Config, parse, tables

REACHES = {
    "exchange.recv_window_ms": (3_000, {"exchange.recv_window_ms", "engine.rules.schedule.recv_window_ms"}),
    "exchange.timeout_ms": (4_000, {"exchange.timeout_ms"}),
    "exchange.order_rate_per_s": (7, {"exchange.pace.orders_per_s", "engine.rules.limits.order_rate_per_s"}),
    "exchange.weight_per_10s": (99, {"exchange.pace.weight_per_10s"}),
    "exchange.requests_per_s": (5, {"exchange.pace.requests_per_s"}),
    "exchange.clock_check_s": (11.0, {"engine.intervals.clock_check_s"}),
    "exchange.symbols_refresh_s": (12.0, {"engine.intervals.symbols_refresh_s"}),
    "locks.timeout_ms": (13_000, {"engine.rules.defaults.timeout_ms"}),
    "locks.scope": ("symbol", {"engine.rules.per_symbol"}),
    "locks.cleanup_interval_s": (14.0, {"engine.intervals.cleanup_s"}),
    "store.retention_days": (17, {"engine.intervals.retention_days"}),
    "locks.retention_h": (15.0, {"engine.intervals.retention_h"}),
    "guards.repeat_window_ms": (160, {"engine.rules.guards.repeat_window_ms"}),
    "guards.max_notional_per_order": (16.1, {"engine.rules.guards.max_notional_per_order"}),
    "guards.max_notional_per_day": (16.2, {"engine.rules.guards.max_notional_per_day"}),
    "guards.notional_asset": ("btc", {"engine.rules.guards.notional_asset"}),
    "guards.max_open_buys_per_owner": (163, {"engine.rules.guards.max_open_buys_per_owner"}),
    "guards.allowed_symbols": (["btcusdt"], {"engine.rules.guards.allowed_symbols"}),
    "guards.forbidden_symbols": (["ETHUSDT"], {"engine.rules.guards.forbidden_symbols"}),
    "guards.price_band_percent": (0.1, {"engine.rules.guards.price_band_percent"}),
    "queue.buy_priority": (6, {"engine.rules.defaults.buy_priority", "poller.rules.buy_priority"}),
    "queue.sell_priority": (2, {"engine.rules.defaults.sell_priority"}),
    "queue.buy_deadline_ms": (16_000, {"engine.rules.defaults.buy_deadline_ms"}),
    "queue.sell_deadline_ms": (17_000, {"engine.rules.defaults.sell_deadline_ms"}),
    "queue.manual_window_ms": (18_000, {"engine.rules.manual_window_ms"}),
    "queue.arm_ahead_ms": (190, {"engine.rules.arm_ahead_ms"}),
    "queue.max_queued": (20, {"engine.rules.max_queued"}),
    "queue.max_in_flight": (21, {"engine.rules.limits.max_in_flight"}),
    "queue.drain_s": (22.0, {"engine.drain_s"}),
    "retry.first_ms": (23, {"engine.rules.retry.first_ms"}),
    "retry.factor": (2.4, {"engine.rules.retry.factor"}),
    "retry.longest_ms": (2_500, {"engine.rules.retry.longest_ms"}),
    "retry.attempts": (26, {"engine.rules.retry.attempts"}),
    "reconcile.first_ms": (27, {"engine.rules.schedule.first_ms"}),
    "reconcile.factor": (2.8, {"engine.rules.schedule.factor"}),
    "reconcile.longest_ms": (29_000, {"engine.rules.schedule.longest_ms"}),
    "reconcile.grace_ms": (31_000, {"engine.rules.schedule.grace_ms"}),
    "reconcile.negatives": (32, {"engine.rules.schedule.negatives"}),
    "reconcile.lost_every_ms": (33_000, {"engine.rules.schedule.lost_every_ms"}),
    "reconcile.startup_s": (34.0, {"engine.startup_reconcile_s"}),
    **{
        f"alerts.{key}": (77, {f"alerts.{key}"})
        for key in (
            "window_s", "queue_depth", "lock_overdue_s", "lock_timeouts", "failed_percent", "failed_at_least",
            "rate_ban_s", "unreachable_s", "clock_offset_ms", "slow_commits", "reconcile_overdue_s",
            "poller_failing_s", "disk_free_mb",
        )
    },
    "alerts.webhook_timeout_ms": (4_300, {"webhooks.timeout_s"}),
    "alerts.webhook_attempts": (44, {"webhooks.attempts"}),
    "poller.enabled": (True, {"engine.rules.one_buy_per_target"}),
    "poller.user_id": ("u35", {"poller.rules.user_id"}),
    "poller.interval_ms": (3_600, {"poller.interval_ms"}),
    "poller.longest_interval_ms": (37_000, {"poller.longest_interval_ms"}),
    "poller.timeout_ms": (3_800, {"poller.timeout_ms"}),
    "poller.body_limit_kb": (39, {"poller.body_limit"}),
    "poller.min_confidence": (0.4, {"poller.rules.min_confidence"}),
    "poller.duplicate_window_ms": (41_000, {"poller.rules.duplicate_window_ms"}),
    "poller.report_attempts": (42, {"poller.report_attempts"}),
}  # fmt: skip
"""A value other than the default, and where it arrives."""

ARRIVES_AS = {
    "locks.scope": True,
    "poller.body_limit_kb": 39 * 1024,
    "alerts.webhook_timeout_ms": 4.3,
    "poller.min_confidence": "0.4",
    "guards.max_notional_per_order": "16.1",
    "guards.max_notional_per_day": "16.2",
    "guards.notional_asset": "BTC",
    "guards.allowed_symbols": ["BTCUSDT"],
    "guards.price_band_percent": "0.1",
}
"""What arrives in another form than it was written in."""

OF_THE_PROCESS = {
    "exchange.mode", "exchange.shadow", "exchange.base_url", "exchange.api_key_file", "exchange.api_secret_file",
    "exchange.paper_db", "exchange.paper_spends_all", "exchange.facts_file",
    "store.path",
    "sockets.signals", "sockets.status", "sockets.admin_uids", "sockets.body_limit_kb", "sockets.read_timeout_s",
    "http.listen", "http.token_file",
    "poller.base_url",
    "poller.token_file",
    "alerts.webhook_file",
    "log.level", "log.format",
}  # fmt: skip
"""What the process itself reads when it builds its parts."""


OF_THE_ADDRESS = "exchange.is_test"
OF_THE_FACTS = {"engine.rules.schedule.shows_ended", "engine.rules.refused_types", "exchange.duplicate_codes"}
"""What is found out about the exchange, and configured by nobody."""


def flat(value: object, name: str = "") -> dict[str, object]:
    """Return the leaves of nested settings, by their dotted names."""
    if not isinstance(value, dict):
        return {name: value}
    return {leaf: found for key, inner in value.items() for leaf, found in flat(inner, f"{name}.{key}").items()}


def arrived(config: Config) -> dict[str, object]:
    parts = {
        "engine": settings.engine(config),
        "exchange": settings.exchange(config),
        "poller": settings.poller(config),
        "alerts": settings.alerts(config),
        "webhooks": settings.webhooks(config),
    }
    leaves = flat({name: msgspec.to_builtins(part) for name, part in parts.items()})
    return {name.removeprefix("."): value for name, value in leaves.items()}


def test_every_key_is_listed_here() -> None:
    known = {f"{table}.{key}" for table, kind in tables().items() for key in kind.__struct_fields__}
    assert known == REACHES.keys() | OF_THE_PROCESS


def test_every_setting_comes_from_a_key() -> None:
    of_keys = set().union(*(places for _, places in REACHES.values()))
    assert set(arrived(Config())) == of_keys | OF_THE_FACTS | {OF_THE_ADDRESS}


@pytest.mark.parametrize(
    ("base_url", "is_test"), [("", False), ("https://api.example", False), ("http://[::1]:1", True)]
)
def test_a_server_on_this_machine_is_a_test_server(base_url: str, is_test: bool) -> None:
    assert arrived(parse({"exchange": {"mode": "live", "base_url": base_url}}))[OF_THE_ADDRESS] is is_test


@pytest.mark.parametrize(
    ("key", "value", "places"), [(key, value, places) for key, (value, places) in REACHES.items()], ids=list(REACHES)
)
def test_a_key_reaches_its_part_and_no_other(key: str, value: Any, places: set[str]) -> None:
    table, name = key.split(".")
    before, after = arrived(Config()), arrived(parse({table: {name: value}}))
    assert {place for place, found in after.items() if found != before[place]} == places
    assert [after[place] for place in places] == [ARRIVES_AS.get(key, value)] * len(places)
