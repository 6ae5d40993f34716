"""Whether a Valkey or Redis server keeps what it acknowledges: what its INFO and its settings must say."""

import re
from collections.abc import Iterator, Mapping

SETTINGS = ("appendfsync", "no-appendfsync-on-rewrite")
"""What INFO does not tell."""

LAG_S = 2
"""A replica that has said nothing for so long is not waited for, unless it is the only one."""

_REPLICA = re.compile(r"\bstate=online\b.*\blag=(\d+)")


def parsed(info: bytes) -> dict[str, str]:
    """Read the answer to INFO."""
    lines = (line.partition(":") for line in info.decode(errors="replace").splitlines())
    return {name: value for name, colon, value in lines if colon}


def product(info: Mapping[str, str]) -> str:
    """Return name and version of the server, for people."""
    is_valkey = "valkey_version" in info
    return f"Valkey {info['valkey_version']}" if is_valkey else f"Redis {info.get('redis_version', '(unknown)')}"


def replicas(info: Mapping[str, str]) -> int:
    """Return how many replicas a write must wait for: all that are connected and answer."""
    found = (_REPLICA.search(value) for name, value in info.items() if re.fullmatch(r"slave\d+", name))
    return sum(1 for replica in found if replica and int(replica[1]) <= LAG_S)


def doubts(info: Mapping[str, str], settings: Mapping[str, str] | None, durability: str) -> Iterator[str]:
    """Yield why the server may lose what it acknowledged.

    Args:
        info: its INFO.
        settings: its :data:`SETTINGS`; ``None`` if it does not show them.
        durability: ``[fleet] durability``.

    """
    yield from _unfit(info, durability)
    if info.get("maxmemory_policy") != "noeviction":
        yield f"maxmemory-policy is {info.get('maxmemory_policy')}: the server may drop the log; set noeviction"
    if durability == "below":
        return
    yield from _unsynced(info, settings)
    if durability == "synchronous" and not replicas(info):
        yield "no replica is connected: what this server alone has synced is lost with it; connect one"


def _unfit(info: Mapping[str, str], durability: str) -> Iterator[str]:
    is_valkey = "valkey_version" in info
    least = (7, 2) if is_valkey or durability == "synchronous" else (7, 0)
    version = info["valkey_version"] if is_valkey else info.get("redis_version", "0")
    if tuple(int(number) for number in re.findall(r"\d+", version)[:2]) < least:
        why = "the first with WAITAOF" if durability == "synchronous" else "the oldest that is supported"
        yield f"{product(info)} is too old: use {least[0]}.{least[1]} or newer, {why}"
    if info.get("cluster_enabled") != "0":
        yield (
            "the server is part of a cluster, or does not say that it is none: when a cluster moves the ledger to "
            "another node, this member would go on with the old one; use one primary, with Sentinels if wanted"
        )
    if info.get("role") != "master":
        yield f"the server is no primary (role {info.get('role')}): it cannot be written to"


def _unsynced(info: Mapping[str, str], settings: Mapping[str, str] | None) -> Iterator[str]:
    if info.get("aof_enabled") != "1":
        yield "appendonly is off: a restart loses what came after the latest snapshot; set appendonly yes"
    if settings is None:
        yield (
            "the server does not show its settings (CONFIG GET is forbidden), so it is unknown whether it syncs each "
            'write; allow it (ACL: +config|get), or set durability = "below" if its maker promises to keep each write'
        )
        return
    if settings.get("appendfsync") != "always":
        yield f"appendfsync is {settings.get('appendfsync')}: a power failure loses acknowledged writes; set always"
    if settings.get("no-appendfsync-on-rewrite") != "no":
        yield "no-appendfsync-on-rewrite is on: writes are not synced while a file is rewritten; set no"
