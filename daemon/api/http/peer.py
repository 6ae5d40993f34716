"""The client of a connection.

On a Unix socket the kernel knows the client's user (``SO_PEERCRED``), so no credentials are needed. The file mode
decides who may trade. Administration needs root, the daemon's own user, or a user that the configuration lists.
"""

import asyncio
import os
import socket
import struct
from collections.abc import Collection

import msgspec

from daemon.engine.order_commands import Caller

_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid


class Peer(msgspec.Struct, frozen=True):
    """A client; ``uid`` is ``None`` over TCP, where only a holder of the bearer token may change anything.

    ``vouched`` is the client of another member of the fleet, as that member knows it.
    """

    uid: int | None
    vouched: Caller | None = None


TCP = Peer(None)
GONE = Peer(2**32 - 1)
"""The connection has ended already. This is ``(uid_t) -1``, which no user has."""


def peer_of(transport: asyncio.BaseTransport) -> Peer:
    """Return the client of a connection, from the kernel."""
    peer = transport.get_extra_info("socket")
    if peer.family != socket.AF_UNIX:
        return TCP
    _pid, uid, _gid = _CREDENTIALS.unpack(peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return Peer(uid)


def caller_of(peer: Peer, admin_uids: Collection[int]) -> Caller:
    """Return the caller's name, and whether it may administer."""
    if peer.vouched is not None:
        return peer.vouched
    if peer.uid is None:
        return Caller("token", administrator=True)  # the loopback listener checked it
    return Caller(actor=f"uid:{peer.uid}", administrator=peer.uid in {0, os.geteuid(), *admin_uids})
