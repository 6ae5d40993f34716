"""The endpoints: each with its weight, its authentication and the function that answers it."""

from collections.abc import Callable

import msgspec

from daemon.simulator import market_endpoints as markets
from daemon.simulator import order_endpoints as orders
from daemon.simulator import stream_endpoints as streams
from daemon.simulator import tape_endpoints as tape
from daemon.simulator.limits import Budget
from daemon.simulator.market_endpoints import Call
from daemon.simulator.messages import Parameters


class Endpoint(msgspec.Struct, frozen=True):
    """One method and path of the API."""

    method: str
    path: str
    answer: Callable[[Call], object]
    """Returns the content of the reply, or raises `Refusal`."""
    weight: int
    is_signed: bool = False
    budgets: tuple[Budget, ...] = ()
    orders_of: Callable[[Parameters], int] = lambda _: 1
    """Returns how many orders a request is about."""

    @property
    def name(self) -> str:
        """The endpoint's name in a fault: `POST /api/v3/order`."""
        return f"{self.method} {self.path}"


_TABLE = (
    Endpoint("GET", "/api/v3/ping", markets.ping, 1),
    Endpoint("GET", "/api/v3/time", markets.server_time, 1),
    Endpoint("GET", "/api/v3/defaultSymbols", markets.default_symbols, 1),
    Endpoint("GET", "/api/v3/symbol/offline", markets.offline_symbols, 10),
    Endpoint(
        "GET", "/api/v3/announcements", markets.announcements, 1, budgets=("announcements",)
    ),  # not in the document
    Endpoint("GET", "/api/v3/exchangeInfo", markets.exchange_info, 25),
    Endpoint("GET", "/api/v3/depth", markets.depth, 3),
    Endpoint("GET", "/api/v3/trades", tape.trades, 5),
    Endpoint("GET", "/api/v3/historicalTrades", tape.trades, 1),  # only in the edition of 2025
    Endpoint("GET", "/api/v3/aggTrades", tape.aggregate_trades, 1),
    Endpoint("GET", "/api/v3/klines", markets.klines, 1),
    Endpoint("GET", "/api/v3/avgPrice", tape.average_price, 1),
    Endpoint("GET", "/api/v3/ticker/24hr", markets.ticker_24h, 25),
    Endpoint("GET", "/api/v3/ticker/price", markets.ticker_price, 10),
    Endpoint("GET", "/api/v3/ticker/bookTicker", markets.ticker_book, 10),
    Endpoint("GET", "/api/v1/contract/detail", markets.contracts, 1),
    Endpoint("GET", "/api/operation/new_coin_calendar", markets.calendar, 1),
    Endpoint("POST", "/api/v3/order", orders.place, 1, is_signed=True, budgets=("orders",)),
    Endpoint("POST", "/api/v3/order/test", orders.place_test, 1, is_signed=True),
    Endpoint("POST", "/api/v3/batchOrders", orders.place_batch, 10, True, ("batches", "orders"), orders.batch_size),
    Endpoint("GET", "/api/v3/order", orders.query, 2, is_signed=True),
    Endpoint("DELETE", "/api/v3/order", orders.cancel, 1, is_signed=True, budgets=("orders",)),
    Endpoint("GET", "/api/v3/openOrders", orders.open_orders, 3, is_signed=True),
    Endpoint("DELETE", "/api/v3/openOrders", orders.cancel_all, 1, is_signed=True, budgets=("orders",)),
    Endpoint("DELETE", "/api/v3/order/all", orders.cancel_all_symbols, 1, is_signed=True, budgets=("orders",)),
    Endpoint("GET", "/api/v3/allOrders", orders.all_orders, 10, is_signed=True),
    Endpoint("GET", "/api/v3/myTrades", orders.my_trades, 10, is_signed=True),
    Endpoint("GET", "/api/v3/account", orders.account, 10, is_signed=True, budgets=("account",)),
    Endpoint("GET", "/api/v3/selfSymbols", markets.self_symbols, 1, is_signed=True),
    Endpoint("GET", "/api/v3/tradeFee", orders.trade_fee, 20, is_signed=True),
    Endpoint("POST", "/api/v3/userDataStream", streams.create, 1, is_signed=True),
    Endpoint("GET", "/api/v3/userDataStream", streams.listed, 1, is_signed=True),
    Endpoint("PUT", "/api/v3/userDataStream", streams.extend, 1, is_signed=True),
    Endpoint("DELETE", "/api/v3/userDataStream", streams.close, 1, is_signed=True),
    Endpoint("GET", "/api/v3/capital/config/getall", orders.currencies, 10, is_signed=True),
)

ENDPOINTS = {(endpoint.method, endpoint.path): endpoint for endpoint in _TABLE}
"""By method and path.

The weights are those of MEXC's documents at mexc.com/api-docs/spot-v3: "Market Data Endpoints" (April 2026; the edition
of August 2025 has lower ones, such as 10 for exchangeInfo and 1 for ticker/price), "Spot Account/Trade" (September
2025) and "Wallet Endpoints". For batchOrders the document says 1; ccxt counts 10, which is used here. For the listen
keys it gives none. The endpoints of the futures API and of the web site are not in it.
"""
