"""What the exchange refuses, and how it says so: one table of codes, one exception.

The envelope is `{"code": int, "msg": str}`; the negative codes, inherited from Binance's API, come with
`"_extend": null` (observed). Codes and messages are those of MEXC's error table (documented), some messages as
they were seen on the wire (observed). The HTTP status of a refusal is 400 where it was seen; where it was not,
400 is taken too, since MEXC documents 4XX for a fault on the sender's side.

Also here: the errors that keep the server from starting, each with its sysexits number. Not here: answers that
only a fault produces (see `faults`).
"""

from enum import Enum
from typing import ClassVar, Self


class Code(Enum):
    """A refusal's code, with its message and its HTTP status. `{}` in a message is filled by the rule."""

    message: str
    status: int

    def __new__(cls, code: int, message: str = "", status: int = 400) -> Self:
        """Make the member's value the code alone, so that `Code(30001)` finds it."""
        member = object.__new__(cls)
        member._value_ = code
        member.message = message
        member.status = status
        return member

    # Orders and parameters in the Binance style.
    ORDER_DOES_NOT_EXIST = -2013, "Order does not exist."
    UNKNOWN_ORDER = -2011, "Unknown order sent."
    DUPLICATE_ORDER = -2010, "Duplicate order sent."
    PARAMETERS_DO_NOT_COMBINE = -1128, "Combination of optional parameters invalid."
    INVALID_SYMBOL = -1121, "Invalid symbol."

    # The gateway: key, signature, time, limits.
    OPERATION_NOT_ALLOWED = 26, "operation not allowed"
    BAD_REQUEST = 400, "api key required"  # the one code with two meanings: see `order_rules`
    NO_AUTHORITY = 401, "No authority", 401
    ACCESS_DENIED = 403, "Access Denied", 403
    NOT_FOUND = 404, "Not Found", 404
    TOO_MANY_REQUESTS = 429, "Too Many Requests", 429
    SIGNATURE_VERIFICATION_FAILED = 602, "Signature verification failed"
    INVALID_ACCESS_KEY = 10072, "invalid access key"
    INVALID_REQUEST_TIME = 10073, "invalid Request-Time"
    API_KEY_FORMAT_INVALID = 700001, "API-key format invalid."
    SIGNATURE_NOT_VALID = 700002, "Signature for this request is not valid."
    OUTSIDE_RECV_WINDOW = 700003, "Timestamp for this request is outside of the recvWindow."
    PARAMETER_MISSING = 700004, "Mandatory parameter '{}' was not sent, was empty/null, or malformed."
    RECV_WINDOW_TOO_LARGE = 700005, "recvWindow must less than 60000"
    IP_NOT_LISTED = 700006, "IP non white list"
    ENDPOINT_NOT_PERMITTED = 700007, "No permission to access the endpoint."
    ILLEGAL_CHARACTERS = 700008, "Illegal characters found in parameter '{}'; legal range is '{}'."
    INVALID_CONTENT_TYPE = 700013, "Invalid content Type."
    PAIR_NOT_FOUND = 730001, "Pair not found"
    INPUT_INVALID = 730002, "Your input param is invalid"

    # The gateway's own troubles: whether the request was carried out stays unknown.
    INTERNAL_ERROR = 500, "Internal error", 500
    SERVICE_NOT_AVAILABLE = 503, "service not available, please try again", 503
    GATEWAY_TIMEOUT = 504, "Gateway Time-out", 504
    SUBSYSTEM_ERROR = 20002, "Internal system error please contact support", 500
    TRANSFER_UNKNOWN = 10203, "operation processing, please check later", 500

    # The account and the symbol.
    USER_DOES_NOT_EXIST = 10001, "user does not exist"
    SYMBOL_NOT_SUPPORTED = 10007, "symbol not support api"
    RISK_CONTROL = 10098, "risk control system detected abnormal"
    ACCOUNT_ABNORMAL = 60005, "your account is abnormal"
    SYMBOL_SUSPENDED = 30000, "suspended transaction for the symbol"
    DIRECTION_NOT_ALLOWED = 30001, "The current transaction direction is not allowed to place an order"
    BELOW_MINIMUM = 30002, "The minimum transaction volume cannot be less than:{}"
    ABOVE_MAXIMUM = 30003, "The maximum transaction volume cannot be greater than:{}"
    INSUFFICIENT_POSITION = 30004, "Insufficient position"
    OVERSOLD = 30005, "Oversold"
    PRICE_OUT_OF_RANGE = 30010, "Order price cannot exceed {}"
    SYMBOL_INVALID = 30014, "invalid symbol"
    TRADING_DISABLED = 30016, "trading disabled"
    MARKET_ORDER_DISABLED = 30018, "market order is disabled"
    API_MARKET_ORDER_DISABLED = 30019, "api market order is disabled"
    SYMBOL_NOT_PERMITTED = 30020, "no permission for the symbol"
    SYMBOL_UNKNOWN = 30021, "invalid symbol"
    BUYING_SUSPENDED = 30027, "The currency has reached the maximum position limit, the buying is suspended"
    SELLING_SUSPENDED = 30028, "The currency triggered the platform risk control, the selling is suspended"
    TOO_MANY_OPEN_ORDERS = 30029, "Cannot exceed the maximum order limit"
    POSITION_LIMIT = 30032, "Cannot exceed the maximum position"
    ORDER_TYPE_NOT_ALLOWED = 30041, "current order type can not place order"
    API_MARKET_ORDER_CLOSED = 30051, "api market order is disabled"
    PRICE_OUTSIDE_BAND = 30087, "Order price exceeds allowed range"
    PAIR_BANNED_FOR_KEY = 70011, "Pair user ban trade apikey."
    MINIMUM_NOT_REACHED = 88013, "The minimum transaction volume cannot be less than:{}"

    # Amounts and parameters in MEXC's own style.
    AMOUNT_MISSING = 10095, "amount cannot be null"
    AMOUNT_DECIMALS = 10096, "amount decimal places is too long"
    AMOUNT_ERROR = 10097, "amount is error"
    INSUFFICIENT_BALANCE = 10101, "Insufficient balance"
    AMOUNT_NOT_POSITIVE = 10102, "amount cannot be zero or negative"
    PARAMETER_ERROR = 33333, "param is error"
    PARAMETER_NULL = 44444, "param cannot be null"


