"""Reloading: what of a changed configuration counts at once, and what waits for a restart."""

import msgspec

from daemon.config.tables import Config, check
from daemon.errors import BadConfig

NEEDS_RESTART = frozenset(
    {
        ("exchange", "mode"),
        ("exchange", "shadow"),
        ("exchange", "base_url"),
        ("exchange", "api_key_file"),
        ("exchange", "api_secret_file"),
        ("exchange", "paper_db"),
        ("exchange", "paper_spends_all"),
        ("exchange", "facts_file"),
        ("store", "path"),
        ("sockets", "signals"),
        ("sockets", "status"),
        ("http", "listen"),
        ("http", "token_file"),
        ("locks", "scope"),
        ("reconcile", "startup_s"),
        ("poller", "enabled"),
        ("poller", "base_url"),
        ("poller", "user_id"),
        ("poller", "token_file"),
        ("alerts", "webhook_file"),
        ("log", "format"),
    }
)
"""Keys that are read once: what is open stays open, and what locks are named by cannot change under them."""


class Reloaded(msgspec.Struct, frozen=True):
    """The configuration that counts now, and what to say about it."""

    config: Config
    changed: str
    needs_restart: str


def reload(old: Config, new: Config) -> Reloaded:
    """Take over what can change safely.

    Raises:
        BadConfig: what would count until the restart, partly old and partly new, contradicts itself.

    """
    changed, waiting = [], []
    tables = {}
    for name in Config.__struct_fields__:
        before, after = getattr(old, name), getattr(new, name)
        taken = {}
        for key in before.__struct_fields__:
            was, is_now = getattr(before, key), getattr(after, key)
            if was == is_now:
                continue
            told = f"[{name}] {key}: {was!r} → {is_now!r}"
            if (name, key) in NEEDS_RESTART:
                waiting.append(told)
            else:
                changed.append(told)
                taken[key] = is_now
        tables[name] = msgspec.structs.replace(before, **taken)
    try:
        config = check(Config(**tables))
    except BadConfig as error:
        raise BadConfig(f"restart instead, because until then it would be wrong: {error}") from None
    return Reloaded(config, "; ".join(changed) or "nothing", "; ".join(waiting) or "nothing")
