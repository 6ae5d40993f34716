"""A minute of siege: the promises of a fleet hold while its members are killed, stopped and cut off."""

import pytest

from tests.chaos.fleet import besiege


@pytest.mark.needs("postgresql")
def test_a_minute_of_siege() -> None:
    outcome = besiege(60, seed=2, members=3, tell=print)
    assert outcome.broken == []
    assert outcome.figures["owners that ended"] > 0
    assert outcome.figures["orders on the book"] > outcome.figures["answered"] * 0.9
