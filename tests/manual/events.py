"""The events of the log, the event stream and the audit trail, from the catalogue."""

from itertools import groupby

from daemon.core.values.events import BOUND_KEYS, CATALOGUE, Kind
from tests.manual import markdown
from tests.manual.markdown import code, items, sentence


def page() -> str:
    """Return the handbook's page."""
    every = ", ".join(code(key) for key in sorted(BOUND_KEYS))
    intro = (
        "An event has a name, a time and a level. Beside its own fields, listed here, every event may have "
        f"{every}. A stored event is part of the audit trail in the database; the others are only in the log and in "
        "the stream `/v1/events`."
    )
    names = sorted(CATALOGUE)
    parts = [_section(area, list(group)) for area, group in groupby(names, key=lambda name: name.partition(".")[0])]
    return markdown.page(
        "Event reference", "Every event of the log and the event stream with its fields.", intro, *parts
    )


def _section(area: str, names: list[str]) -> str:
    return f"## {area}\n\n" + items(_entry(name, CATALOGUE[name]) for name in names)


def _entry(name: str, kind: Kind) -> str:
    stored = ", stored" if kind.durable else ""
    fields = f" Fields: {', '.join(map(code, kind.keys))}." if kind.keys else ""
    return f"{code(name)} ({kind.level.name.lower()}{stored}): {sentence(kind.meaning)}{fields}"
