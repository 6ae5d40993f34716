"""Who is at the other end of a socket.

On a Unix socket the kernel says (``SO_PEERCRED``), so nobody has to prove it. The file mode decides who may trade;
administration asks for more: root, the daemon's own user, or a user that the configuration lists.
"""

import os
import socket
import struct
from collections.abc import Collection

from daemon.api.http.request import Request
from daemon.engine.order_commands import Caller

_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid


def caller(request: Request, admin_uids: Collection[int]) -> Caller:
    """Name the caller, and say whether it may administer."""
    assert request.transport is not None
    peer = request.transport.get_extra_info("socket")
    if peer.family != socket.AF_UNIX:
        return Caller("token", administrator=True)  # the loopback listener asked for it
    _pid, uid, _gid = _CREDENTIALS.unpack(peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return Caller(actor=f"uid:{uid}", administrator=uid in {0, os.geteuid(), *admin_uids})
