"""The key pair: its sources, which files are refused, and that it is shown nowhere."""

import copy
import dataclasses
import io
import json
import logging
import operator
import pickle
import traceback
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from daemon.config.credentials import MAX_BYTES, PAPER, Credentials, Secret, find
from daemon.errors import NoPermission

KEY, SECRET = "mx0vglABCDEF123456", "5fd0c7b2e91a4a6f8d3c2b1a09876543"


def put(path: Path, text: str | bytes, mode: int = 0o600) -> Path:
    """Write a file with this mode."""
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(mode)
    return path


def revealed(found: Credentials | None) -> tuple[str, str] | None:
    return None if found is None else (found.api_key.reveal(), found.api_secret.reveal())


@pytest.fixture
def systemd(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a service with its credentials."""
    put(tmp_path / "credentials" / "mexc_api_key", "systemd-key\n", 0o400)
    put(tmp_path / "credentials" / "mexc_api_secret", "systemd-secret\n", 0o400)
    return {"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")}


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """Return the paths of a key's and a secret's file."""
    return str(put(tmp_path / "key", "file-key")), str(put(tmp_path / "secret", "file-secret"))


ENVIRON = {"MEXC_API_KEY": "environ-key", "MEXC_SECRET_KEY": "environ-secret"}


# --- sources


def test_there_may_be_none_at_all() -> None:
    assert find({}, "", "") is None


def test_the_environment_is_the_last_place(files: tuple[str, str]) -> None:
    assert revealed(find(ENVIRON, "", "")) == ("environ-key", "environ-secret")
    assert revealed(find(ENVIRON, *files)) == ("file-key", "file-secret")


def test_systemds_credentials_come_first(systemd: dict[str, str], files: tuple[str, str]) -> None:
    assert revealed(find(systemd | ENVIRON, *files)) == ("systemd-key", "systemd-secret")


@pytest.mark.parametrize("directory", ["", "/nowhere"], ids=["empty", "absent"])
def test_a_credentials_directory_without_ours_is_passed_over(directory: str, files: tuple[str, str]) -> None:
    """A unit may have credentials of its own for something else."""
    assert revealed(find({"CREDENTIALS_DIRECTORY": directory} | ENVIRON, *files)) == ("file-key", "file-secret")


@pytest.mark.parametrize("missing", ["mexc_api_key", "mexc_api_secret"])
def test_half_of_systemds_credentials_is_refused_and_not_passed_over(
    systemd: dict[str, str], files: tuple[str, str], missing: str
) -> None:
    """Or the daemon would trade on another account than the one it was given."""
    (Path(systemd["CREDENTIALS_DIRECTORY"]) / missing).unlink()
    with pytest.raises(NoPermission, match=missing):
        find(systemd | ENVIRON, *files)


@pytest.mark.parametrize("given", [0, 1], ids=["key", "secret"])
def test_half_of_the_files_is_refused_and_not_passed_over(files: tuple[str, str], given: int) -> None:
    named = tuple(path if place == given else "" for place, path in enumerate(files))
    with pytest.raises(NoPermission, match="api_key_file and api_secret_file go together"):
        find(ENVIRON, *named)


@pytest.mark.parametrize("given", list(ENVIRON))
@pytest.mark.parametrize("blank", [{}, {"MEXC_API_KEY": "", "MEXC_SECRET_KEY": " \n"}], ids=["absent", "blank"])
def test_half_of_the_environment_is_refused(given: str, blank: dict[str, str]) -> None:
    with pytest.raises(NoPermission, match="MEXC_API_KEY and MEXC_SECRET_KEY go together"):
        find(blank | {given: "something"}, "", "")


def test_a_blank_environment_is_none() -> None:
    """A unit file may set the names to nothing."""
    assert find({"MEXC_API_KEY": " ", "MEXC_SECRET_KEY": "\t\n"}, "", "") is None


@pytest.mark.parametrize("around", ["\n", "\r\n", "  ", "\n\n"])
def test_blanks_around_a_key_are_no_part_of_it(tmp_path: Path, around: str) -> None:
    files = put(tmp_path / "key", f"{around}{KEY}{around}"), put(tmp_path / "secret", f"{SECRET}{around}")
    assert revealed(find({}, *map(str, files))) == (KEY, SECRET)
    environ = {"MEXC_API_KEY": f"{around}{KEY}", "MEXC_SECRET_KEY": f"{SECRET}{around}"}
    assert revealed(find(environ, "", "")) == (KEY, SECRET)


# --- which files are accepted


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o440, 0o640, 0o700], ids=oct)
def test_a_file_that_only_its_owner_changes_and_others_cannot_read_is_accepted(tmp_path: Path, mode: int) -> None:
    """The group may read: systemd gives credentials to a service's user in this way."""
    files = put(tmp_path / "key", KEY, mode), put(tmp_path / "secret", SECRET, mode)
    assert revealed(find({}, *map(str, files))) == (KEY, SECRET)


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o620, 0o660, 0o602, 0o601, 0o666, 0o777], ids=oct)
@pytest.mark.parametrize("which", ["key", "secret"])
def test_a_file_that_strangers_read_or_the_group_changes_is_refused(tmp_path: Path, which: str, mode: int) -> None:
    files = put(tmp_path / "key", KEY), put(tmp_path / "secret", SECRET)
    (tmp_path / which).chmod(mode)
    with pytest.raises(NoPermission) as refused:
        find({}, *map(str, files))
    assert f"{tmp_path / which} can be read by others or changed by its group (mode {mode:04o})" in str(refused.value)
    assert f"chmod 600 {tmp_path / which}" in str(refused.value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("", "does not hold a key: it has 0 characters", id="empty"),
        pytest.param(" \n\t\n", "does not hold a key: it has 0 characters", id="blank"),
        pytest.param(KEY[:7], "does not hold a key: it has 7 characters", id="cut off"),
        pytest.param(b"\xff\xfe\x00k", "does not hold a key", id="no text"),
        pytest.param("ключ", "does not hold a key", id="no ASCII"),
        pytest.param(f"{KEY}\n{SECRET}\n", "does not hold a key", id="both on two lines"),
        pytest.param(f"{KEY} {SECRET}", "does not hold a key", id="both on one line"),
        pytest.param(f"MEXC_API_KEY={KEY}\r\nX", "does not hold a key", id="an environment file"),
        pytest.param(f"{KEY}\x00", "does not hold a key", id="a zero byte"),
        pytest.param(f"{KEY}\x1b[0m", "does not hold a key", id="an escape"),
        pytest.param("k" * (MAX_BYTES + 1), "does not hold a key", id="too long"),
    ],
)
@pytest.mark.parametrize("which", ["key", "secret"])
def test_a_file_that_holds_no_key_is_refused(tmp_path: Path, which: str, text: str | bytes, why: str) -> None:
    """A key with a line break in it would fail in every request instead of once, at the start."""
    files = put(tmp_path / "key", KEY), put(tmp_path / "secret", SECRET)
    put(tmp_path / which, text)
    with pytest.raises(NoPermission) as refused:
        find({}, *map(str, files))
    assert str(tmp_path / which) in str(refused.value)
    assert why in str(refused.value)
    assert no_secret_in("".join(traceback.format_exception(refused.value)))


