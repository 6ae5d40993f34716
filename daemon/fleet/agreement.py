"""What all members of a fleet must agree on, as hashes that say whether they do and nothing else; and the account."""

from hashlib import sha256

import msgspec

from daemon.config.credentials import Secret
from daemon.config.tables import Config
from daemon.errors import BadConfig
from daemon.fleet.port import Backend, Role
from daemon.fleet.terms import Terms

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


def account_hash(api_key: Secret) -> str:
    """Return a hash of the API key, by which the account is recognised. The key cannot be found from it.

    The exchange's address is no part of it: members may reach the exchange by different relays or mirrors.
    """
    return sha256(api_key.reveal().encode()).hexdigest()


def other_account(ledger: str) -> str:
    """Say that this machine's key is not the one that a ledger knows."""
    return f"ledger {ledger} was made for another API key than this machine's"


IF_OTHER_ACCOUNT = (
    "if the account's key was replaced, run `sniperd fleet init --replace-key` here; if this machine's key is another "
    "account's, give it the key of the fleet's account, or set another [fleet] ledger"
)
"""What to do then."""


async def check_account(backend: Backend, terms: Terms) -> None:
    """Refuse a member that would trade for another account than the ledger's. A door signs nothing, and needs no key.

    Raises:
        BackendFailed: the database does not answer, or has no such ledger.
        BadConfig: the ledger was made for another API key.

    """
    if terms.role is Role.MEMBER and await backend.account() != terms.account:
        raise BadConfig(f"{other_account(terms.ledger)} ({backend.name}): {IF_OTHER_ACCOUNT}")
