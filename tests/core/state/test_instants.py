"""Instants: which orders' instants are near."""

from daemon.core.state.instants import Instants


def test_the_nearest_instants_come_first_and_those_that_passed_do_not_come() -> None:
    instants = Instants()
    for at_ms, order_id in ((300, "c"), (100, "a"), (200, "b"), (900, "far"), (100, "a")):
        instants.add(at_ms, order_id, 0)
    assert instants.until(0, 300, 10) == ["a", "b", "c"]
    assert instants.until(101, 300, 10) == ["b", "c"]
    assert instants.until(0, 300, 2) == ["a", "b"]
    assert [instants.next_ms(now_ms) for now_ms in (0, 100, 101, 901)] == [100, 100, 200, None]


def test_what_has_passed_is_forgotten_with_the_next_order() -> None:
    instants = Instants()
    instants.add(100, "a", 0)
    instants.add(200, "b", 150)
    assert instants.until(0, 1_000, 10) == ["b"]
