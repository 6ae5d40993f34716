"""The health of the poller, as status, metrics and alerts show it."""

import msgspec


class PollerHealth(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Whether the poller reaches the bot, and what is outstanding."""

    url: str
    reachable: bool | None  # the bot showed its targets when it was last asked; None: not asked yet
    failing_ms: int  # how long the bot has not shown its targets, or not taken a report; 0 while it does both
    answered_ms: int | None  # when it last showed its targets
    targets: int  # that it showed then
    untold: int  # reports that it was sent and did not take
    error: str | None  # what is wrong, while it is failing
