"""Targets: which rows of the bot's become signals, which signals, and why the others do not."""

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config.tables import Config, PollerTable
from daemon.config.trading_tables import QueueTable
from daemon.core.rules.idempotency import identity_of
from daemon.core.values.signals import normalise
from daemon.core.values.states import State
from daemon.poller.targets import Bought, Candidate, Reason, Row, bought, candidate_of, drop_duplicates, read
from tests.core.bench import Bench
from tests.core.making import NOON_MS, order, rules, signal

TARGETS = Config(poller=PollerTable(user_id="anna"))
ADDRESS = "0x200C234721b5e549c3693CCc93cF191f90dC2aF9"


def confident(least: float) -> Config:
    """Return a configuration that asks for a confidence."""
    return Config(poller=PollerTable(user_id="anna", min_confidence=least))


def a_row(**changes: Any) -> dict[str, Any]:
    """Make a row as the bot shows it: ten USDT worth of FOO, now."""
    fields = {"id": 42, "userId": "anna", "status": "ready", "symbolName": "FOO", "positionSizeUsdt": 10}
    return {name: value for name, value in (fields | changes).items() if value is not ...}


def nothing_listed(_address: str) -> str | None:
    return None


def recognised(config: Config = TARGETS, **changes: Any) -> Row:
    row = read(json.dumps(a_row(**changes)).encode(), config)
    assert row is not None
    return row


def judged(config: Config = TARGETS, **changes: Any) -> Candidate | Reason:
    return candidate_of(recognised(config, **changes), config, {ADDRESS: "BARUSDT"}.get, NOON_MS)


def candidate(config: Config = TARGETS, **changes: Any) -> Candidate:
    found = judged(config, **changes)
    assert isinstance(found, Candidate), found
    return found


def refused(config: Config = TARGETS, **changes: Any) -> str:
    found = judged(config, **changes)
    assert isinstance(found, Reason), found
    assert found.target_id == "42"
    return found.why


# Recognising rows


def test_a_row_is_recognised_by_id_owner_and_status() -> None:
    row = recognised(errorMessage="earlier")
    assert (row.target_id, row.owner_id, row.status, row.executed, row.shown_error) == (
        "42", "anna", "ready", False, "earlier",
    )  # fmt: skip


def test_a_row_without_owner_is_of_the_user_that_was_asked_for() -> None:
    assert recognised(userId=...).owner_id == "anna"


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"7", b"null", b"[]", b"{", b"\xff", b"[" * 100_000, b'{"id":' * 100_000,
        b'{"status":"ready"}', b'{"id":"","status":"ready"}', b'{"id":"a/../b","status":"ready"}',
        b'{"id":[4],"status":"ready"}', b'{"id":true,"status":"ready"}', b'{"id":4.5,"status":"ready"}',
        b'{"id":4,"status":{}}', b'{"id":4,"status":"ready","userId":1.5}',
        b'{"id":4,"status":"ready","userId":"a","user_id":"b"}',
    ],
    ids=lambda raw: raw[:40].decode(errors="replace"),
)  # fmt: skip
def test_a_row_that_cannot_be_recognised_is_none(raw: bytes) -> None:
    assert read(raw, TARGETS) is None


@pytest.mark.parametrize(
    "shown",
    [
        {"actualExecutionTime": 1_790_000_000}, {"executionPrice": 1.5}, {"actual_position_size": "3"},
        {"executionStatus": "success"}, {"execution_status": "partial"},
    ],
    ids=str,
)  # fmt: skip
def test_what_the_bot_shows_as_traded_is_known_as_traded(shown: dict[str, Any]) -> None:
    """Its web page leaves a bought target "ready", for the exit manager: it must not be bought again."""
    assert recognised(**shown).executed


@pytest.mark.parametrize("shown", [{"executionStatus": "failed"}, {"executionPrice": None}, {"errorMessage": "no"}])
def test_what_failed_was_not_traded(shown: dict[str, Any]) -> None:
    assert not recognised(**shown).executed


def test_a_status_and_an_error_message_may_be_odd() -> None:
    assert recognised(status=" READY ").status == "ready"
    assert recognised(errorMessage=7).shown_error == ""


# What a target asks for


def test_a_target_is_a_market_buy_of_its_size_under_its_own_key() -> None:
    asked = candidate(entryStrategy="market").request
    assert (asked.symbol, asked.side, asked.type) == ("FOOUSDT", "BUY", "MARKET")
    assert (asked.quantity, asked.quote_order_qty, asked.price) == (None, Decimal(10), None)
    assert (asked.owner_id, asked.snipe_target_id, asked.idempotency_key) == ("anna", "42", "target:42")
    assert (asked.priority, asked.execute_at) == (None, None)


