"""Man pages and shell completion: made of the handbook and the parser, complete, and understood by their readers."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.installing.man_pages import man_page
from daemon.installing.plan import installation, removal
from daemon.installing.share import COMPLETIONS, completions, man_page_paths, page_of
from daemon.installing.steps import Run
from daemon.manual import topics
from tests.support.command import SNIPERD, run
from tests.support.daemon_process import plain_environment

COMMAND = Path("/srv/sniperd")
TOPICS = topics()
NARROW = re.compile("can't break line|table wider than|around line")
"""What groff says where a word is wider than its column."""


def test_the_pages_have_the_names_under_which_man_finds_them() -> None:
    assert page_of("reference-commands") == ("sniperd", 1)
    assert page_of("reference-configuration") == ("sniperd.toml", 5)
    assert page_of("reference-events") == ("sniperd-events", 7)
    assert page_of("live") == ("sniperd-live", 7)
    assert len(set(man_page_paths().values())) == len(TOPICS)


@pytest.mark.parametrize("topic", TOPICS)
def test_a_page_is_named_described_and_whole(topic: str) -> None:
    page, (name, section) = man_page(TOPICS[topic]), page_of(topic)
    assert f'.TH "{name}" "{section}"' in page
    described = re.search(r"^\.SH Name\n(.*?)\n\.", page, re.MULTILINE | re.DOTALL)
    assert described is not None
    assert re.sub(r"\\", "", described[1]).splitlines() == [
        f"{name} - {TOPICS[topic].about.replace('`', '').rstrip('.')}"
    ]
    shown = re.sub(r"\\f.|\\", "", page)
    for heading in re.findall(
        r"^## (.*)$", re.sub(r"```.*?```", "", TOPICS[topic].text, flags=re.DOTALL), re.MULTILINE
    ):
        assert f".SH {heading.replace('`', '')}\n" in shown
    assert ".SH See also\n" in page


@pytest.mark.needs("groff")
@pytest.mark.parametrize("topic", TOPICS)
def test_groff_understands_a_page(topic: str) -> None:
    ran = subprocess.run(
        ["groff", "-t", "-man", "-Tutf8", "-Kutf8", "-ww", "-z"],
        input=man_page(TOPICS[topic]),
        capture_output=True,
        text=True,
        check=True,
    )
    assert [line for line in ran.stderr.splitlines() if not NARROW.search(line)] == []


def test_the_commands_page_lists_every_other() -> None:
    page = re.sub(r"\\f.|\\", "", man_page(TOPICS["reference-commands"]))
    for topic in set(TOPICS) - {"reference-commands"}:
        name, section = page_of(topic)
        assert f"{name}({section})" in page


def test_without_the_packages_that_write_them_the_rest_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "daemon.installing.man_pages")
    monkeypatch.setitem(sys.modules, "docutils", None)
    steps = installation(tmp_path, COMMAND)
    assert any(
        "no man pages" in step.describe() and "pip install 'sniperd[build]'" in step.describe() for step in steps
    )
    for step in steps:
        if not isinstance(step, Run):
            step.do()
    share = tmp_path / "usr/local/share"
    assert not (share / "man").exists()
    assert all((share / path).is_file() for path in COMPLETIONS)
    for step in removal(tmp_path, COMMAND):
        if not isinstance(step, Run):
            step.do()
    assert not [path for path in share.rglob("*") if path.is_file()]


def test_a_page_of_a_former_version_is_replaced_or_removed_and_none_is_kept_beside(tmp_path: Path) -> None:
    man = tmp_path / "usr/local/share/man"
    for path in ("man1/sniperd.1", "man7/sniperd-former.7", "man7/sniperdog.7"):
        (man / path).parent.mkdir(parents=True, exist_ok=True)
        (man / path).write_text("former")
    for step in installation(tmp_path, COMMAND):
        if not isinstance(step, Run):
            step.do()
    there = {str(path.relative_to(man.parent)) for path in man.rglob("*") if path.is_file()}
    assert there == {*man_page_paths().values(), "man/man7/sniperdog.7"}
    assert (man / "man1/sniperd.1").read_text() == man_page(TOPICS["reference-commands"])


def test_bash_completes_with_the_file_that_is_installed(tmp_path: Path) -> None:
    script = tmp_path / "sniperd"
    script.write_bytes(dict(completions())["bash-completion/completions/sniperd"])
    ran = run("bash", "-euc", f"source {script}; complete -p sniperd", environ={}, directory=tmp_path)
    assert ran.code == 0, ran.errors
    assert ran.output.endswith("sniperd\n")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("sniperd man", ["manual"]),
        ("sniperd manual reference-ev", ["reference-events"]),
        ("sniperd status --js", ["--json"]),
    ],
)
def test_the_command_completes_commands_topics_and_options(tmp_path: Path, words: str, expected: list[str]) -> None:
    environ = plain_environment(tmp_path) | {
        "_SNIPERD_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1),
    }  # fmt: skip
    ran = run(*SNIPERD, environ=environ, directory=tmp_path)
    assert ran.output.splitlines() == [f"plain,{each}" for each in expected]
