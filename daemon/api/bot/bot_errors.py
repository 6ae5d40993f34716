"""What the bot's routes have in common: failures in the bot's shape."""

from typing import Any

from daemon.core.values.orders import Order
from daemon.errors import Refusal

PREFIX = "/api/"
"""Paths under it answer every error, our own included, in the bot's shape."""


class BotRefusal(Refusal):
    """The request is wrong in a way that the bot has a string of its own for."""

    code = "invalid"

    def __init__(self, error: str, detail: str | None = None) -> None:
        super().__init__(error)
        self.detail = detail


def refused(code: str, error: str, detail: str | None = None) -> dict[str, Any]:
    """Say why a request was refused; ``code`` is the daemon's own word for it."""
    shown = {"success": False, "error": error, "code": code}
    return shown if detail is None else shown | {"message": detail}


def failure(error: str, message: str, order: Order) -> dict[str, Any]:
    """Say why an order is no success yet, or never."""
    return {"success": False, "error": error, "message": message, "lockId": order.lock_id, "orderId": order.order_id}
