"""What the README tells an operator to type, as it stands there."""

import re
from pathlib import Path

SOURCES = Path(__file__).parents[3]


def block(heading: str, number: int = 0, language: str = "sh") -> str:
    """Return one of the blocks of commands under a heading."""
    text = (SOURCES / "README.md").read_text(encoding="utf-8")
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", text, re.DOTALL | re.MULTILINE)
    assert found is not None, f"README.md has no heading {heading!r}"
    blocks: list[str] = re.findall(rf"^```{language}\n(.*?)^```", found[1], re.DOTALL | re.MULTILINE)
    return blocks[number]


def commands(heading: str) -> list[str]:
    """Return the commands of a list, without what each is for."""
    lines = block(heading, language="").splitlines()
    return [re.split(r" {2,}", line)[0] for line in lines if not line.startswith(" ")]
