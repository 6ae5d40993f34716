"""As what a process takes part in a fleet."""

import msgspec

from daemon.fleet.entries import FORMAT
from daemon.fleet.port import Role
from daemon.fleet.takeover import Place


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What does not change while the process runs."""

    ledger: str
    member: str  # a random id that the database keeps
    name: str  # for people
    role: Role
    account: str  # hash of this machine's API key; it means nothing for a door
    version: str
    configuration: str  # hash of what all members must agree on, as the process began
    lease_ms: int
    renew_ms: int
    durability: str
    place: Place
    format: int = FORMAT  # of the entries that it writes, and the newest that it reads