def test_a_limit_target_buys_what_its_size_pays_for_and_not_more() -> None:
    asked = candidate(entryStrategy="LIMIT", entryPrice="3", positionSizeUsdt=10).request
    assert (asked.type, asked.price, asked.quote_order_qty) == ("LIMIT", Decimal(3), None)
    assert asked.quantity == Decimal("3.333333333333333333")
    assert normalise(asked, Config(), now_ms=NOON_MS).quantity == asked.quantity


@pytest.mark.parametrize("strategy", [..., None, "normal", " Market "])
def test_a_target_without_a_strategy_is_bought_at_the_market(strategy: object) -> None:
    assert candidate(entryStrategy=strategy).request.type == "MARKET"


@pytest.mark.parametrize("size", [12.5, "12.5", "12.50"])
def test_a_size_is_read_exactly(size: object) -> None:
    assert candidate(positionSizeUsdt=size).request.quote_order_qty == Decimal("12.5")


def test_a_tiny_price_is_read_exactly() -> None:
    asked = candidate(entryStrategy="limit", entryPrice=1e-7, positionSizeUsdt=10).request
    assert (asked.price, asked.quantity) == (Decimal("1e-7"), Decimal(10**8))


@pytest.mark.parametrize(
    ("keys", "fields", "cap"),
    [
        pytest.param({}, {"entryPrice": 2}, (None, None), id="none by default"),
        pytest.param({"slippage_percent": 5.5}, {"entryPrice": 2}, (None, Decimal("5.5")), id="a percentage"),
        pytest.param({"cap_at_entry_price": True}, {"entryPrice": 2}, (Decimal(2), None), id="the entry price"),
        pytest.param(
            {"cap_at_entry_price": True, "slippage_percent": 5.0}, {}, (None, Decimal(5)), id="no entry price"
        ),
        pytest.param(
            {"cap_at_entry_price": True, "slippage_percent": 5.0}, {"entryPrice": 2}, (Decimal(2), None), id="both"
        ),
        pytest.param(
            {"cap_at_entry_price": True, "slippage_percent": 5.0},
            {"entryStrategy": "limit", "entryPrice": 2},
            (None, None),
            id="a limit order",
        ),
    ],
)
def test_a_target_at_the_market_gets_the_configured_cap(
    keys: dict[str, Any], fields: dict[str, Any], cap: tuple[Decimal | None, Decimal | None]
) -> None:
    config = msgspec.structs.replace(TARGETS, poller=msgspec.structs.replace(TARGETS.poller, **keys))
    asked = candidate(config, **fields).request
    assert (asked.max_price, asked.slippage_percent) == cap


SNAKE = {
    "id": 42, "user_id": "anna", "status": "ready", "symbol_name": "FOO", "entry_strategy": "limit", "entry_price": 2,
    "position_size_usdt": 10, "priority": 3, "target_execution_time": NOON_MS, "confidence_score": 90,
    "created_at": NOON_MS - 5,
}  # fmt: skip


def camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(map(str.capitalize, rest))


def test_both_spellings_of_names_are_read_even_mixed() -> None:
    spelled = [SNAKE, {camel(name): value for name, value in SNAKE.items()}]
    spelled.append({camel(name) if place % 2 else name: value for place, (name, value) in enumerate(SNAKE.items())})
    spelled.append(SNAKE | {"symbolName": None, "entryPrice": 2})
    rows = [read(json.dumps(fields).encode(), TARGETS) for fields in spelled]
    found = [candidate_of(row, TARGETS, nothing_listed, NOON_MS) for row in rows if row is not None]
    requests = [each.request for each in found if isinstance(each, Candidate)]
    assert len(requests) == 4
    assert all(request == requests[0] for request in requests)


def test_two_spellings_that_contradict_each_other_are_refused() -> None:
    assert "symbol_name and symbolName contradict" in refused(symbol_name="BAR")


def test_a_coin_may_have_a_name_in_any_script() -> None:
    assert candidate(symbolName="币安人生").request.symbol == "币安人生USDT"


@pytest.mark.parametrize("name", ["FOO", "foo", "FOOUSDT", " fooUsdt "])
def test_a_coin_and_its_pair_are_the_pair(name: str) -> None:
    assert candidate(symbolName=name).request.symbol == "FOOUSDT"


