"""Who a member is: a random id that its database keeps, and the place where its process runs."""

from pathlib import Path

import msgspec

from daemon.clock import Entropy, read_anchor
from daemon.core.state.changes import ChangeSet
from daemon.fleet.takeover import Place
from daemon.store.store import Store

MEMBER_FACT = "fleet_member"
"""Name of the fact that holds the id, and the file for which it was made."""


class Identity(msgspec.Struct, frozen=True):
    """A member's id. A copy of its database, as a restored backup, is another file, and another member."""

    member: str
    inode: int
    is_copied: bool = False  # the file was copied, and the log did not confirm its content yet


def place_of(database: Path) -> Place:
    """Return where this process runs; it must hold the lock on its database."""
    stat = database.stat()
    return Place(read_anchor().boot_id, stat.st_dev, stat.st_ino)


async def member_id(store: Store, place: Place, entropy: Entropy) -> str:
    """Return the id of the member whose database this is; make one for a new database, or for a copied one."""
    stored = await store.fact(MEMBER_FACT)
    known = None if stored is None else msgspec.json.decode(stored, type=Identity)
    if known is None or known.inode != place.inode:
        known = Identity(entropy(8).hex(), place.inode, is_copied=known is not None)
        await store.commit(ChangeSet(facts=identity_fact(known))).durable()
    return known.member


def identity_fact(identity: Identity) -> dict[str, str]:
    """Return the fact that holds an identity."""
    return {MEMBER_FACT: msgspec.json.encode(identity).decode()}
