"""A bot of its own for every test; exchange and daemon too, where a test breaks them."""

from collections.abc import Iterator

import pytest

from tests.process.poller.bot import Bot, running
from tests.support import Daemon, Exchange
from tests.support.daemon_process import Tables
from tests.support.stage import Stage


@pytest.fixture
def bot() -> Iterator[Bot]:
    """The bot, listening."""
    with running(Bot()) as one:
        yield one


@pytest.fixture
def exchange(own_stage: Stage) -> Exchange:
    """The exchange, with an empty book."""
    return own_stage.exchange()


@pytest.fixture
def daemon(own_stage: Stage, exchange: Exchange, bot: Bot) -> Daemon:
    """The daemon, configured to poll the bot; not started."""
    return own_stage.daemon(exchange, polling(bot))


def polling(bot: Bot, **changes: object) -> Tables:
    """Return the configuration with which a bot is polled."""
    keys = {"enabled": True, "base_url": bot.url, "user_id": "u1", "interval_ms": 50, "longest_interval_ms": 200}
    return {"poller": keys | changes}