def test_a_contract_address_is_the_pair_that_the_exchange_lists_for_it() -> None:
    assert candidate(symbolName=ADDRESS).request.symbol == "BARUSDT"
    assert "contract address" in refused(symbolName="0x" + "0" * 40)
    assert "contract address" in refused(symbolName="DezXAZ8z7PnrnRJjz3wXBoRgixCa6xjnB7YaB1pPB263")


@pytest.mark.parametrize("name", [..., "", "USDT", "FOO/USDT", "FOO-USDT", "币 安", "A" * 50, 7.5, {}, "FOO\n"])
def test_what_is_no_coin_is_refused(name: object) -> None:
    if name == "FOO\n":  # blanks around a name are nothing
        assert candidate(symbolName=name).request.symbol == "FOOUSDT"
    else:
        assert refused(symbolName=name)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"entryStrategy": "twap"}, "entry_strategy 'twap' is unknown; allowed: market or limit"),
        ({"positionSizeUsdt": ...}, "position_size_usdt is missing"),
        ({"positionSizeUsdt": 0}, "position_size_usdt 0 is out of range"),
        ({"positionSizeUsdt": -5}, "position_size_usdt '-5' is not a usable number"),
        ({"positionSizeUsdt": True}, "position_size_usdt 'True' is not a usable number"),
        ({"positionSizeUsdt": "ten"}, "position_size_usdt 'ten' is not a usable number"),
        ({"positionSizeUsdt": "\uff11\uff10"}, "is not a usable number"),
        ({"positionSizeUsdt": 10**30}, "is not a usable number"),
        ({"positionSizeUsdt": 1e300}, "is not a usable number"),
        ({"positionSizeUsdt": [1]}, "is not a usable number"),
        ({"entryStrategy": "limit"}, "entry_price is missing"),
        ({"entryStrategy": "limit", "entryPrice": 0}, "entry_price 0 is out of range"),
        ({"entryStrategy": "limit", "entryPrice": 1e18, "positionSizeUsdt": 0.1}, "buys nothing"),
        ({"priority": 0}, "priority 0 is out of range; allowed: 1 to 5"),
        ({"priority": 6}, "priority 6 is out of range"),
        ({"priority": 1.5}, "priority 1.5 is out of range"),
        ({"targetExecutionTime": "tomorrow"}, "target_execution_time 'tomorrow' is not an instant"),
        ({"targetExecutionTime": "2026-09-21T14:13:20"}, "not an instant"),
        ({"createdAt": 1, "created_at": 2}, "contradict"),
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_used_is_refused_with_the_reason(changes: dict[str, Any], said: str) -> None:
    assert said in refused(**changes)


@pytest.mark.parametrize(("priority", "rank"), [(None, None), (1, 5), (2, 6), ("5", 9)])
def test_a_priority_is_carried_over_and_never_ahead_of_a_sell(priority: object, rank: int | None) -> None:
    assert candidate(priority=priority).request.priority == rank


def test_a_priority_stays_on_our_scale() -> None:
    assert candidate(Config(poller=TARGETS.poller, queue=QueueTable(buy_priority=9)), priority=4).request.priority == 10


@pytest.mark.parametrize("at", [NOON_MS + 7_000, "2026-09-21T14:13:27Z", 1_790_000_007])
def test_an_execution_time_is_the_instant_of_the_order(at: object) -> None:
    found = candidate(targetExecutionTime=at)
    assert (found.request.execute_at, found.instants) == (NOON_MS + 7_000, (NOON_MS + 7_000,))


@pytest.mark.parametrize("at", [None, ""])
def test_without_an_execution_time_a_target_is_for_now(at: object) -> None:
    assert candidate(targetExecutionTime=at).instants == (NOON_MS, NOON_MS)
    assert candidate(targetExecutionTime=at, createdAt=1_789_999_990).instants == (NOON_MS, NOON_MS - 10_000)


@pytest.mark.parametrize(
    ("score", "is_enough"),
    [(0.8, True), (80, True), ("0.85", True), (1, True), (100, True), (0.79, False), (79, False)],
)
def test_a_confidence_is_a_share_or_a_percentage(score: object, is_enough: bool) -> None:
    careful = confident(0.8)
    assert isinstance(judged(careful, confidenceScore=score), Candidate) is is_enough


@pytest.mark.parametrize(("score", "said"), [(..., "missing"), (101, "out of range"), ("high", "not a usable number")])
def test_a_confidence_that_is_asked_for_must_be_one(score: object, said: str) -> None:
    assert said in refused(confident(0.5), confidenceScore=score)


def test_without_a_minimum_the_confidence_is_ignored() -> None:
    assert candidate(confidenceScore="high")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(sorted({*SNAKE, *map(camel, SNAKE)})), JSON))
