"""An administrator's order to own the account at once, and what becomes of it."""

import asyncio


class TakeOrder:
    """The order to take the account from the member that owns it now.

    If another one takes it meanwhile, the order has ended: the administrator did not mean that one. Two members that
    are ordered at once would otherwise take the account from each other, and both would say that they own it.
    """

    def __init__(self, reason: str, owner: str) -> None:
        """Build it; ``owner`` is the member from which the account is taken, empty as long as none is known."""
        self.reason = reason
        self.is_overtaken = False
        self._owner = owner
        self._is_over = asyncio.Event()

    def is_due(self, owner: str) -> bool:
        """Return whether the account may be taken from its present owner; if not, the order has ended."""
        self._owner = self._owner or owner
        if owner != self._owner:
            self.is_overtaken = True
            self.end()
        return not self.is_overtaken

    def end(self) -> None:
        """Let :meth:`over` return."""
        self._is_over.set()

    async def over(self) -> None:
        """Wait until the order was carried out, overtaken or withdrawn."""
        await self._is_over.wait()
