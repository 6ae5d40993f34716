"""The values that an exchange's answers become."""

import pytest

from daemon.core.values.exchange_replies import FIT, PreflightResult, PreflightVerdict


@pytest.mark.parametrize(
    ("result", "why"),
    [
        pytest.param(FIT, "", id="fit"),
        pytest.param(PreflightResult(PreflightVerdict.UNKNOWN, "no answer"), "no answer", id="no advice"),
        pytest.param(
            PreflightResult(PreflightVerdict.UNFIT, "the key is wrong", "make another key"),
            "the key is wrong; make another key, then start again",
            id="with advice",
        ),
    ],
)
def test_a_preflight_says_what_prevents_trading_and_what_to_do(result: PreflightResult, why: str) -> None:
    assert result.why == why