@pytest.mark.parametrize("which", list(ENVIRON))
@pytest.mark.parametrize(
    "text", ["half of", "half\nof", "половина", "a\x00bcdefgh", "\udcffabcdefgh", "short"], ids=ascii
)
def test_a_name_in_the_environment_that_holds_no_key_is_refused(which: str, text: str) -> None:
    with pytest.raises(NoPermission, match=f"{which} does not hold a key") as refused:
        find(ENVIRON | {which: text}, "", "")
    assert text not in str(refused.value)


def test_a_file_that_is_not_there_is_refused_with_the_reason(tmp_path: Path) -> None:
    secret = put(tmp_path / "secret", SECRET)
    with pytest.raises(NoPermission, match=f"cannot read the credential {tmp_path}/key: No such file"):
        find({}, str(tmp_path / "key"), str(secret))


def test_a_directory_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "key").mkdir(mode=0o700)
    secret = put(tmp_path / "secret", SECRET)
    with pytest.raises(NoPermission, match="Is a directory"):
        find({}, str(tmp_path / "key"), str(secret))


def test_a_file_behind_a_link_is_judged_by_its_own_mode(tmp_path: Path) -> None:
    put(tmp_path / "open", KEY, 0o644)
    (tmp_path / "key").symlink_to(tmp_path / "open")
    secret = put(tmp_path / "secret", SECRET)
    with pytest.raises(NoPermission, match="can be read by others"):
        find({}, str(tmp_path / "key"), str(secret))


