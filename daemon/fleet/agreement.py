"""What all members of a fleet must agree on, as hashes that say whether they do and nothing else."""

from hashlib import sha256

import msgspec

from daemon.config.credentials import Secret
from daemon.config.tables import Config

HEX_DIGITS = 16

_DECIDING = ("locks", "queue", "launch", "retry", "reconcile", "guards")
"""The tables that decide what becomes of an order."""

_OF_EXCHANGE = ("recv_window_ms", "order_rate_per_s")
"""What else does. Weights and requests are limits of an address, and members may have addresses of their own."""


def configuration_hash(config: Config) -> str:
    """Return a hash of what decides about orders: another owner must decide the same."""
    deciding = {name: getattr(config, name) for name in _DECIDING}
    exchange = {key: getattr(config.exchange, key) for key in _OF_EXCHANGE}
    agreed = [config.exchange.server, exchange, deciding, config.poller.enabled]
    text = msgspec.json.encode(agreed, order="deterministic")
    return sha256(text).hexdigest()[:HEX_DIGITS]


def account_hash(server: str, api_key: Secret) -> str:
    """Return a hash of the account: the exchange's address and the API key. The key cannot be found from it."""
    return sha256(f"{server}\n{api_key.reveal()}".encode()).hexdigest()
