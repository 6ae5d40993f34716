"""Whether the shared database keeps what it acknowledges."""

from daemon.errors import NotDurable
from daemon.fleet.contact import Contact
from daemon.fleet.health import Seen
from daemon.fleet.port import Backend, Role
from daemon.fleet.terms import Terms


class Durability:
    """What a member found when it looked last; ``Seen.doubts`` has it."""

    def __init__(self, terms: Terms, backend: Backend, contact: Contact, seen: Seen) -> None:
        self._terms = terms
        self._backend = backend
        self._contact = contact
        self._seen = seen

    async def check(self) -> None:
        """Look for the first time.

        Raises:
            BackendFailed: the database did not answer.
            NotDurable: it may lose something, and this member could own the account.

        """
        self._seen.doubts = await self._backend.doubts(self._terms.durability)
        if self._seen.doubts and self._terms.role is Role.MEMBER:
            raise NotDurable(f"the fleet's database may lose what it acknowledged: {'; '.join(self._seen.doubts)}")

    async def holds(self) -> bool:
        """Look again, and return whether it keeps everything: it may have been set otherwise since."""
        before, self._seen.doubts = self._seen.doubts, await self._backend.doubts(self._terms.durability)
        if self._seen.doubts and not before:
            self._contact.report("fleet.database_doubted", doubts="; ".join(self._seen.doubts))
        return not self._seen.doubts
