"""The questions of ``sniperd init``. The configuration's own tables judge every answer."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import click

from daemon.config import credentials
from daemon.config.credentials import Secret
from daemon.config.loading import QUICK_LISTEN, check, parse
from daemon.config.origins import is_of_service
from daemon.config.paths import environment
from daemon.config.tables import MEXC_URL
from daemon.config.writing import written
from daemon.doctor import keys
from daemon.errors import NoPermission, StartupError
from daemon.installing.new_files import NewFile, refuse_existing
from daemon.monitoring import webhook_file

OFF = "off"
PRIVATE, PUBLIC = 0o600, 0o644
SECRETS = {"mexc_api_key": "API key", "mexc_api_secret": "API secret"}
ORDER, DAY = "max_notional_per_order", "max_notional_per_day"

_LIVE = (
    "Live mode trades real money at {server}: sniperd sends there what your bot asks for. The limits come first, and "
    "have no default: a BUY beyond them is refused. Begin with amounts that you can lose. `sniperd manual live` "
    "describes shadow mode, the key's rights, the checks and the other limits."
)

Tables = dict[str, dict[str, object]]


class Questions:
    """Takes each answer from its flag, from the terminal, or from its default, and keeps it if it is valid."""

    def __init__(
        self, path: Path, given: Mapping[str, str | None], *, asks: bool, keys_stdin: bool, force: bool
    ) -> None:
        self.given = given
        self.asks = asks
        self.keys_stdin = keys_stdin
        self._path = path
        self._force = force
        self._is_service = is_of_service(path)
        self._environ = environment(path)
        self._tables: Tables = {}
        self._files: list[NewFile] = []

    def put(self) -> list[NewFile]:
        """Settle every question; return the files to write, the configuration last.

        Raises:
            StartupError: an answer from a flag is wrong.

        """
        self._mode()
        self._limits()
        if self.is_live:
            self._key()
        self._dashboard()
        self._webhook()
        self._bot()
        text = written(check(parse(dict(self._tables))))
        return [*self._files, NewFile(self._path, text.encode(), PUBLIC)]

    @property
    def is_live(self) -> bool:
        """Whether the answers so far say live mode."""
        return self._tables["exchange"]["mode"] == "live"

    def has_key(self) -> bool:
        """Whether the daemon finds a key pair without an answer."""
        if self._is_service:
            return all(keys.stored(name, self._environ).source == "credential" for name in SECRETS)
        return credentials.find(self._environ, "", "") is not None

    def _mode(self) -> None:
        server: dict[str, object] = {"base_url": url} if (url := self.given["base_url"]) else {}

        def changes(mode: str) -> Tables:
            named: dict[str, object] = {"mode": "paper", "shadow": True} if mode == "shadow" else {"mode": mode}
            limits: Tables = {"guards": {ORDER: 1, DAY: 1}} if mode == "live" else {}  # until the next two answers
            return {"exchange": named | server, **limits}

        about = "Mode: paper (simulated), shadow (simulated, at the real market's prices) or live (real money)"
        self._settle("mode", about, "paper", changes)

    def _limits(self) -> None:
        default: str | None = "0"
        if self.is_live:
            click.echo(_LIVE.format(server=self.given["base_url"] or MEXC_URL), err=True)
            default = None
        hint = "" if self.is_live else "; 0 for no limit"
        self._settle(ORDER, f"The most that one BUY may cost, in USDT{hint}", default, _guard(ORDER))
        self._settle(DAY, f"The most that the BUYs of a day may cost, in USDT{hint}", default, _guard(DAY))

    def _dashboard(self) -> None:
        default = OFF if self.is_live else QUICK_LISTEN
        about = f"Address of the dashboard on this machine, like {QUICK_LISTEN}, or {OFF}"
        self._settle("dashboard", about, default, lambda text: {"http": {"listen": "" if text == OFF else text}})

    def _bot(self) -> None:
        def changes(text: str) -> Tables:
            if text == OFF:
                return {}
            return {"poller": {"enabled": True, "base_url": text, "user_id": self.given["bot_user"] or "?"}}

        self._settle("bot", f"Address of a bot whose targets are to be polled, or {OFF}", OFF, changes)
        if self._tables.get("poller"):
            about = "The bot's id of the user whose targets are traded"
            default = None if self.asks else ""
            self._settle("bot_user", about, default, lambda text: {"poller": {"user_id": text}})

    def _key(self) -> None:
        key_file, secret_file = self.given["api_key_file"], self.given["api_secret_file"]
        if key_file or secret_file:
            pair = credentials.find({}, key_file or "", secret_file or "")
            assert pair is not None
            if self._is_service:
                self._keep("mexc_api_key", pair.api_key.reveal())
                self._keep("mexc_api_secret", pair.api_secret.reveal())
                return
            self._take({"exchange": {"api_key_file": _absolute(key_file), "api_secret_file": _absolute(secret_file)}})
        elif self.keys_stdin:
            for name, about in SECRETS.items():
                self._keep_key(name, credentials.checked(sys.stdin.readline().strip(), f"the line of the {about}"))
        elif not self.has_key():
            for name, about in SECRETS.items():
                self._refuse_existing(name)
                self._keep_key(name, _typed(about))

    def _keep_key(self, name: str, secret: Secret) -> None:
        place = self._keep(name, secret.reveal())
        if not self._is_service:
            self._tables["exchange"][f"{name.removeprefix('mexc_')}_file"] = str(place)

    def _webhook(self) -> None:
        given = self.given["webhook_file"]
        if given:
            webhook_file.find({}, given)
            if self._is_service:
                self._keep(webhook_file.CREDENTIAL, Path(given).read_text(encoding="utf-8"))
            else:
                self._take({"alerts": {"webhook_file": _absolute(given)}})
        elif self.asks:
            text = self._typed_webhook()
            if text:
                place = self._keep(webhook_file.CREDENTIAL, text)
                if not self._is_service:
                    self._take({"alerts": {"webhook_file": str(place)}})

    def _typed_webhook(self) -> str:
        about = (
            f"Webhook for alerts, hidden: KIND ADDRESS, where KIND is {', '.join(webhook_file.Kind)}; empty for none"
        )
        while True:
            text: str = click.prompt(about, default="", show_default=False, hide_input=True)
            try:
                webhook_file.parse(text, self._place(webhook_file.CREDENTIAL))
                if text:
                    self._refuse_existing(webhook_file.CREDENTIAL)
            except StartupError as error:
                click.echo(str(error), err=True)
            else:
                return text

    def _settle(self, name: str, about: str, default: str | None, changes: Callable[[str], Tables]) -> None:
        """Take the flag's answer; at a terminal, ask until the tables accept one; else take the default."""
        given = self.given[name]
        if given is None and not self.asks:
            given = default
        if given is not None:
            self._take(changes(given))
            return
        while True:
            try:
                self._take(changes(click.prompt(about, default=default)))
            except StartupError as error:
                click.echo(str(error), err=True)
            else:
                return

    def _take(self, changes: Tables) -> None:
        """Add an answer.

        Raises:
            BadConfig: the tables refuse it; the answers so far stay.

        """
        merged = {name: self._tables.get(name, {}) | values for name, values in changes.items()}
        tables = self._tables | merged
        check(parse(dict(tables)))
        self._tables = tables

    def _keep(self, name: str, text: str) -> Path:
        """Add a file of a secret; return its place."""
        self._refuse_existing(name)
        place = self._place(name)
        self._files.append(NewFile(place, f"{text.strip()}\n".encode(), PRIVATE))
        return place

    def _place(self, name: str) -> Path:
        return keys.place(name, self._environ) if self._is_service else self._path.with_name(name)

    def _refuse_existing(self, name: str) -> None:
        if not self._force:
            refuse_existing(self._place(name))


def missing(questions: Questions) -> list[str]:
    """Return the flags without which nothing can be written."""
    given = questions.given
    lacking = [] if given["mode"] else ["--mode paper, shadow or live"]
    if given["mode"] == "live":
        lacking += [f"--{name.replace('_', '-')} AMOUNT" for name in (ORDER, DAY) if not given[name]]
        is_given = questions.keys_stdin or given["api_key_file"] or given["api_secret_file"]
        if not is_given and not questions.has_key():
            lacking.append("--api-key-file FILE and --api-secret-file FILE, or --keys-stdin")
    return lacking


def _guard(name: str) -> Callable[[str], Tables]:
    return lambda text: {"guards": {name: _number(text)}}


def _number(text: str) -> float | str:
    """Read a number; any other text stays, and the tables say what is allowed."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


def _typed(about: str) -> Secret:
    while True:
        try:
            return credentials.checked(click.prompt(f"{about}, hidden", hide_input=True).strip(), "what you typed")
        except NoPermission as error:
            click.echo(str(error), err=True)


def _absolute(path: str | None) -> str:
    return str(Path(path or "").absolute())
