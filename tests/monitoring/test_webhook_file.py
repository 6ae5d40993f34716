"""The file of webhooks: what it may hold, who may read it, and that no message quotes it."""

from pathlib import Path

import pytest

from daemon.errors import BadConfig, NoPermission
from daemon.monitoring.webhook_file import CREDENTIAL, MAX_WEBHOOKS, Kind, Subject, find, parse

TOKEN = "T0KEN-that-nobody-may-see"
FOUR = f"""
# where we are called
json http://127.0.0.1:9/hook?key={TOKEN}
slack https://hooks.slack.example/services/{TOKEN}

discord https://discord.example/api/webhooks/1/{TOKEN}
telegram https://api.telegram.example/bot{TOKEN}/sendMessage -100123
"""


def written(directory: Path, text: str, mode: int = 0o600, name: str = "webhooks") -> Path:
    path = directory / name
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_file_has_one_webhook_per_line(tmp_path: Path) -> None:
    found = find({}, str(written(tmp_path, FOUR)))
    assert [(each.name, each.kind, each.chat) for each in found] == [
        ("json 1", Kind.JSON, ""),
        ("slack 2", Kind.SLACK, ""),
        ("discord 3", Kind.DISCORD, ""),
        ("telegram 4", Kind.TELEGRAM, "-100123"),
    ]
    assert found[3].url.reveal() == f"https://api.telegram.example/bot{TOKEN}/sendMessage"
    assert TOKEN not in repr(found)


def test_a_last_word_limits_a_webhook_to_alerts_or_to_trades() -> None:
    text = "json https://a.example/x trades\ntelegram https://b.example/x -1001 alerts\nslack https://c.example/x"
    found = parse(text, Path("w"))
    assert [[subject for subject in Subject if each.takes(subject)] for each in found] == [
        [Subject.NOTIFICATION],
        [Subject.ALERT],
        [Subject.ALERT, Subject.NOTIFICATION],
    ]
    assert found[1].chat == "-1001"


def test_the_log_redacts_an_address_whole_and_without_its_server() -> None:
    (webhook,) = parse(f"slack https://hooks.example/services/{TOKEN}", Path("w"))
    assert [secret.reveal() for secret in webhook.secrets()] == [
        f"https://hooks.example/services/{TOKEN}",
        f"/services/{TOKEN}",
    ]
    (bare,) = parse("json https://example.org/", Path("w"))
    assert [secret.reveal() for secret in bare.secrets()] == ["https://example.org/"], "a slash would strike out all"


def test_without_a_file_there_are_no_webhooks(tmp_path: Path) -> None:
    assert find({}, "") == []
    assert find({"CREDENTIALS_DIRECTORY": str(tmp_path)}, "") == []


def test_the_service_managers_credential_comes_first(tmp_path: Path) -> None:
    written(tmp_path, "json https://given.example/x", name=CREDENTIAL)
    other = written(tmp_path, "json https://configured.example/x")
    (webhook,) = find({"CREDENTIALS_DIRECTORY": str(tmp_path)}, str(other))
    assert webhook.url.reveal() == "https://given.example/x"


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o620])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = written(tmp_path, FOUR, mode)
    with pytest.raises(NoPermission, match=f"replace the webhooks in it by new ones, then chmod 600 {path}"):
        find({}, str(path))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoPermission, match="cannot read the credential"):
        find({}, str(tmp_path / "absent"))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            f"teams https://example.org/{TOKEN}",
            "does not begin with a kind of webhook; allowed: json, slack, discord, telegram",
        ),
        (f"https://example.org/{TOKEN}", "does not begin with a kind of webhook"),
        (f"slack {TOKEN}", "has no safe address"),
        (f"slack http://example.org/{TOKEN}", "has no safe address"),
        (f"slack https:///{TOKEN}", "has no safe address"),
        (f"slack https://example.org:99999/{TOKEN}", "has no safe address"),
        (f"slack https://[{TOKEN}/", "has no safe address"),
        (f"slack https://example.org/{TOKEN} general", "has 3 words; allowed: slack ADDRESS"),
        (f"telegram https://example.org/{TOKEN}", "has 2 words; allowed: telegram ADDRESS CHAT"),
        ("slack", "has 1 words; allowed: slack ADDRESS"),
        ("json https://example.org/x\n" * (MAX_WEBHOOKS + 1), f"allowed: {MAX_WEBHOOKS} webhooks"),
    ],
)
def test_a_wrong_line_is_named_by_its_number_and_never_quoted(tmp_path: Path, line: str, said: str) -> None:
    path = written(tmp_path, f"# a comment\n{line}")
    with pytest.raises(BadConfig) as refused:
        find({}, str(path))
    assert said in str(refused.value)
    assert str(path) in str(refused.value)
    assert TOKEN not in str(refused.value)