def test_no_row_is_so_odd_that_it_is_an_error(fields: dict[str, Any]) -> None:
    careful = confident(0.5)
    row = read(json.dumps(a_row() | fields).encode(errors="surrogatepass"), careful)
    if row is not None:
        assert isinstance(candidate_of(row, careful, nothing_listed, NOON_MS), Candidate | Reason)


# Doubles


def without_duplicates(
    *changes: dict[str, Any], taken: list[Bought] | None = None, under_way: list[Candidate] | None = None
) -> tuple[list[str], dict[str, str]]:
    first, duplicates = drop_duplicates([candidate(**each) for each in changes], taken or [], under_way or [], TARGETS)
    assert {(each.status, each.execution_status) for each in duplicates} <= {("cancelled", "duplicate")}
    return [each.row.target_id for each in first], {each.target_id: each.why for each in duplicates}


def test_of_several_targets_of_one_coin_only_the_lowest_id_is_submitted() -> None:
    """The others wait: the first may be one that cannot be traded."""
    assert without_duplicates({"id": 10}, {"id": 9}, {"id": "abc"}, {"id": 8, "symbolName": "fooUSDT"}) == (["8"], {})


def test_targets_of_other_coins_or_users_are_no_doubles() -> None:
    assert without_duplicates({"id": 1}, {"id": 2, "symbolName": "BAR"}, {"id": 3, "userId": "bert"}) == (
        ["1", "2", "3"],
        {},
    )


def test_targets_far_apart_in_time_are_no_doubles() -> None:
    at = [{"id": number, "targetExecutionTime": NOON_MS + number * 60_001} for number in (1, 2)]
    assert without_duplicates(*at)[0] == ["1", "2"]
    assert without_duplicates(at[0], {"id": 2, "targetExecutionTime": NOON_MS + 120_001})[0] == ["1"]


def test_an_order_that_was_accepted_shortly_before_makes_a_duplicate() -> None:
    taken = [each for each in [bought(order(State.FILLED, target_id="7"))] if each is not None]
    assert without_duplicates({"id": 8}, taken=taken)[1] == {
        "8": f"a duplicate of target 7 (order {order().order_id}): the same coin for the same user; not traded"
    }
    earlier = [msgspec.structs.replace(taken[0], at_ms=NOON_MS - 60_001)]
    assert without_duplicates({"id": 8}, taken=earlier)[0] == ["8"]
    assert without_duplicates({"id": 8, "createdAt": NOON_MS - 60_000}, taken=earlier)[0] == []
    assert without_duplicates({"id": 7}, taken=taken)[0] == ["7"]


def test_only_buys_that_bought_or_may_buy_make_doubles() -> None:
    assert bought(order(State.REJECTED)) is None
    assert bought(order(State.FILLED, side="SELL")) is None
    assert bought(order(State.CANCELED, finished_ms=NOON_MS)) is None
    assert bought(order(State.CANCELED)) is not None, "a fill may follow"
    waiting = bought(order(State.ARMED, execute_at_ms=NOON_MS + 5))
    assert waiting is not None
    assert (waiting.at_ms, waiting.name) == (NOON_MS + 5, f"order {order().order_id}")


def test_a_target_waits_for_one_that_is_being_submitted() -> None:
    assert without_duplicates({"id": 2}, under_way=[candidate(id=3)]) == ([], {})


# One key per target, from any caller


@pytest.mark.parametrize(
    ("asked", "key"),
    [
        ({"snipe_target_id": 42}, "target:42"),
        ({"snipe_target_id": 42, "idempotency_key": "mine"}, "mine"),
        ({"snipe_target_id": 42, "side": "SELL"}, None),
        ({}, None),
    ],
    ids=str,
)
def test_the_first_buy_of_a_target_has_the_targets_key_whether_targets_are_polled_or_not(
    asked: dict[str, Any], key: str | None
) -> None:
    identities = [identity_of(signal(**asked), per_symbol=False, one_buy_per_target=polled) for polled in (True, False)]
    assert identities[0].key == identities[1].key == (key or identities[0].keys[0])
    assert key is not None or identities[0].key.startswith("derived:")


def test_a_target_that_comes_both_ways_is_one_order() -> None:
    bench = Bench(rules=rules(poller={"enabled": True}))
    first = bench.submit(snipe_target_id="42", quote_order_qty=Decimal(10))
    asked = candidate().request
    fields = {name: getattr(asked, name) for name in asked.__struct_fields__ if getattr(asked, name) is not None}
    assert bench.submit(**fields).order_id == first.order_id
