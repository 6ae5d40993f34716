"""From the configuration's tables to what each part takes."""

from decimal import Decimal

from daemon.config.addresses import is_loopback
from daemon.config.probe_results import LAGS, UNSETTLED, Facts
from daemon.config.tables import Config, GuardsTable
from daemon.core.rules.guards import GuardRules
from daemon.core.rules.rate import Limits
from daemon.core.rules.reconciliation import Schedule
from daemon.core.rules.retries import RetryPolicy
from daemon.core.state.trading_state import Rules
from daemon.core.values.signals import Defaults
from daemon.engine.engine import Settings as EngineSettings
from daemon.engine.housekeeping import Intervals
from daemon.exchange.mexc.pacing import PaceLimits
from daemon.exchange.mexc.requests import Settings as ExchangeSettings
from daemon.monitoring.alert_rules import Thresholds
from daemon.monitoring.webhooks import WebhookSettings
from daemon.poller.settings import Settings as PollerSettings
from daemon.poller.targets import TargetRules


def rules(config: Config, facts: Facts = UNSETTLED) -> Rules:
    """Return what decisions are made by."""
    queue, retry, reconcile = config.queue, config.retry, config.reconcile
    return Rules(
        defaults=Defaults(
            buy_priority=queue.buy_priority,
            sell_priority=queue.sell_priority,
            buy_deadline_ms=queue.buy_deadline_ms,
            sell_deadline_ms=queue.sell_deadline_ms,
            timeout_ms=config.locks.timeout_ms,
        ),
        retry=RetryPolicy(
            first_ms=retry.first_ms, factor=retry.factor, longest_ms=retry.longest_ms, attempts=retry.attempts
        ),
        limits=Limits(order_rate_per_s=config.exchange.order_rate_per_s, max_in_flight=queue.max_in_flight),
        schedule=Schedule(
            first_ms=reconcile.first_ms,
            factor=reconcile.factor,
            longest_ms=reconcile.longest_ms,
            grace_ms=max(reconcile.grace_ms, (facts.lookup_lag_ms or 0) * LAGS),
            negatives=reconcile.negatives,
            lost_every_ms=reconcile.lost_every_ms,
            recv_window_ms=config.exchange.recv_window_ms,
            shows_ended=facts.ended_shown_by_id is not False,
        ),
        guards=guards(config.guards),
        max_queued=queue.max_queued,
        manual_window_ms=queue.manual_window_ms,
        arm_ahead_ms=queue.arm_ahead_ms,
        per_symbol=config.locks.scope == "symbol",
        one_buy_per_target=config.poller.enabled,
        refused_types=frozenset(facts.refused_types),
    )


def guards(table: GuardsTable) -> GuardRules:
    """Return what guards refuse by; a figure is exactly what stands in the file."""
    return GuardRules(
        repeat_window_ms=table.repeat_window_ms,
        max_notional_per_order=Decimal(str(table.max_notional_per_order)),
        max_notional_per_day=Decimal(str(table.max_notional_per_day)),
        notional_asset=table.notional_asset.upper(),
        max_open_buys_per_owner=table.max_open_buys_per_owner,
        allowed_symbols=frozenset(pair.upper() for pair in table.allowed_symbols),
        forbidden_symbols=frozenset(pair.upper() for pair in table.forbidden_symbols),
        price_band_percent=Decimal(str(table.price_band_percent)),
    )


def engine(config: Config, facts: Facts = UNSETTLED) -> EngineSettings:
    """Return what the engine runs by."""
    return EngineSettings(
        rules=rules(config, facts),
        intervals=Intervals(
            clock_check_s=config.exchange.clock_check_s,
            symbols_refresh_s=config.exchange.symbols_refresh_s,
            cleanup_s=config.locks.cleanup_interval_s,
            retention_h=config.locks.retention_h,
            retention_days=config.store.retention_days,
        ),
        startup_reconcile_s=config.reconcile.startup_s,
        drain_s=config.queue.drain_s,
    )


def poller(config: Config) -> PollerSettings:
    """Return how the bot's targets are read."""
    table = config.poller
    return PollerSettings(
        rules=TargetRules(
            user_id=table.user_id,
            min_confidence=Decimal(str(table.min_confidence)),
            buy_priority=config.queue.buy_priority,
            duplicate_window_ms=table.duplicate_window_ms,
        ),
        interval_ms=table.interval_ms,
        longest_interval_ms=table.longest_interval_ms,
        timeout_ms=table.timeout_ms,
        body_limit=table.body_limit_kb * 1024,
        report_attempts=table.report_attempts,
    )


def alerts(config: Config) -> Thresholds:
    """Return when a person is called."""
    table = config.alerts
    return Thresholds(**{name: getattr(table, name) for name in Thresholds.__struct_fields__})


def webhooks(config: Config) -> WebhookSettings:
    """Return how patient webhooks are."""
    return WebhookSettings(timeout_s=config.alerts.webhook_timeout_ms / 1_000, attempts=config.alerts.webhook_attempts)


def exchange(config: Config, facts: Facts = UNSETTLED) -> ExchangeSettings:
    """Return how to speak with the exchange."""
    return ExchangeSettings(
        recv_window_ms=config.exchange.recv_window_ms,
        timeout_ms=config.exchange.timeout_ms,
        pace=PaceLimits(
            weight_per_10s=config.exchange.weight_per_10s,
            requests_per_s=config.exchange.requests_per_s,
            orders_per_s=config.exchange.order_rate_per_s,
        ),
        duplicate_codes=frozenset(facts.duplicate_codes),
        is_test=is_loopback(config.exchange.base_url),
    )
