"""Errors in the bot's shape, which all routes of the bot share."""

from typing import Any

from daemon.core.values.orders import Order
from daemon.errors import Refusal

PREFIX = "/api/"
"""Routes under this prefix answer every error in the bot's shape, the daemon's own errors included."""


class BotRefusal(Refusal):
    """The request is wrong in a way for which the bot has its own error string."""

    code = "invalid"

    def __init__(self, error: str, detail: str | None = None) -> None:
        super().__init__(error)
        self.detail = detail


def refused(code: str, error: str, detail: str | None = None) -> dict[str, Any]:
    """Return a refusal; ``code`` is the daemon's own error code."""
    shown = {"success": False, "error": error, "code": code}
    return shown if detail is None else shown | {"message": detail}


def failure(error: str, message: str, order: Order) -> dict[str, Any]:
    """Return why an order has not succeeded."""
    return {"success": False, "error": error, "message": message, "lockId": order.lock_id, "orderId": order.order_id}
