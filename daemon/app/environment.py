"""What the process reads from its environment: keys, webhooks, probe results, addresses. Secrets are redacted."""

import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from daemon.api.http.loopback import Loopback, token_of
from daemon.app.paper_exchange import paper_exchange
from daemon.clock import SteadyClock
from daemon.config import credentials, probe_results
from daemon.config.addresses import address
from daemon.config.credentials import PAPER, Credentials, Secret
from daemon.config.paths import runtime_directory, state_directory
from daemon.config.probe_results import UNSETTLED, ProbeResults
from daemon.config.tables import MEXC_URL, Config
from daemon.core.values.events import Detail, Event
from daemon.errors import NoPermission, SniperdError
from daemon.log import Emit, Log
from daemon.monitoring import webhook_file

BOT_TOKEN = "bot_token"  # noqa: S105  # a credential's name
"""Name of the credential that holds the token for the bot."""


class ProcessEnvironment:
    """Values from the configuration, the environment and the disk."""

    def __init__(self, config: Config, environ: Mapping[str, str], log: Log, emit: Emit) -> None:
        self._config = config
        self._environ = environ
        self._log = log
        self._emit = emit
        path = config.store.path
        self.database = Path(path) if path else state_directory(environ) / "sniperd.db"

    def keys(self) -> Credentials:
        """Return the exchange's key pair, and redact it in the log. A fleet's door signs nothing, and gets none.

        Raises:
            NoPermission: live mode, and there is none.

        """
        exchange, fleet = self._config.exchange, self._config.fleet
        if exchange.mode == "paper" or (fleet.url and fleet.role == "door"):
            return PAPER
        keys = credentials.find(self._environ, exchange.api_key_file, exchange.api_secret_file)
        if keys is None:
            raise NoPermission(
                "live mode needs the exchange's key: give systemd the credentials mexc_api_key and mexc_api_secret, "
                "or name files with [exchange] api_key_file and api_secret_file, or set MEXC_API_KEY and "
                "MEXC_SECRET_KEY in the environment"
            )
        self._log.redact([keys.api_key, keys.api_secret])
        return keys

    def webhooks(self) -> list[webhook_file.Webhook]:
        """Return the webhooks for alerts, and redact their secrets in the log."""
        webhooks = webhook_file.find(self._environ, self._config.alerts.webhook_file)
        self._log.redact([secret for webhook in webhooks for secret in webhook.secrets()])
        return webhooks

    def bot_token(self) -> Secret | None:
        """Return the poller's token for the bot, and redact it in the log."""
        found = credentials.token(self._environ, BOT_TOKEN, self._config.poller.token_file)
        self._log.redact([] if found is None else [found])
        return found

    def probe_results(self, clock: SteadyClock) -> ProbeResults:
        """Return the live probe's results if they are about the configured exchange."""
        exchange = self._config.exchange
        path = probe_results.place(exchange.facts_file, self.database)
        found = probe_results.load(path)
        if found is None:
            return UNSETTLED
        if found.is_about(exchange.server):
            effects = "; ".join(found.effects()) or "nothing changes"
            self._emit_event(clock, "exchange.facts", path=str(path), probed_ms=found.probed_ms, effects=effects)
            return found
        self._emit_event(clock, "exchange.facts_ignored", path=str(path), about=found.exchange)
        return UNSETTLED

    @asynccontextmanager
    async def exchange(self, clock: SteadyClock) -> AsyncIterator[str]:
        """Yield the exchange's address; a paper exchange runs while the context lasts."""
        exchange = self._config.exchange
        if exchange.mode == "live":
            yield exchange.base_url or MEXC_URL
            return
        follow = exchange.market if exchange.shadow else None
        name = "paper-exchange.db" if follow is None else "shadow-exchange.db"
        book = Path(exchange.paper_db) if exchange.paper_db else self.database.with_name(name)
        async with paper_exchange(
            book, self._environ, clock, self._emit, follow=follow, spends_all=exchange.paper_spends_all
        ) as paper:
            yield paper.url

    def loopback(self, clock: SteadyClock, *, is_default: bool) -> Loopback | None:
        """Return the loopback listener's address and token; ``None`` if it is off."""
        http = self._config.http
        if not http.listen:
            return None
        file = Path(http.token_file) if http.token_file else self.database.with_name("http-token")
        try:
            token = token_of(file)
        except SniperdError as error:
            if not is_default:
                raise
            self._emit_event(clock, "daemon.no_dashboard", error=str(error))
            return None
        self._log.redact([Secret(token)])
        return Loopback(*address(http.listen), token, str(file), is_default)

    def sockets(self, given: Mapping[str, socket.socket]) -> tuple[Path, Path]:
        """Return the paths of the sockets for signals and status; ``given`` are sockets from systemd, by name."""
        directory, sockets = runtime_directory(self._environ), self._config.sockets
        paths = {
            "signals": Path(sockets.signals) if sockets.signals else directory / "signals.sock",
            "status": Path(sockets.status) if sockets.status else directory / "status.sock",
        }
        paths |= {name: Path(listener.getsockname()) for name, listener in given.items()}
        return paths["signals"], paths["status"]

    def _emit_event(self, clock: SteadyClock, name: str, **detail: Detail) -> None:
        self._emit(Event(name=name, at_ms=clock.now_ms(), detail=dict(detail)))
