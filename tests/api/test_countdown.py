"""The countdown of a waiting order, and the alert that says what it lacks."""

from typing import Any

from tests.process.cli.command import Command
from tests.support import Daemon, Exchange, eventually, wall_ms
from tests.support.signals import resting_buy

MINUTES_MS = 240_000
"""The alert fires in the last five minutes before an instant."""


def snipe(symbol: str, at_ms: int, **changes: object) -> dict[str, Any]:
    return resting_buy(symbol=symbol, quantity="400", price="0.05", executeAt=at_ms, **changes)


def countdown(daemon: Daemon, order_id: str) -> dict[str, Any]:
    found: dict[str, Any] = daemon.explain(order_id)["countdown"]
    return found


def test_a_waiting_order_counts_down_on_the_board_and_in_its_explanation(daemon: Daemon, exchange: Exchange) -> None:
    at_ms = wall_ms() + MINUTES_MS
    exchange.list_symbol("COUNTUSDT", at_ms, cap="0.05")
    order_id = daemon.accept(snipe("COUNTUSDT", at_ms))

    def is_known() -> dict[str, Any] | None:
        found = countdown(daemon, order_id)
        return found if found["funded"] is not None and found["shown"] else None

    found = eventually(is_known, "what is known of the pair and the account")
    assert (found["atMs"], found["firstOpenMs"], found["tradable"]) == (at_ms, at_ms, False)
    assert (found["funded"], found["permitted"], found["lacks"]) == (True, True, [])
    assert abs(found["exchangeNowMs"] - wall_ms()) < 5_000
    [standing] = [each for each in daemon.get("/v1/board")["orders"] if each["id"] == order_id]
    assert standing["countdown"]["firstOpenMs"] == at_ms
    daemon.ask("DELETE", f"/v1/orders/{order_id}")
    assert daemon.explain(order_id)["countdown"] is None


def test_the_account_is_looked_at_again_soon_for_a_pair_that_comes_later(daemon: Daemon, exchange: Exchange) -> None:
    at_ms, accepted = wall_ms() + MINUTES_MS, []
    for symbol in ("SOONUSDT", "LATERUSDT"):  # the account was looked at just before the second comes
        exchange.list_symbol(symbol, at_ms, cap="0.05")
        accepted.append(daemon.accept(snipe(symbol, at_ms)))
        eventually(lambda: countdown(daemon, accepted[-1])["permitted"], f"{symbol} is permitted")
    for order_id in accepted:
        daemon.ask("DELETE", f"/v1/orders/{order_id}")


def _named(daemon: Daemon, count: int) -> list[str] | None:
    """Return the orders that the alert names, if there are so many."""
    alerts = {alert["name"]: alert for alert in daemon.get("/v1/alerts")["alerts"]}
    found: list[str] = alerts["armed_not_ready"]["orders"]
    return found if len(found) == count else None


def test_an_order_that_lacks_something_minutes_before_its_instant_alerts_and_names_it(
    daemon: Daemon, exchange: Exchange
) -> None:
    at_ms, mark = wall_ms() + MINUTES_MS, daemon.process.mark()
    exchange.list_symbol("POORUSDT", at_ms, cap="0.05")
    poor = daemon.accept(snipe("POORUSDT", at_ms) | {"quantity": "30000000"})
    unlisted = daemon.accept(snipe("NOWHEREUSDT", at_ms + 1))
    alert = daemon.wait_for("alert.firing", since=mark, alert="armed_not_ready")
    lacking = "funds, listing"
    if lacking not in alert["summary"]:
        eventually(lambda: lacking in str(daemon.get("/v1/alerts")), "both are named")
    assert alert["severity"] == "critical"
    assert alert["orders"].split(": ")[0] in {poor, unlisted}
    named = eventually(lambda: _named(daemon, 2), "both orders are named")
    assert named == [f"{poor}: funds", f"{unlisted}: listing"]
    command = Command(daemon.environ | {"SNIPERD_CONFIG": str(daemon.config_path)}, daemon.directory)
    assert named[0] in command("alerts").output
    assert countdown(daemon, poor)["lacks"] == ["funds"]
    assert countdown(daemon, unlisted)["lacks"] == ["listing"]
    metrics = daemon.ask("GET", "/metrics").raw.decode()
    assert 'sniperd_orders_not_ready{lacking="funds"} 1.0' in metrics
    for order_id in (poor, unlisted):
        daemon.ask("DELETE", f"/v1/orders/{order_id}")


def test_a_pair_that_vanishes_alerts_and_its_order_stays(daemon: Daemon, exchange: Exchange) -> None:
    at_ms, mark = wall_ms() + 3_600_000, daemon.process.mark()
    exchange.list_symbol("GONEUSDT", at_ms, cap="0.05")
    order_id = daemon.accept(snipe("GONEUSDT", at_ms))
    daemon.wait_for("listing.changed", since=mark, symbol="GONEUSDT", shown=True)
    exchange.change_listing("GONEUSDT", shownFrom=at_ms + 3_600_000)
    hurry = daemon.accept(snipe("HURRYUSDT", wall_ms() + 9_000))  # the exchange is asked more often
    daemon.wait_for("listing.changed", since=mark, symbol="GONEUSDT", shown=False)
    daemon.wait_for("alert.firing", since=mark, alert="listing_gone")
    assert (daemon.order(order_id)["state"], daemon.order(order_id)["executeAtMs"]) == ("queued", at_ms)
    for each in (order_id, hurry):
        daemon.ask("DELETE", f"/v1/orders/{each}")
