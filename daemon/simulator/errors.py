"""Refusals: the table of MEXC's codes, and the exception.

The envelope is `{"code": int, "msg": str}`; the negative codes, inherited from Binance's API, come with
`"_extend": null` (observed). Codes and messages are those of MEXC's error table (documented); some messages are as
received (observed). The HTTP status of a refusal is 400 where it was observed. It is 400 elsewhere too, since MEXC
documents 4XX for an error of the client.

Also here: the errors that keep the server from starting, each with its sysexits number. The replies that only a fault
produces are in `faults`.
"""

from enum import Enum
from typing import ClassVar, Self


class Code(Enum):
    """A refusal's code, with its message and its HTTP status. `{}` in a message is filled by the rule."""

    message: str
    status: int

    def __new__(cls, code: int, message: str = "", status: int = 400) -> Self:
        """Use the code alone as the member's value, so that `Code(30001)` finds it."""
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
    API_KEY_EXPIRED = 402, "API Key expired", 401
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
    REQUEST_FAILED = 730000, "Request failed, please contact the customer service"
    PAIR_NOT_FOUND = 730001, "Pair not found"
    INPUT_INVALID = 730002, "Your input param is invalid"
    OPERATION_UNSUPPORTED = 730003, "Unsupported operation, please contact the customer service"

    # Errors of the gateway: the outcome of the request is unknown.
    INTERNAL_ERROR = 500, "Internal error", 500
    SERVICE_NOT_AVAILABLE = 503, "service not available, please try again", 503
    GATEWAY_TIMEOUT = 504, "Gateway Time-out", 504
    SUBSYSTEM_ERROR = 20002, "Internal system error please contact support", 500
    TRANSFER_UNKNOWN = 10203, "operation processing, please check later", 500

    # The account and the symbol.
    USER_DOES_NOT_EXIST = 10001, "user does not exist"
    SYMBOL_NOT_SUPPORTED = 10007, "symbol not support api"
    USER_REFUSED = 10004, "refused"  # observed, without a published meaning, like 30069, 200006 and 200010
    USER_ID_NULL = 10015, "user id cannot be null"
    RISK_CONTROL = 10098, "risk control system detected abnormal"
    SUB_ACCOUNT_NOT_OPEN = 10099, "user sub account does not open"
    FEATURE_UNAVAILABLE = 11444, "This feature is temporarily unavailable"
    SUBSYSTEM_UNSUPPORTED = 20001, "subsystem is not supported"
    RECORD_DOES_NOT_EXIST = 22222, "record does not exist"
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
    NO_OPPONENT_ORDER = 30025, "no exist opponent order"
    ORDER_IDS_INVALID = 30026, "invalid order ids"
    BUYING_SUSPENDED = 30027, "The currency has reached the maximum position limit, the buying is suspended"
    SELLING_SUSPENDED = 30028, "The currency triggered the platform risk control, the selling is suspended"
    TOO_MANY_OPEN_ORDERS = 30029, "Cannot exceed the maximum order limit"
    POSITION_LIMIT = 30032, "Cannot exceed the maximum position"
    ORDER_TYPE_NOT_ALLOWED = 30041, "current order type can not place order"
    API_MARKET_ORDER_CLOSED = 30051, "api market order is disabled"
    ORDER_REFUSED = 30069, "refused"
    PRICE_OUTSIDE_BAND = 30087, "Order price exceeds allowed range"
    PAIR_BANNED_FOR_KEY = 70011, "Pair user ban trade apikey."
    SUB_ACCOUNT_UNKNOWN = 140001, "sub account does not exist"
    SUB_ACCOUNT_FORBIDDEN = 140002, "sub account is forbidden"
    ACCOUNT_REFUSED = 200006, "refused"
    ACCOUNT_REFUSED_TOO = 200010, "refused"
    USER_STATUS_UNUSUAL = 730100, "Unusual user status"
    MINIMUM_NOT_REACHED = 88013, "The minimum transaction volume cannot be less than:{}"

    # Amounts and parameters in MEXC's own style.
    AMOUNT_MISSING = 10095, "amount cannot be null"
    AMOUNT_DECIMALS = 10096, "amount decimal places is too long"
    AMOUNT_ERROR = 10097, "amount is error"
    INSUFFICIENT_BALANCE = 10101, "Insufficient balance"
    AMOUNT_NOT_POSITIVE = 10102, "amount cannot be zero or negative"
    PARAMETER_ERROR = 33333, "param is error"
    CURRENCY_NULL = 10222, "currency cannot be null"
    CURRENCY_UNKNOWN = 10232, "currency does not exist"
    PARAMETER_NULL = 44444, "param cannot be null"

    # In the published table, but never an answer to an order: transfers, withdrawals, sub-accounts, keys.
    CURRENCY_NOT_TRANSFERABLE = 10100, "this currency transfer is not supported"
    ACCOUNT_NOT_TRANSFERABLE = 10103, "this account transfer is not supported"
    TRANSFER_PROCESSING = 10200, "transfer operation processing"
    TRANSFER_IN_FAILED = 10201, "transfer in failed"
    TRANSFER_OUT_FAILED = 10202, "transfer out failed"
    TRANSFER_DISABLED = 10206, "transfer is disabled"
    TRANSFER_FORBIDDEN = 10211, "transfer is forbidden"
    WITHDRAWAL_ADDRESS_INVALID = 10212, "the withdrawal address is not listed, or invalid"
    NO_ADDRESS = 10216, "no address available. Please try again later"
    ASSET_FLOW_FAILED = 10219, "asset flow writing failed please try again"
    ACCOUNT_NOT_CONFIGURED = 10259, "intermediate account is not configured"
    WITHDRAWAL_UNAVAILABLE = 10265, "due to risk control, withdrawal is unavailable"
    REMARK_TOO_LONG = 10268, "remark length is too long"
    USER_NAME_EXISTS = 730101, "the user name already exists"
    SUB_ACCOUNT_NAME_NULL = 730600, "sub-account name cannot be null"
    SUB_ACCOUNT_NAME_INVALID = 730601, "sub-account name is invalid"
    SUB_ACCOUNT_REMARK_NULL = 730602, "sub-account remarks cannot be null"
    KEY_REMARK_NULL = 730700, "API key remarks cannot be null"
    KEY_PERMISSION_NULL = 730701, "API key permission cannot be null"
    KEY_PERMISSION_UNKNOWN = 730702, "API key permission does not exist"
    KEY_ADDRESSES_INVALID = 730703, "the IP information is incorrect"
    KEY_ADDRESS_FORMAT = 730704, "the bound IP format is incorrect"
    TOO_MANY_KEYS = 730705, "too many API keys"
    KEY_UNKNOWN = 730706, "API key information does not exist"
    KEY_NULL = 730707, "accessKey cannot be null"
    LISTEN_KEY_UNKNOWN = 730708, "listen key does not exist"  # observed; its message is not known


class Refusal(Exception):
    """The exchange refuses a request, with a code."""

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
    """The server cannot start; `exit_status` is the number from sysexits.h."""

    exit_status: ClassVar[int]


class ConfigurationInvalid(CannotStart):
    """An option or the fault file is invalid (EX_CONFIG)."""

    exit_status = 78


class BookInUse(CannotStart):
    """Another server has the book open (EX_TEMPFAIL: a later start can succeed)."""

    exit_status = 75


class BookUnreadable(CannotStart):
    """The file is not a book, is damaged, or was written by a newer version (EX_DATAERR)."""

    exit_status = 65


class BookCannotBeCreated(CannotStart):
    """The file cannot be opened for writing (EX_CANTCREAT)."""

    exit_status = 73


class AddressUnavailable(CannotStart):
    """The address to listen on is in use, or not an address of this machine (EX_UNAVAILABLE)."""

    exit_status = 69
