"""How the poller stands, as a value: what status, metrics and alerts show of it."""

import msgspec


class PollerHealth(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How the poller stands with the bot."""

    url: str
    reachable: bool | None  # the bot showed its targets when it was last asked; None: not asked yet
    failing_ms: int  # how long the bot has not shown its targets, or not taken a report; 0 while it does both
    answered_ms: int | None  # when it last showed its targets
    targets: int  # that it showed then
    untold: int  # reports that it was sent and did not take
    error: str | None  # what is wrong, while it is failing