class Refusal(Exception):
    """The exchange did not do what was asked, and says why."""

    def __init__(self, code: Code, *details: str, message: str = "", retry_after_s: int = 0) -> None:
        super().__init__(code, details)
        self.code = code
        self.message = message or code.message.format(*(details or ("",) * code.message.count("{}")))
        self.status = code.status
        self.retry_after_s = retry_after_s

    def envelope(self) -> dict[str, object]:
        """Return the JSON object that answers the request."""
        body: dict[str, object] = {"msg": self.message, "code": self.code.value}
        return body | {"_extend": None} if self.code.value < 0 else body


class CannotStart(Exception):
    """The server cannot start; `exit_status` is the number of sysexits.h that says why."""

    exit_status: ClassVar[int]


class ConfigurationInvalid(CannotStart):
    """An option, or the file of faults, cannot be understood (EX_CONFIG)."""

    exit_status = 78


class BookInUse(CannotStart):
    """Another server holds the book (EX_TEMPFAIL: it may end)."""

    exit_status = 75


class BookUnreadable(CannotStart):
    """The file is no book, is damaged, or was written by a newer version (EX_DATAERR)."""

    exit_status = 65


class BookCannotBeCreated(CannotStart):
    """The file cannot be opened for writing (EX_CANTCREAT)."""

    exit_status = 73


class AddressUnavailable(CannotStart):
    """The address to listen on is taken, or isn't this machine's (EX_UNAVAILABLE)."""

    exit_status = 69
