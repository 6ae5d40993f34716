"""One word for each concept: words that were retired do not come back in public names.

``daemon/README.md`` and the handbook's glossary have the terms.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import daemon

RETIRED = {
    "desk": "OrderCommands, LeaseCommands",
    "doorway": "effects",
    "fitness": "preflight",
    "flying": "open_attempts",
    "happening": "event",
    "heir": "successor",
    "hurry": "urgent",
    "lane": "fast_path",
    "ledger": "state",
    "patience": "wait, timeout",
    "patiently": "wait, timeout",
    "prove": "preflight",
    "proving": "preflight",
    "ruling": "resolution",
    "rulings": "resolution",
    "sift": "drop_duplicates",
    "sighting": "order report",
    "sightings": "order reports",
    "surroundings": "environment, machine",
    "unproven": "preflight",
    "vain": "misses",
    "wish": "request",
    "wishes": "requests",
    "witness": "source",
    "witnesses": "sources",
}
"""Retired words, and what to say instead."""

PUBLIC = {"in_vain", "unproven", "ledger"}
"""Fields of JSON answers, which clients read by these names, and the configuration's name of a fleet's account."""

PACKAGE = Path(daemon.__file__).parent
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def public_names(path: Path) -> Iterator[str]:
    """Name a module's classes, functions, parameters, constants and attributes that are public."""
    yield path.stem
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.arg(arg=name):
                yield name
            case ast.Attribute(attr=name, ctx=ast.Store()):
                yield name
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name
            case ast.Assign(targets=targets):
                yield from (target.id for target in targets if isinstance(target, ast.Name))


def test_retired_words_do_not_come_back_in_public_names() -> None:
    found = [
        f"{path.relative_to(PACKAGE)}: {name} (say {RETIRED[word]})"
        for path in sorted(PACKAGE.rglob("*.py"))
        for name in sorted(set(public_names(path)))
        if not name.startswith("_") and name not in PUBLIC
        for word in map(str.lower, _WORD.findall(name))
        if word in RETIRED
    ]
    assert not found, "\n".join(found)
