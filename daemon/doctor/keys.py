"""The exchange's key pair: whether it exists and is private, and its age."""

import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

from daemon.config import credentials, paths
from daemon.config.credentials import Credentials
from daemon.config.origins import SecretOrigin
from daemon.config.tables import ExchangeTable
from daemon.doctor.findings import Finding, failure, ok, warning
from daemon.errors import NoPermission

CHECK, AGE = "credentials", "key age"
KEY_DAYS, SOON_DAYS = 90, 15
"""A key bound to no address expires after ``KEY_DAYS`` (documented); the warning begins ``SOON_DAYS`` earlier."""
AS_ROOT = "run `sniperd doctor` as root or as the daemon's user"
NAMES = ("mexc_api_key", "mexc_api_secret")
PLAIN, ENCRYPTED = Path("/etc/credstore"), Path("/etc/credstore.encrypted")
"""Where systemd reads the service's credentials."""

Stores = tuple[Path, Path]
"""The plain and the encrypted one."""


def examine(exchange: ExchangeTable, environ: Mapping[str, str], stores: Stores = (PLAIN, ENCRYPTED)) -> Finding:
    """Look for the key pair where the daemon and systemd look for it."""
    if exchange.mode == "paper":
        return ok(CHECK, "the paper exchange needs none")
    try:
        if credentials.find(environ, exchange.api_key_file, exchange.api_secret_file) is not None:
            return ok(CHECK, "a private key pair was found")
        return _stored(*stores, _names(environ))
    except NoPermission as error:
        if isinstance(error.__cause__, PermissionError):
            return warning(CHECK, f"{error}: only the daemon's user may read it", AS_ROOT)
        return failure(CHECK, str(error), "correct what the message names")
    except PermissionError:
        return warning(CHECK, "you may not read the directory of the service's keys", AS_ROOT)


def unneeded() -> Finding:
    """Report that this daemon needs no key pair."""
    return ok(CHECK, "a fleet's door signs nothing, and needs none")


def find(
    exchange: ExchangeTable, environ: Mapping[str, str], stores: Stores = (PLAIN, ENCRYPTED)
) -> Credentials | None:
    """Return the key pair that the daemon or systemd would use, if it is readable.

    Only systemd can read encrypted ones.
    """
    if exchange.mode == "paper":
        return None
    try:
        found = credentials.find(environ, exchange.api_key_file, exchange.api_secret_file)
        given = [stores[0] / name for name in _names(environ)]
        if found is None and all(path.exists() for path in given):
            found = credentials.find({}, *map(str, given))
    except (NoPermission, PermissionError):
        return None
    return found


def age(
    exchange: ExchangeTable, now_s: float, environ: Mapping[str, str], stores: Stores = (PLAIN, ENCRYPTED)
) -> Finding:
    """Report the age of the key's file: the exchange does not show the age of the key."""
    files = [Path(exchange.api_key_file)] if exchange.api_key_file else [store / _names(environ)[0] for store in stores]
    unknown = "the exchange shows neither age nor addresses of a key"
    try:
        times = [path.stat().st_mtime for path in files if path.exists()]
    except PermissionError:
        times = []
    if not times:
        return ok(AGE, f"{unknown}: one that is bound to no address expires after {KEY_DAYS} days; see its page")
    days = int((now_s - max(times)) // 86_400)
    text = f"{unknown}; its file is {days} days old"
    if days >= KEY_DAYS - SOON_DAYS:
        return warning(
            AGE, text, f"bind it to this machine's address: an unbound key expires {KEY_DAYS} days after its creation"
        )
    return ok(AGE, text)


def place(name: str, environ: Mapping[str, str], store: Path = PLAIN) -> Path:
    """Return the file of one of the service's credentials, or of those of its instance."""
    return store / paths.credential_file(paths.instance_in(environ), name)


def stored(name: str, environ: Mapping[str, str], stores: Stores = (PLAIN, ENCRYPTED)) -> SecretOrigin:
    """Return where systemd reads one of the service's credentials."""
    files = [place(name, environ, store) for store in reversed(stores)]
    try:
        found = next((file for file in files if _is_there(file)), None)
    except PermissionError:
        return SecretOrigin("unknown", f"you may not read {stores[0]}; run it as root")
    return SecretOrigin("none") if found is None else SecretOrigin("credential", str(found))


def _names(environ: Mapping[str, str]) -> list[str]:
    """Return the names of the files that hold key and secret."""
    return [place(name, environ).name for name in NAMES]


def _stored(plain: Path, encrypted: Path, names: Sequence[str]) -> Finding:
    if all(_is_there(encrypted / name) for name in names):
        return ok(CHECK, f"systemd passes the encrypted key pair from {encrypted}")
    missing = [name for name in names if not _is_there(plain / name)]
    if missing:
        return failure(
            CHECK,
            f"no key pair in the environment, none in [exchange] api_key_file, no {' and '.join(missing)} in {plain}",
            f"put key and secret into {plain / names[0]} and {plain / names[1]}, mode 0600, or set api_key_file",
        )
    for name in names:
        mode = stat.S_IMODE((plain / name).stat().st_mode)
        if mode & 0o077:
            return failure(
                CHECK,
                f"{plain / name} can be read by others (mode {mode:04o})",
                f"replace the key at the exchange, then chmod 600 {plain / name}",
            )
    return ok(CHECK, f"systemd passes the key pair from {plain}")


def _is_there(path: Path) -> bool:
    """Return whether a file exists.

    Raises:
        PermissionError: its directory may not be read.

    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True
