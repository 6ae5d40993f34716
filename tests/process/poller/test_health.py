"""The poller's health is shown and alerted; the bot's token is sent, and shown nowhere else."""

from pathlib import Path
from typing import Any

import pytest

from tests.monitoring.prometheus import scrape, value
from tests.process.poller.bot import Bot, running
from tests.process.poller.conftest import polling
from tests.support import Daemon, Exchange, eventually, wall_ms
from tests.support.command import sniperd
from tests.support.daemon_process import merged
from tests.support.stage import Stage

TOKEN = "b0t-t0ken-that-nobody-else-sees"


def poller(daemon: Daemon) -> dict[str, Any]:
    found: dict[str, Any] = daemon.get("/v1/status")["poller"]
    return found


def status(daemon: Daemon) -> str:
    ran = sniperd("status", "--config", str(daemon.config_path), environ=daemon.environ, directory=daemon.directory)
    assert ran.code == 0, ran.errors
    return ran.output


def with_token(daemon: Daemon, way: str, text: str = TOKEN, mode: int = 0o600) -> Path:
    """Give a daemon a token, in a file that the configuration names or as the service manager's credential."""
    file = daemon.directory / "bot_token"
    file.write_text(text)
    file.chmod(mode)
    if way == "credential":
        daemon.environ["CREDENTIALS_DIRECTORY"] = str(daemon.directory)
    else:
        daemon.configure({"poller": {"token_file": str(file)}})
    return file


# Health


def test_what_the_bot_shows_is_in_status_and_metrics(daemon: Daemon, bot: Bot) -> None:
    bot.add(1)
    daemon.start(with_rules=True)
    bot.wait_for_report("1")
    found = eventually(lambda: each if (each := poller(daemon))["answeredMs"] else None, "an answer of the bot")
    assert (found["url"], found["reachable"], found["failingMs"], found["untold"], found["error"]) == (
        bot.url, True, 0, 0, None,
    )  # fmt: skip
    text = scrape(daemon)
    assert (value(text, "sniperd_poller_enabled"), value(text, "sniperd_poller_failing_seconds")) == (1, 0)
    assert f"{bot.url}  " in status(daemon)
    assert "0 reports not accepted" in status(daemon)


def test_without_polling_there_is_nothing_to_show(own_stage: Stage, exchange: Exchange) -> None:
    daemon = own_stage.daemon(exchange)
    daemon.start()
    daemon.wait_for("daemon.ready")
    assert poller(daemon) is None
    text = scrape(daemon)
    assert (value(text, "sniperd_poller_enabled"), value(text, "sniperd_poller_failing_seconds")) == (0, 0)
    assert "poller" not in status(daemon)


def test_a_bot_that_does_not_answer_alerts_the_operator_until_it_does(
    own_stage: Stage, exchange: Exchange, bot: Bot
) -> None:
    daemon = own_stage.daemon(exchange, merged(polling(bot), {"alerts": {"poller_failing_s": 0.2}}))
    bot.answer = (503, b"busy")
    daemon.start(with_rules=True)
    firing = daemon.wait_for("alert.firing", alert="poller_failing")
    assert firing["severity"] == "critical"
    found = poller(daemon)
    assert (found["reachable"], found["answeredMs"]) == (False, None)
    assert found["failingMs"] > 200
    assert "HTTP 503" in found["error"]
    assert value(scrape(daemon), "sniperd_poller_failing_seconds") > 0.2
    assert "failing for" in status(daemon)
    assert "HTTP 503" in status(daemon)
    bot.answer = None
    eventually(lambda: poller(daemon)["failingMs"] == 0, "the bot's answer")
    assert poller(daemon)["error"] is None


def test_a_bot_that_accepts_no_report_alerts_the_operator_too(own_stage: Stage, exchange: Exchange, bot: Bot) -> None:
    daemon = own_stage.daemon(exchange, merged(polling(bot), {"alerts": {"poller_failing_s": 0.2}}))
    bot.patch_status = 500
    target = bot.add(1)
    daemon.start(with_rules=True)
    daemon.wait_for("alert.firing", alert="poller_failing")
    found = poller(daemon)
    assert (found["reachable"], found["untold"]) == (True, 1)
    assert found["error"].startswith("the bot did not accept a report: HTTP 500")
    bot.patch_status = 200
    bot.wait_for_report(target, status="completed")
    eventually(lambda: (poller(daemon)["failingMs"], poller(daemon)["untold"]) == (0, 0), "the report to be taken")


