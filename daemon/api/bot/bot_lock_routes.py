"""``/api/transaction-locks``: the lock monitor of the bot's dashboard."""

from typing import Annotated, Any

import msgspec

from daemon.api.bot.bot_errors import BotRefusal
from daemon.api.context import Context
from daemon.api.http.body import MAX_REASON, Body, number
from daemon.api.http.request import Request
from daemon.api.http.response import Response, json
from daemon.api.http.routes import Parameter, Route
from daemon.core.values.lease_requests import resource_id
from daemon.core.values.locks import Lock, LockState
from daemon.errors import Invalid, NotAllowed, NotReady, Unknown, WrongState
from daemon.store.bot_tables import Filter, iso

DEFAULT_LIMIT, MAX_LIMIT = 50, 1_000
REASON = "released over the bot's monitor"
PATH = "/api/transaction-locks"
_FILTERS = [
    Parameter(name="resourceId", about="rows of this resource alone"),
    Parameter(name="ownerId", about="rows of this owner alone"),
    Parameter(name="status", about=f"locks in this state alone: {', '.join(LockState)}"),
    Parameter(
        name="limit",
        type=Annotated[int, msgspec.Meta(ge=1, le=MAX_LIMIT)],
        about=f"how many of each; {DEFAULT_LIMIT} where absent",
    ),
]
_WHICH = [
    Parameter(name="lockId", about="the lock to end"),
    Parameter(name="ownerId", about="or whose locks to end, all of them"),
    Parameter(name="reason", about="why, for the record"),
    Parameter(name="exchangeChecked", about="`true`: the operator has checked the exchange"),
]


class CheckRequest(msgspec.Struct, rename="camel", kw_only=True):
    """The bot's question for a resource."""

    action: str | None = None
    resource_id: str | None = None


_check = Body[CheckRequest](CheckRequest)
_SHOWN = {200: dict[str, Any]}


class BotLocks:
    """The routes of the monitor."""

    def __init__(self, context: Context) -> None:
        self._context = context

    @Route("GET", PATH, parameters=_FILTERS, answers=_SHOWN, refuses=[Invalid])
    async def tables(self, request: Request) -> Response:
        """Show locks, queue and counts: ``?resourceId&ownerId&status&limit``."""
        query = request.query
        wanted = Filter(
            resource=resource_id(query["resourceId"]) if query.get("resourceId") else None,
            owner_id=query.get("ownerId") or None,
            status=_status(query.get("status")),
            limit=number(query.get("limit"), "limit", DEFAULT_LIMIT, MAX_LIMIT),
        )
        async with self._context.disk_reads.slot():
            found = await self._context.lease_commands.bot_tables(wanted)
        counts = found.counts
        stats = {
            "activeLocks": counts.get("active", 0),
            "expiredLocks": counts.get("expired", 0),
            "queueLength": counts["pending"],
            "recentlyCompleted": counts.get("released", 0),
            "recentlyFailed": counts.get("failed", 0),
        }
        return json({"success": True, "data": {"locks": found.locks, "queue": found.queue, "stats": stats}})

    @Route("POST", PATH, only_reads=True, body=_check, answers=_SHOWN, refuses=[BotRefusal])
    async def check(self, request: Request) -> Response:
        """Return whether a resource is locked, by whom, and how many wait."""
        asked = _check.decode(request.body)
        if asked.action != "check":
            raise BotRefusal("Invalid action")
        if not asked.resource_id:
            raise BotRefusal("resourceId is required for check action")
        resource, state = resource_id(asked.resource_id), self._context.engine.state
        lock = state.locks.blocker(resource)
        data = {
            "isLocked": lock is not None,
            "lockCount": int(lock is not None),
            "queueLength": state.waiting_for(resource),
            "activeLocks": [] if lock is None else [_active(lock)],
        }
        return json({"success": True, "data": data})

    @Route(
        "DELETE",
        PATH,
        parameters=_WHICH,
        answers=_SHOWN,
        refuses=[BotRefusal, NotAllowed, Unknown, WrongState, NotReady],
    )
    async def release(self, request: Request) -> Response:
        """End a lock by its id, or all of an owner's; administrators only.

        ``reason`` goes on record. Where an order was sent under the lock and its outcome is unknown, nothing but
        ``exchangeChecked=true`` ends it: the bot's ``force`` does not say that the exchange was checked.
        """
        query, caller = request.query, self._context.caller(request)
        lock_id, owner_id = query.get("lockId"), query.get("ownerId")
        reason = (query.get("reason", "").strip() or REASON)[:MAX_REASON]
        checked = query.get("exchangeChecked", "").lower() == "true"
        lease_commands = self._context.lease_commands
        if lock_id:
            await lease_commands.force_release(lock_id, caller, reason, exchange_checked=checked)
            return json({"success": True, "message": "Lock released successfully"})
        if not owner_id:
            raise BotRefusal("Either lockId or ownerId is required")
        ended, kept = await lease_commands.force_release_of(owner_id, caller, reason, exchange_checked=checked)
        answer: dict[str, Any] = {
            "success": True,
            "message": f"Released {len(ended)} locks for owner {owner_id}",
            "releasedCount": len(ended),
        }
        return json(answer | {"kept": kept} if kept else answer)


def _status(text: str | None) -> str | None:
    if not text:
        return None
    try:
        return LockState(text).value
    except ValueError:
        raise Invalid(f"status {text[:40]!r} is unknown", field="status", allowed=", ".join(LockState)) from None


def _active(lock: Lock) -> dict[str, Any]:
    return {
        "id": lock.token,
        "lockId": lock.lock_id,
        "ownerId": lock.owner_id,
        "resourceId": lock.resource,
        "status": lock.state.value,
        "createdAt": iso(lock.acquired_ms),
        "acquiredAt": iso(lock.acquired_ms),
        "expiresAt": iso(lock.expires_ms),
        "transactionType": lock.transaction_type.value,
    }
