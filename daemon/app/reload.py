"""Reloading: which changes of the configuration apply now, and which need a restart."""

import msgspec

from daemon.config.fields import keys_at_restart
from daemon.config.loading import check
from daemon.config.tables import Config
from daemon.errors import BadConfig


class Reloaded(msgspec.Struct, frozen=True):
    """The configuration in effect, and the changes that apply now or at a restart."""

    config: Config
    changed: str
    needs_restart: str


def reload(old: Config, new: Config) -> Reloaded:
    """Apply the changes that need no restart.

    Raises:
        BadConfig: the mixture of old and new keys that would apply until the restart is invalid.

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
        raise BadConfig(f"restart instead, because the mixture until then would be invalid: {error}") from None
    return Reloaded(config, "; ".join(changed) or "nothing", "; ".join(waiting) or "nothing")
