"""Where each value of the configuration, and each secret, comes from. The secrets themselves are not read."""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from daemon.config.credentials import passed
from daemon.config.fleet_table import PASSWORD
from daemon.config.paths import (
    DATABASE,
    SYSTEM_CONFIG,
    SYSTEM_RUNTIME,
    SYSTEM_STATE,
    instance_of,
    runtime_directory,
    runtime_variable,
    state_directory,
    state_variable,
)
from daemon.config.tables import Config

BESIDE = "beside the database"
OF_THE_SERVICE = "the service's directory"


class Value(msgspec.Struct, frozen=True, omit_defaults=True):
    """A value that counts, and where it comes from."""

    value: object
    source: str  # default, file, environment
    where: str = ""  # the file and its line, the environment's variable, or why the default is this one


class SecretOrigin(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a secret is read from: a credential of the service manager, a file, the environment, or nowhere."""

    source: str  # credential, file, environment, none
    where: str = ""


def origins(config: Config, path: Path | None, environ: Mapping[str, str]) -> dict[str, dict[str, Value]]:
    """Return every value that counts, by table and key."""
    lines = {} if path is None else lines_of_keys(path.read_text(encoding="utf-8"))
    empty = places(config, path, environ)
    found: dict[str, dict[str, Value]] = {}
    for table, keys in msgspec.to_builtins(config).items():
        found[table] = {}
        for key, value in keys.items():
            if value == "" and (table, key) in empty:
                found[table][key] = empty[table, key]
            elif (table, key) in lines:
                found[table][key] = Value(value, "file", f"{path}:{lines[table, key]}")
            elif path is None and value != getattr(getattr(Config(), table), key):
                found[table][key] = Value(value, "default", "a start without a file")
            else:
                found[table][key] = Value(value, "default")
    return found


def lines_of_keys(text: str) -> dict[tuple[str, str], int]:
    """Return the line on which each key's statement begins, in a text that is valid TOML."""
    found: dict[tuple[str, str], int] = {}
    table, statement, first = "", "", 1
    for number, line in enumerate(text.split("\n"), 1):
        statement += f"{line}\n"
        try:
            parsed = tomllib.loads(statement)
        except tomllib.TOMLDecodeError:  # it goes on in the next line
            continue
        if statement.lstrip().startswith("["):
            (table,) = parsed
        elif parsed:
            scopes = {table: parsed} if table else parsed
            found |= {(name, key): first for name, keys in scopes.items() for key in keys}
        statement, first = "", number + 1
    return found


def is_of_service(path: Path | None) -> bool:
    """Whether a configuration file is the service's, or that of an instance."""
    return path is not None and (path.absolute() == SYSTEM_CONFIG or bool(instance_of(path)))


def places(config: Config, path: Path | None, environ: Mapping[str, str]) -> dict[tuple[str, str], Value]:
    """Return what counts where an empty text means a default path or address."""
    is_service = is_of_service(path)
    is_one = is_service and not instance_of(path)  # an instance's environment has its directories
    state = SYSTEM_STATE if is_one else state_directory(environ)
    sockets = SYSTEM_RUNTIME if is_one else runtime_directory(environ)
    database = Path(config.store.path) if config.store.path else state / DATABASE
    book = "shadow-exchange.db" if config.exchange.shadow else "paper-exchange.db"

    def by(variable: str, value: Path) -> Value:
        if is_service:
            return Value(str(value), "default", OF_THE_SERVICE)
        return Value(str(value), "environment", f"${variable}")

    def beside(name: str) -> Value:
        return Value(str(database.with_name(name)), "default", BESIDE)

    found = {
        ("store", "path"): by(state_variable(environ), database),
        ("sockets", "signals"): by(runtime_variable(environ), sockets / "signals.sock"),
        ("sockets", "status"): by(runtime_variable(environ), sockets / "status.sock"),
        ("exchange", "facts_file"): beside("exchange-facts.toml"),
        ("http", "token_file"): beside("http-token"),
    }
    if config.exchange.mode == "paper":
        found["exchange", "paper_db"] = beside(book)
    if config.exchange.mode == "live" or config.exchange.shadow:
        found["exchange", "base_url"] = Value(config.exchange.market, "default")
    return found


def secrets(config: Config, environ: Mapping[str, str]) -> dict[str, SecretOrigin]:
    """Return where each secret is read from, by its credential's name."""
    return dict(_secrets(config, environ))


def _secrets(config: Config, environ: Mapping[str, str]) -> Iterator[tuple[str, SecretOrigin]]:
    exchange = config.exchange
    if exchange.mode == "live":
        key_file, secret_file = exchange.api_key_file, exchange.api_secret_file
        yield _secret("mexc_api_key", "[exchange] api_key_file", key_file, environ, "MEXC_API_KEY")
        yield _secret("mexc_api_secret", "[exchange] api_secret_file", secret_file, environ, "MEXC_SECRET_KEY")
    yield _secret("alert_webhooks", "[alerts] webhook_file", config.alerts.webhook_file, environ)
    if config.poller.enabled:
        yield _secret("bot_token", "[poller] token_file", config.poller.token_file, environ)
    if config.fleet.url:
        yield _secret(PASSWORD, "[fleet] password_file", config.fleet.password_file, environ)


def _secret(
    name: str, key: str, configured: str, environ: Mapping[str, str], variable: str = ""
) -> tuple[str, SecretOrigin]:
    """Look in the order in which the daemon looks."""
    given = passed(environ, name)
    if given is not None:
        return name, SecretOrigin("credential", str(given))
    if configured:
        return name, SecretOrigin("file", f"{configured}, which {key} names")
    if environ.get(variable, "").strip():
        return name, SecretOrigin("environment", f"${variable}")
    return name, SecretOrigin("none")
