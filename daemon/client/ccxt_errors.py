"""The exceptions of the ccxt-shaped client: ccxt's own classes where ccxt is installed, else classes of the same names.

Source of names and hierarchy: ``ccxt/base/errors.py``. Source of the codes: ``exceptions`` in ``ccxt/mexc.py``, the
codes that can answer an order. The tests compare both with the installed ccxt.
"""

import importlib
from types import ModuleType

from daemon.client.errors import Halted, Invalid, KeyConflict, NotAllowed, Refused, Unknown


def _installed() -> ModuleType | None:
    try:
        return importlib.import_module("ccxt.base.errors")
    except ImportError:
        return None


_CCXT = _installed()


def _error(name: str, base: type[Exception]) -> type[Exception]:
    """Return ccxt's class of this name, or a new one if ccxt is not installed or does not have it."""
    found: type[Exception] | None = getattr(_CCXT, name, None)
    return found or type(name, (base,), {"__module__": __name__})


BaseError = _error("BaseError", Exception)
ExchangeError = _error("ExchangeError", BaseError)
AuthenticationError = _error("AuthenticationError", ExchangeError)
PermissionDenied = _error("PermissionDenied", AuthenticationError)
AccountSuspended = _error("AccountSuspended", AuthenticationError)
ArgumentsRequired = _error("ArgumentsRequired", ExchangeError)
BadRequest = _error("BadRequest", ExchangeError)
BadSymbol = _error("BadSymbol", BadRequest)
OperationRejected = _error("OperationRejected", ExchangeError)
InsufficientFunds = _error("InsufficientFunds", ExchangeError)
InvalidOrder = _error("InvalidOrder", ExchangeError)
OrderNotFound = _error("OrderNotFound", InvalidOrder)
DuplicateOrderId = _error("DuplicateOrderId", InvalidOrder)
NotSupported = _error("NotSupported", ExchangeError)
OperationFailed = _error("OperationFailed", BaseError)
NetworkError = _error("NetworkError", OperationFailed)
DDoSProtection = _error("DDoSProtection", NetworkError)
RateLimitExceeded = _error("RateLimitExceeded", NetworkError)
ExchangeNotAvailable = _error("ExchangeNotAvailable", NetworkError)
OnMaintenance = _error("OnMaintenance", ExchangeNotAvailable)
InvalidNonce = _error("InvalidNonce", NetworkError)
RequestTimeout = _error("RequestTimeout", NetworkError)

CODES: dict[str, type[Exception]] = {
    code: error
    for error, codes in (
        (AuthenticationError, "401 402 602 10001 30020 700001 700002 700007 700013 140002"),
        (PermissionDenied, "403 70011"),
        (AccountSuspended, "30018"),
        (BadRequest, "-1128 400 10015 10072 10073 10099 10222 10232 30019 30021 33333 44444 700004 700006 700008"),
        (BadRequest, "730001 730002 140001"),
        (BadSymbol, "-1121 10007"),
        (InsufficientFunds, "10101 30004"),
        (InvalidOrder, "10095 10096 10097 10098 10102 30001 30002 30003 30005 30010 30014 30016 30025 30027 30028"),
        (InvalidOrder, "30029 30032 30041 30087 88013"),
        (ExchangeError, "26 20001 30000 60005 730003 730100"),
        (RateLimitExceeded, "429"),
        (OnMaintenance, "11444"),
        (InvalidNonce, "700003 700005"),
    )
    for code in codes.split()
}
"""MEXC's codes that refuse an order. A code that is not listed is an ``ExchangeError``, as it is with ccxt."""

OVERSOLD = "30005"
"""ccxt reads ``Oversold`` in the message first, which makes this code ``InsufficientFunds``."""

_BY_REFUSAL: dict[type[Refused], type[Exception]] = {
    Halted: OnMaintenance,
    KeyConflict: DuplicateOrderId,
    NotAllowed: PermissionDenied,
    Unknown: OrderNotFound,
}
_BY_CODE = {"full": RateLimitExceeded, "guarded": OperationRejected}
_BY_FIELD = {
    "symbol": BadSymbol,
    "idempotencyKey": BadRequest,
    "executeAt": ExchangeNotAvailable,  # the deadline passed before the daemon could be reached
}


def of_refusal(refused: Refused) -> Exception:
    """Return ccxt's exception for a refusal by the daemon: nothing was placed."""
    if isinstance(refused, Invalid):
        error = _BY_FIELD.get(refused.field or "", InvalidOrder)
    else:
        error = _BY_REFUSAL.get(type(refused)) or _BY_CODE.get(refused.code, ExchangeError)
    return error(f"sniperd {refused}")


def of_code(code: str | None, reason: str, *, expired: bool) -> Exception:
    """Return ccxt's exception for an order that was certainly not placed.

    Args:
        code: MEXC's code in the answer to the last attempt; ``None`` if there was no such answer.
        reason: why, in the daemon's words.
        expired: whether its deadline passed.

    """
    if code is None:
        error = ExchangeNotAvailable if expired else InvalidOrder
    elif code == OVERSOLD and "oversold" in reason.lower():
        error = InsufficientFunds
    else:
        error = CODES.get(code, ExchangeError)
    return error(f"sniperd {reason}")
