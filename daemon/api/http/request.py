"""A request as a value. The adapters make it, so a handler needs no socket."""

from collections.abc import Mapping

import msgspec
from multidict import CIMultiDict, CIMultiDictProxy, MultiMapping

from daemon.api.http.peer import Peer

_NO_HEADERS: MultiMapping[str] = CIMultiDictProxy(CIMultiDict[str]())


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request, with its whole body.

    ``path_parameters`` are the names in a route's path, like ``id``. ``query`` holds the first value of each name.
    """

    method: str
    path: str
    peer: Peer
    headers: MultiMapping[str] = _NO_HEADERS
    query: Mapping[str, str] = {}
    path_parameters: Mapping[str, str] = {}
    body: bytes = b""
