"""From the command's options to a running server: reads and checks them, builds the exchange, serves until told to end.

The command itself (`daemon.cli.exchange`) only declares the options, so that it is cheap to import.
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
    """The command's options, as the command line gives them."""

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
        """Take the options from the command line, which has checked their types."""
        return msgspec.convert(values, cls)

    def limits(self) -> Limits:
        """Return the limits to be kept."""
        if self.no_limits:
            return UNLIMITED
        return msgspec.convert({name: getattr(self, name) for name in Limits.__struct_fields__}, Limits)


def launch(options: Options) -> None:
    """Run the server until a signal ends it.

    Raises:
        CannotStart: an option is wrong, the book can't be had, or the address is taken.
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
    """Read HOST:PORT.

    Raises:
        ConfigurationInvalid: it is none, or lies beyond the loopback without leave.
    """
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdigit() or int(port) > 65_535:  # noqa: PLR2004 - the highest port
        raise ConfigurationInvalid(f"--listen takes HOST:PORT, not {text!r}")
    if not allow_remote and not _is_loopback(host):
        raise ConfigurationInvalid(
            f"{host} isn't a loopback address: whoever reached it could trade and lay faults; --allow-remote allows it"
        )
    return host, int(port)


def read_keys(environment: Mapping[str, str], symbols: str | None = None) -> KeyPair:
    """Read the account's key pair, limited to some pairs where these are given, separated by commas.

    Raises:
        ConfigurationInvalid: one of the two is missing.
    """
    access_key, secret_key = environment.get("MEXC_API_KEY", ""), environment.get("MEXC_SECRET_KEY", "")
    if bool(access_key) != bool(secret_key):
        raise ConfigurationInvalid("MEXC_API_KEY and MEXC_SECRET_KEY go together: set both or neither")
    keys = KeyPair(access_key, secret_key) if access_key else EXAMPLE_KEYS
    return replace(keys, symbols=frozenset(symbols.split(","))) if symbols else keys


def parse_balances(texts: Sequence[str]) -> dict[str, Decimal]:
    """Read ASSET=AMOUNT, several times.

    Raises:
        ConfigurationInvalid: one is something else.
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
    """Read a plan of faults from a TOML file, or from a JSON file by that name.

    Raises:
        ConfigurationInvalid: it can't be read, or holds something else.
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
    """Ask the kernel for SIGTERM when the parent ends, more exactly the thread of it that started this process."""
    parent = os.getppid()
    if sys.platform != "linux":
        raise ConfigurationInvalid("--die-with-parent needs Linux")
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it ended a moment ago, and no signal will come any more
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
            line = announcement(url, options.db, is_for_a_person=sys.stdout.isatty())
            print(line, flush=True)  # noqa: T201 - what the parent process reads
            await stop.wait()
    except OSError as error:
        raise AddressUnavailable(f"cannot listen on {host}:{port}: {error.strerror or error}") from None


def announcement(url: str, db: str, *, is_for_a_person: bool) -> str:
    """Return the line that says where the server is reached: a sentence, or JSON for a program."""
    if is_for_a_person:
        return f"The simulated exchange listens on {url}; its book is {db}. Ctrl-C ends it."
    return msgspec.json.encode({"event": "exchange.listening", "url": url, "db": db, "pid": os.getpid()}).decode()


def _run(main: Coroutine[None, None, None]) -> None:
    """Run with uvloop where it is installed: it answers quicker."""
    has_uvloop = importlib.util.find_spec("uvloop") is not None
    loop_factory = importlib.import_module("uvloop").new_event_loop if has_uvloop else None
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(main)
