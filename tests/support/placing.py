"""Which orders a request places."""

import json
from urllib.parse import parse_qs


def placed_by(method: str, path: str, query: str) -> list[str]:
    """Return the client order ids of the orders that a request to the exchange places."""
    match method, path:
        case "POST", "/api/v3/order":
            return parse_qs(query)["newClientOrderId"]
        case "POST", "/api/v3/batchOrders":
            return [each["newClientOrderId"] for each in json.loads(parse_qs(query)["batchOrders"][0])]
    return []
