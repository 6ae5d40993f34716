"""Databases of every schema that was released, with rows that its own daemon wrote, as SQL: ``schema-N.sql``.

``python -m tests.store.released`` writes the one of this checkout's schema. A released schema is never changed: a
change is a new migration at the end of ``MIGRATIONS``, and a new file here before its release. The tests hold both.
"""

from pathlib import Path

DIRECTORY = Path(__file__).parent


def released() -> dict[int, Path]:
    """Return the files by their schema."""
    return {int(path.stem.removeprefix("schema-")): path for path in sorted(DIRECTORY.glob("schema-*.sql"))}
