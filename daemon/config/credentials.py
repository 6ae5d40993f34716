"""The exchange's key pair: where it is read from, and how it is kept secret.

The sources, in this order: systemd's credentials (``$CREDENTIALS_DIRECTORY/mexc_api_key`` and ``mexc_api_secret``), the
files that the configuration names, the bot's own environment names ``MEXC_API_KEY`` and ``MEXC_SECRET_KEY``. A file
that others can read is refused: a key that leaked is worse than a daemon that does not start. The token that the poller
sends to the bot is read in the same way.
"""

import hmac
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from daemon.errors import NoPermission

MIN_LENGTH, MAX_BYTES = 8, 4_096

_WORD = re.compile(f"[!-~]{{{MIN_LENGTH},{MAX_BYTES}}}")


class Secret:
    """A text that only :meth:`reveal` returns."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret must not be copied out of the process")


@dataclass(frozen=True, slots=True)
class Credentials:
    """The key pair of one account."""

    api_key: Secret
    api_secret: Secret
    _keyed: hmac.HMAC = field(init=False, repr=False, compare=False)  # a copy of it is faster than a new one

    def __post_init__(self) -> None:
        object.__setattr__(self, "_keyed", hmac.new(self.api_secret.reveal().encode(), digestmod="sha256"))

    def sign(self, payload: bytes) -> str:
        """Return the lower-case hexadecimal HMAC-SHA256 of a payload under the secret."""
        signing = self._keyed.copy()
        signing.update(payload)
        return signing.hexdigest()


PAPER = Credentials(Secret("mx0aBYs33eIilxBWC5"), Secret("45d0b3c26f2644f19bfb98b07741b2f5"))
"""The example pair of MEXC's documentation, which the simulated exchange accepts by default."""


def find(environ: Mapping[str, str], key_file: str, secret_file: str) -> Credentials | None:
    """Find a key pair; ``None`` if there is none.

    Raises:
        NoPermission: a part is missing, empty, unreadable, or readable by others.

    """
    if directory := environ.get("CREDENTIALS_DIRECTORY"):
        given = Path(directory) / "mexc_api_key", Path(directory) / "mexc_api_secret"
        if any(path.exists() for path in given):
            return _from_files(*given)
    if key_file or secret_file:
        if not (key_file and secret_file):
            raise NoPermission("[exchange] api_key_file and api_secret_file go together: set both")
        return _from_files(Path(key_file), Path(secret_file))
    key, secret = environ.get("MEXC_API_KEY", "").strip(), environ.get("MEXC_SECRET_KEY", "").strip()
    if not key and not secret:
        return None
    if not (key and secret):
        raise NoPermission("MEXC_API_KEY and MEXC_SECRET_KEY go together: set both")
    return Credentials(checked(key, "MEXC_API_KEY"), checked(secret, "MEXC_SECRET_KEY"))


def passed(environ: Mapping[str, str], name: str) -> Path | None:
    """Return the file of a credential that the service manager passes, if it passes one of that name."""
    path = Path(environ.get("CREDENTIALS_DIRECTORY", "/nonexistent")) / name
    return path if path.exists() else None


def token(environ: Mapping[str, str], name: str, configured: str, what: str = "token") -> Secret | None:
    """Read a token from the credential of that name, else from the configured file; ``None`` without both.

    Raises:
        NoPermission: it is empty, unreadable, or readable by others.

    """
    path = passed(environ, name) or (Path(configured) if configured else None)
    return None if path is None else checked(read(path, f"replace the {what} by a new one", what), path, what)


def _from_files(key_file: Path, secret_file: Path) -> Credentials:
    return Credentials(checked(read(key_file), key_file), checked(read(secret_file), secret_file))


def read(path: Path, remedy: str = "create a new key at the exchange", what: str = "key") -> str:
    """Read a file that only its owner may read; ``remedy`` is what to do if others can read it.

    Raises:
        NoPermission: it cannot be read, or others can read it.

    """
    try:
        mode = path.stat().st_mode
        if stat.S_IMODE(mode) & 0o027:
            raise NoPermission(
                f"{path} can be read by others or changed by its group (mode {stat.S_IMODE(mode):04o}): "
                f"{remedy}, then chmod 600 {path}"
            )
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1).decode("ascii").strip()
    except OSError as error:
        raise NoPermission(f"cannot read the credential {path}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise NoPermission(f"{path} does not hold a {what}: it is not plain text") from None
    return text


def checked(text: str, where: str | Path, what: str = "key") -> Secret:
    """Check that a text can be a key or token.

    The redaction of a very short one would hit every log line. One that is not a single word would break every
    request's header.
    """
    if len(text) < MIN_LENGTH:
        raise NoPermission(f"{where} does not hold a {what}: it has {len(text)} characters; put the whole {what} there")
    if not _WORD.fullmatch(text):
        raise NoPermission(f"{where} does not hold a {what}: it is not one word of plain text, or too long")
    return Secret(text)