def test_a_report_that_the_bot_refuses_is_no_failure_of_the_bot(own_stage: Stage, exchange: Exchange, bot: Bot) -> None:
    daemon = own_stage.daemon(exchange, polling(bot, report_attempts=2))
    bot.patch_status = 404
    target = bot.add(1)
    daemon.start(with_rules=True)
    daemon.wait_for("poller.report_dropped", target_id=target)
    assert (poller(daemon)["failingMs"], poller(daemon)["untold"]) == (0, 0)


# Reports of fills


def test_an_unknown_price_is_omitted_and_reported_when_it_is_known(
    daemon: Daemon, exchange: Exchange, bot: Bot
) -> None:
    exchange.inject({"kind": "no_sum"}, {"kind": "no_sum", "endpoint": "GET /api/v3/myTrades"})
    target = bot.add(1)
    daemon.start(with_rules=True)
    reported = bot.wait_for_report(target, status="completed")
    assert reported["actualPositionSize"] > 0
    assert "executionPrice" not in reported
    exchange.inject()
    reported = bot.wait_for_report(target, count=2, status="completed")
    assert reported["executionPrice"] > 0


def test_a_market_order_that_the_exchange_cancels_at_once_is_reported_as_cancelled(
    daemon: Daemon, exchange: Exchange, bot: Bot
) -> None:
    exchange.list_symbol("SOONUSDT", wall_ms())
    target = bot.add(1, symbolName="SOON")
    daemon.start(with_rules=True)
    reported = bot.wait_for_report(target)
    assert (reported["status"], reported["executionStatus"]) in {("cancelled", "failed"), ("failed", "failed")}
    assert "actualPositionSize" not in reported


# The token


@pytest.mark.parametrize("way", ["file", "credential"])
def test_a_token_is_sent_with_every_request(daemon: Daemon, bot: Bot, way: str) -> None:
    bot.token = TOKEN
    with_token(daemon, way)
    target = bot.add(1)
    daemon.start(with_rules=True)
    bot.wait_for_report(target, status="completed")
    assert bot.authorizations == {f"Bearer {TOKEN}"}


def test_without_one_none_is_sent(daemon: Daemon, bot: Bot) -> None:
    daemon.start()
    bot.wait_for_polls()
    assert bot.authorizations == {None}


def test_a_token_that_the_bot_echoes_is_not_shown(daemon: Daemon, bot: Bot) -> None:
    bot.token = "another one"
    with_token(daemon, "file")
    daemon.start(with_rules=True)
    assert "***" in daemon.wait_for("poller.unreachable")["error"]
    seen = [daemon.ask("GET", target).raw for target in ("/v1/status", "/v1/alerts", "/metrics", "/v1/board")]
    lines = "\n".join(daemon.process.output.so_far() + daemon.process.errors.so_far()).encode()
    assert not any(TOKEN.encode() in text for text in [*seen, lines, status(daemon).encode()])
    files = [path for path in daemon.directory.iterdir() if path.is_file() and path.name != "bot_token"]
    assert [path.name for path in files if TOKEN.encode() in path.read_bytes()] == []


@pytest.mark.parametrize(
    ("text", "mode", "why"),
    [
        ("short", 0o600, "does not hold a token"),
        (TOKEN, 0o644, "can be read by others"),
        ("two words", 0o600, "not one word"),
    ],
    ids=["too short", "seen by others", "not one word"],
)
def test_a_token_that_cannot_be_used_ends_the_start(daemon: Daemon, text: str, mode: int, why: str) -> None:
    with_token(daemon, "file", text, mode)
    daemon.launch()
    assert daemon.process.exit_code() == 77
    assert why in "\n".join(daemon.process.errors.all())


def test_a_bot_that_comes_back_gets_the_token_again(own_stage: Stage, exchange: Exchange) -> None:
    bot = Bot(token=TOKEN)
    with running(bot):
        daemon = own_stage.daemon(exchange, polling(bot))
        with_token(daemon, "file")
        daemon.start()
        bot.wait_for_polls()
    daemon.wait_for("poller.unreachable")
    with running(bot):
        bot.wait_for_polls()
    assert bot.authorizations == {f"Bearer {TOKEN}"}
