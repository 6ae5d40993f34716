"""Live through a day with a real daemon on a real exchange, and write down what its database holds."""

import sqlite3
from contextlib import closing

from daemon.store.schema import MIGRATIONS
from tests.store.released import DIRECTORY
from tests.support.signals import market_buy, resting_buy
from tests.support.stage import Stage, stage
from tests.support.waiting import wall_ms

HOUR_MS = 3_600_000
BLIND = [{"kind": "error_before", "endpoint": f"GET /api/v3/{place}"} for place in ("order", "openOrders", "allOrders")]


def _live(place: Stage) -> None:
    """Leave orders in as many states as there are, locks, a lease, somebody in line, and a halt."""
    exchange = place.exchange()
    daemon = place.daemon(exchange)
    daemon.start(with_rules=True)
    daemon.until(daemon.accept(market_buy()), "filled")
    daemon.until(daemon.accept(resting_buy()), "open")
    for code, state in ((30004, "rejected"), (30002, "dead_letter")):
        exchange.lay({"kind": "refused", "code": code, "count": 1})
        daemon.until(daemon.accept(market_buy()), state)
    exchange.lay("request_lost")
    daemon.until(daemon.accept(market_buy()), "lost")
    daemon.accept(market_buy(executeAt=wall_ms() + HOUR_MS))
    daemon.ask("DELETE", f"/v1/orders/{daemon.accept(market_buy(executeAt=wall_ms() + HOUR_MS))}")
    lease = {"resourceId": "wallet:42", "ownerId": "bot", "timeoutMs": HOUR_MS}
    daemon.ask("POST", "/v1/locks", lease)
    exchange.lay("request_lost", *BLIND)
    daemon.until(daemon.accept(market_buy()), "in_doubt")
    daemon.ask("POST", "/v1/admin/halt", {"reason": "the end of the day"})
    daemon.kill()
    with closing(sqlite3.connect(daemon.database)) as connection:
        lines = "\n".join(connection.iterdump())
        application = connection.execute("PRAGMA application_id").fetchone()[0]
    pragmas = f"PRAGMA application_id = {application};\nPRAGMA user_version = {len(MIGRATIONS)};\n"
    (DIRECTORY / f"schema-{len(MIGRATIONS)}.sql").write_text(f"{lines}\n{pragmas}", encoding="utf-8")


if __name__ == "__main__":
    with stage() as somewhere:
        _live(somewhere)
