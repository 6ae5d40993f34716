"""What was found out about an exchange: a file that is read back as it was written, and what each answer changes."""

from pathlib import Path

import msgspec
import pytest

from daemon.config import probe_results
from daemon.config.probe_results import ProbeResults
from daemon.config.tables import Config
from daemon.config.trading_tables import ReconcileTable
from daemon.core.rules.trading_rules import Rules
from daemon.core.values.exchange_replies import Refused, Unclear
from daemon.errors import BadConfig
from daemon.exchange.mexc.idle_limit import IdleLimit
from daemon.exchange.mexc.replies import placed_or_not

FOUND = ProbeResults(
    exchange="https://api.mexc.com",
    symbol="BTCUSDT",
    probed_ms=1_800_000_000_000,
    duplicate_codes=[33333],
    lookup_lag_ms=2_500,
    ended_shown_by_id=False,
    refused_types=["FILL_OR_KILL"],
    repeated_id_open=False,
    idle_closed_s=30.2,
)


def test_what_is_written_is_read_back_and_what_is_not_settled_is_left_out(tmp_path: Path) -> None:
    probe_results.write(FOUND, tmp_path / "facts.toml")
    assert probe_results.load(tmp_path / "facts.toml") == FOUND
    assert "test_checks_amount" not in (tmp_path / "facts.toml").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["facts.toml"]


def test_a_symbolic_link_in_its_way_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "facts.toml.new").symlink_to(tmp_path / "precious")
    probe_results.write(FOUND, tmp_path / "facts.toml")
    assert probe_results.load(tmp_path / "facts.toml") == FOUND
    assert (tmp_path / "precious").read_text() == "precious"


def test_a_file_that_is_not_there_settles_nothing(tmp_path: Path) -> None:
    assert probe_results.load(tmp_path / "facts.toml") is None


@pytest.mark.parametrize("text", ["lookup_lag_ms = 'soon'", "[", "colour = 'red'"])
def test_a_file_that_cannot_be_read_is_refused_with_what_to_do(tmp_path: Path, text: str) -> None:
    (tmp_path / "facts.toml").write_text(text)
    with pytest.raises(BadConfig, match="remove it, or run `sniperd doctor --live-probe` again"):
        probe_results.load(tmp_path / "facts.toml")


def test_answers_are_about_one_server() -> None:
    assert FOUND.is_about("https://api.mexc.com")
    assert not FOUND.is_about("paper")


def test_nothing_settled_changes_nothing() -> None:
    rules = Rules(Config(), ProbeResults())
    assert rules == Rules()
    assert (rules.grace_ms, rules.shows_ended) == (ReconcileTable().grace_ms, True)
    assert (rules.probed.refused_types, rules.probed.duplicate_codes) == ([], [])
    assert ProbeResults().effects() == []


def test_each_answer_reaches_what_it_changes() -> None:
    rules = Rules(Config(), FOUND)
    assert rules.grace_ms == 25_000
    assert not rules.shows_ended
    assert rules.probed.refused_types == ["FILL_OR_KILL"]
    assert len(FOUND.effects()) == 5
    assert IdleLimit(FOUND.idle_closed_s).usable_s < 30.2 < IdleLimit().usable_s


def test_a_short_lag_does_not_shorten_the_grace() -> None:
    quick = msgspec.structs.replace(FOUND, lookup_lag_ms=5)
    assert Rules(Config(), quick).grace_ms == Rules().grace_ms


def test_a_code_that_is_known_to_mean_a_repeated_id_never_proves_that_there_is_no_order() -> None:
    body = b'{"code":33333,"msg":"param is error"}'
    assert isinstance(placed_or_not(400, body, None, "POST"), Refused)
    assert isinstance(placed_or_not(400, body, None, "POST", frozenset({33333})), Unclear)
