"""manual: the list of topics, a page, at a terminal through the pager."""

from pathlib import Path

import pytest

from daemon import exit_codes
from daemon.manual import Topic, topics
from tests.process.cli.command import PAINT, Command
from tests.support.daemon_process import plain_environment

TOPICS = topics()


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """A user's command, without a daemon."""
    return Command(plain_environment(tmp_path), tmp_path)


def test_without_a_topic_every_topic_is_listed_with_its_sentence(command: Command) -> None:
    ran = command("manual")
    assert (ran.code, ran.errors) == (0, "")
    _, *rows = ran.output.splitlines()
    assert [row.split(maxsplit=1) for row in rows] == [[each.name, each.about] for each in TOPICS.values()]


def test_a_topic_is_printed_as_markdown_for_programs(command: Command) -> None:
    ran = command("manual", "reference-exit-codes")
    assert (ran.code, ran.errors) == (0, "")
    assert ran.output.startswith("# Exit codes\n\n")
    assert "- `77`: A permission or credential is missing" in ran.output
    assert "<!--" not in ran.output


def test_a_link_to_another_page_names_the_command_that_shows_it(command: Command) -> None:
    assert "command reference (`sniperd manual reference-commands`)" in command("manual", "exit-codes").output


def test_the_reference_is_also_found_without_its_first_word(command: Command) -> None:
    assert command("manual", "events") == command("manual", "reference-events")


def test_an_unknown_topic_is_refused_with_the_list(command: Command) -> None:
    ran = command("manual", "frobnication")
    assert (ran.code, ran.output) == (exit_codes.USAGE, "")
    assert f"'frobnication' is not one of the topics: {', '.join(TOPICS)}" in ran.errors


def test_at_a_terminal_the_page_is_rendered_and_shown_by_the_pager(command: Command, tmp_path: Path) -> None:
    pager = tmp_path / "pager"
    pager.write_text('#!/bin/sh\necho "the pager:"\nexec cat\n')
    pager.chmod(0o755)
    shown = PAINT.sub(
        "",
        Command(command.environ | {"PAGER": str(pager)}, tmp_path).at_terminal("manual", "reference-exit-codes"),
    )
    assert shown.lstrip().startswith("the pager:")
    assert "• 77: A permission or credential is missing" in shown
    assert all(len(line.rstrip()) <= 80 for line in shown.splitlines())


@pytest.mark.parametrize("topic", TOPICS.values(), ids=TOPICS)
def test_a_page_begins_with_its_title_and_a_sentence(topic: Topic) -> None:
    assert topic.title
    assert topic.about.endswith(".")
    assert "\n" not in topic.title + topic.about
    assert topic.about.count(". ") == 0, "one sentence"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("see [live trading](live.md)", "see live trading (live)"),
        ("see [the modes](live.md#modes)", "see the modes (live)"),
        ("see [the tests](../../tests/bot)", "see the tests"),
        ("see [here](#below)", "see here"),
        ("![The dashboard](../../.ci/dashboard.png)", "The dashboard"),
        ("see [MEXC](https://mexc.com/a.md)", "see [MEXC](https://mexc.com/a.md)"),
    ],
)
def test_relative_links_become_words(text: str, shown: str) -> None:
    assert Topic("x", "X", "About x.", text).linked(str) == shown
