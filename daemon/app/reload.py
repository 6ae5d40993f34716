"""Reloading: what of a changed configuration counts at once, and what waits for a restart."""

import msgspec

from daemon.config.fields import keys_at_restart
from daemon.config.loading import check
from daemon.config.tables import Config
from daemon.errors import BadConfig


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
        taken, at_restart = {}, keys_at_restart(type(before))
        for key in before.__struct_fields__:
            was, is_now = getattr(before, key), getattr(after, key)
            if was == is_now:
                continue
            change = f"[{name}] {key}: {was!r} → {is_now!r}"
            if key in at_restart:
                waiting.append(change)
            else:
                changed.append(change)
                taken[key] = is_now
        tables[name] = msgspec.structs.replace(before, **taken)
    try:
        config = check(Config(**tables))
    except BadConfig as error:
        raise BadConfig(f"restart instead, because until then it would be wrong: {error}") from None
    return Reloaded(config, "; ".join(changed) or "nothing", "; ".join(waiting) or "nothing")
