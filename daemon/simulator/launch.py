"""Launch the server: check the command's options, build the exchange, serve until a signal.

The command itself (`daemon.cli.exchange`) only declares the options, so that its import is cheap.
"""

import asyncio
import ctypes
import importlib.util
import ipaddress
import os
import signal
import sys
import tomllib
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from random import Random

import msgspec
import structlog

from daemon.simulator.authentication import EXAMPLE_KEYS, KeyPair
from daemon.simulator.book import Book
from daemon.simulator.errors import AddressUnavailable, ConfigurationInvalid
from daemon.simulator.exchange import SimulatedExchange
from daemon.simulator.faults import Fault, parse_fault, read_faults
from daemon.simulator.following import following
from daemon.simulator.limits import UNLIMITED, Limits
from daemon.simulator.listings import parse_listing
from daemon.simulator.money import read_decimal
from daemon.simulator.server import serving, wall_clock_ms

_PR_SET_PDEATHSIG = 1


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """The command's options."""

    listen: str
    db: str
    seed: int
    balances: Sequence[str]
    listings: Sequence[str]
    faults: Sequence[str]
    faults_file: str | None
    weight_per_ip: int
    weight_per_account: int
    orders_per_s: int
    batches_per_s: int
    requests_per_s: int
    ban_after: int
    account_per_s: int
    announcements_per_2s: int
    shared_request_limit: bool
    batch_counts_orders: bool
    weight_per_endpoint: bool
    no_limits: bool
    spend_all: bool
    clock_offset_ms: int
    key_symbols: str | None
    key_reads_only: bool
    follow: str | None
    allow_remote: bool
    die_with_parent: bool

    @classmethod
    def of(cls, values: Mapping[str, object]) -> "Options":
        """Convert the values of the command line, which has checked their types."""
        return msgspec.convert(values, cls)

    def limits(self) -> Limits:
        """Return the rate limits."""
        if self.no_limits:
            return UNLIMITED
        return msgspec.convert({name: getattr(self, name) for name in Limits.__struct_fields__}, Limits)


def launch(options: Options) -> None:
    """Run the server until a signal ends it.

    Raises:
        CannotStart: an option is invalid, the book cannot be opened, or the address is in use.
    """
    if options.die_with_parent:
        _die_with_parent()
    host, port = parse_address(options.listen, allow_remote=options.allow_remote)
    keys = replace(read_keys(os.environ, options.key_symbols), reads_only=options.key_reads_only)
    faults = _read_all_faults(options)
    listings = [parse_listing(text) for text in options.listings]
    balances = parse_balances(options.balances) if options.balances else None
    _log_to_stderr()
    book = Book(options.db)
    try:
        exchange = SimulatedExchange(
            book,
            rng=Random(options.seed),  # noqa: S311 - a simulation
            keys=keys,
            limits=options.limits(),
            faults=faults,
            listings=listings,
            balances=balances,
            spends_all=options.spend_all,
        )
        _run(_serve(exchange, host, port, options))
    finally:
        book.close()


def parse_address(text: str, *, allow_remote: bool) -> tuple[str, int]:
    """Parse HOST:PORT.

    Raises:
        ConfigurationInvalid: the text has another form, or names an address beyond the loopback without `allow_remote`.
    """
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdigit() or int(port) > 65_535:  # noqa: PLR2004 - the highest port
        raise ConfigurationInvalid(f"--listen takes HOST:PORT, not {text!r}")
    if not allow_remote and not _is_loopback(host):
        raise ConfigurationInvalid(
            f"{host} isn't a loopback address: every client that reaches it can trade and inject faults; "
            "--allow-remote allows it"
        )
    return host, int(port)


def read_keys(environment: Mapping[str, str], symbols: str | None = None) -> KeyPair:
    """Read the account's key pair from the environment; `symbols`, separated by commas, limits it to some pairs.

    Raises:
        ConfigurationInvalid: only one of the two variables is set.
    """
    access_key, secret_key = environment.get("MEXC_API_KEY", ""), environment.get("MEXC_SECRET_KEY", "")
    if bool(access_key) != bool(secret_key):
        raise ConfigurationInvalid("MEXC_API_KEY and MEXC_SECRET_KEY go together: set both or neither")
    keys = KeyPair(access_key, secret_key) if access_key else EXAMPLE_KEYS
    return replace(keys, symbols=frozenset(symbols.split(","))) if symbols else keys


def parse_balances(texts: Sequence[str]) -> dict[str, Decimal]:
    """Parse texts of the form ASSET=AMOUNT.

    Raises:
        ConfigurationInvalid: a text has another form.
    """
    balances = {}
    for text in texts:
        asset, _, amount_text = text.partition("=")
        amount = read_decimal(amount_text)
        if not asset or amount is None or amount < 0:
            raise ConfigurationInvalid(f"--balance takes ASSET=AMOUNT, not {text!r}")
        balances[asset] = amount
    return balances


def read_faults_file(path: str) -> list[Fault]:
    """Read a plan of faults from a TOML file, or from a JSON file if its name ends with `.json`.

    Raises:
        ConfigurationInvalid: the file cannot be read, or has another content.
    """
    try:
        content = Path(path).read_text(encoding="utf-8")
        decoded = msgspec.json.decode(content) if path.endswith(".json") else tomllib.loads(content)
    except (OSError, UnicodeDecodeError, msgspec.DecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationInvalid(f"{path}: {error}") from None
    return read_faults(decoded)


def _read_all_faults(options: Options) -> list[Fault]:
    from_file = read_faults_file(options.faults_file) if options.faults_file else []
    return [*from_file, *(parse_fault(text) for text in options.faults)]


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _die_with_parent() -> None:
    """Ask the kernel for SIGTERM when the parent's thread that started this process ends."""
    parent = os.getppid()
    if sys.platform != "linux":
        raise ConfigurationInvalid("--die-with-parent needs Linux")
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it has ended before prctl, so the kernel will send no signal
        signal.raise_signal(signal.SIGTERM)


def _log_to_stderr() -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


async def _serve(exchange: SimulatedExchange, host: str, port: int, options: Options) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        clock = lambda: wall_clock_ms() + options.clock_offset_ms  # noqa: E731
        async with AsyncExitStack() as stack:
            follower = await stack.enter_async_context(following(options.follow, exchange)) if options.follow else None
            url = await stack.enter_async_context(
                serving(exchange, host, port, clock=clock if follower is None else follower.now_ms, follower=follower)
            )
            line = announcement(url, options.db, is_terminal=sys.stdout.isatty())
            print(line, flush=True)  # noqa: T201 - what the parent process reads
            await stop.wait()
    except OSError as error:
        raise AddressUnavailable(f"cannot listen on {host}:{port}: {error.strerror or error}") from None


def announcement(url: str, db: str, *, is_terminal: bool) -> str:
    """Return the line with the server's address: a sentence for a terminal, JSON for a program."""
    if is_terminal:
        return f"The simulated exchange listens on {url}; its book is {db}. Ctrl-C ends it."
    return msgspec.json.encode({"event": "exchange.listening", "url": url, "db": db, "pid": os.getpid()}).decode()


def _run(main: Coroutine[None, None, None]) -> None:
    """Run with uvloop if it is installed, because it is faster."""
    has_uvloop = importlib.util.find_spec("uvloop") is not None
    loop_factory = importlib.import_module("uvloop").new_event_loop if has_uvloop else None
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(main)