# --- they show themselves nowhere


CREDENTIALS = Credentials(Secret(KEY), Secret(SECRET))


def no_secret_in(text: str) -> bool:
    return not any(secret in text or secret[:8] in text or secret[-8:] in text for secret in (KEY, SECRET))


def failing(credentials: Credentials) -> None:
    raise ValueError(f"failed with {credentials}", credentials)


def traced() -> str:
    try:
        failing(CREDENTIALS)
    except ValueError as error:
        return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    return ""


def logged() -> str:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.emit(logging.LogRecord("test", logging.INFO, __file__, 1, "with %s and %r", (CREDENTIALS,) * 2, None))
    return stream.getvalue()


@pytest.mark.parametrize(
    "show",
    [
        pytest.param(lambda: repr(CREDENTIALS), id="repr of the pair"),
        pytest.param(lambda: str(CREDENTIALS), id="str of the pair"),
        pytest.param(lambda: repr(CREDENTIALS.api_secret), id="repr"),
        pytest.param(lambda: str(CREDENTIALS.api_secret), id="str"),
        pytest.param(lambda: f"{CREDENTIALS.api_key}{CREDENTIALS.api_key!r}{CREDENTIALS.api_key!a}", id="f-string"),
        pytest.param(lambda: str.format("{0} {0.api_secret}", CREDENTIALS), id="format"),
        pytest.param(lambda: operator.mod("%s %r", (CREDENTIALS, CREDENTIALS.api_secret)), id="percent"),
        pytest.param(lambda: json.dumps({"key": CREDENTIALS}, default=str), id="JSON by str"),
        pytest.param(lambda: repr([CREDENTIALS, {"secret": CREDENTIALS.api_secret}]), id="within others"),
        pytest.param(traced, id="a traceback that shows locals"),
        pytest.param(logged, id="the standard library's log"),
        pytest.param(lambda: repr(dir(CREDENTIALS.api_secret)), id="dir"),
    ],
)
def test_a_secret_shows_itself_in_no_text(show: Callable[[], str]) -> None:
    shown = show()
    assert shown
    assert no_secret_in(shown)


@pytest.mark.parametrize(
    "take",
    [
        pytest.param(pickle.dumps, id="pickle"),
        pytest.param(lambda secret: pickle.dumps(secret, protocol=0), id="pickle as text"),
        pytest.param(copy.copy, id="copy"),
        pytest.param(copy.deepcopy, id="deepcopy"),
        pytest.param(json.dumps, id="JSON"),
        pytest.param(msgspec.json.encode, id="msgspec JSON"),
        pytest.param(msgspec.msgpack.encode, id="msgpack"),
        pytest.param(msgspec.to_builtins, id="builtins"),
        pytest.param(vars, id="vars"),
        pytest.param(lambda secret: format(secret, ">40"), id="format with a width"),
        pytest.param(bytes, id="bytes"),
        pytest.param(list, id="list"),
    ],
)
def test_a_secret_cannot_be_copied_or_serialised(take: Callable[[object], object]) -> None:
    with pytest.raises(TypeError) as refused:
        take(CREDENTIALS.api_secret)
    assert no_secret_in(str(refused.value))


@pytest.mark.parametrize(
    "take", [pickle.dumps, copy.deepcopy, dataclasses.asdict, msgspec.json.encode, msgspec.to_builtins]
)
def test_a_pair_cannot_be_copied_or_serialised(take: Callable[[object], object]) -> None:
    with pytest.raises(TypeError):
        take(CREDENTIALS)


def test_a_secret_reveals_itself_when_asked_by_name() -> None:
    assert CREDENTIALS.api_secret.reveal() == SECRET


def test_the_pair_of_the_paper_exchange_is_the_documentations_example() -> None:
    assert revealed(PAPER) == ("mx0aBYs33eIilxBWC5", "45d0b3c26f2644f19bfb98b07741b2f5")
