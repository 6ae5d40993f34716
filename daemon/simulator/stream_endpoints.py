"""The listen keys over HTTP: create, list, extend, close."""

from daemon.simulator.market_endpoints import Call


def create(call: Call) -> object:
    """Answer POST /api/v3/userDataStream."""
    return {"listenKey": call.listen_keys.create(call.now_ms)}


def listed(call: Call) -> object:
    """Answer GET /api/v3/userDataStream."""
    return {"listenKey": call.listen_keys.valid(call.now_ms)}


def extend(call: Call) -> object:
    """Answer PUT /api/v3/userDataStream."""
    key = call.parameters.require("listenKey")
    call.listen_keys.extend(key, call.now_ms)
    return {"listenKey": key}


def close(call: Call) -> object:
    """Answer DELETE /api/v3/userDataStream."""
    key = call.parameters.require("listenKey")
    call.listen_keys.close(key, call.now_ms)
    return {"listenKey": key}
