"""Generated files are up to date."""

from pathlib import Path

import pytest

from tests.manual.generate import COMMAND, GENERATED, ROOT


@pytest.mark.parametrize("name", GENERATED)
def test_a_generated_file_equals_what_the_code_generates(name: str) -> None:
    path = Path(ROOT / name)
    committed = path.read_text(encoding="utf-8") if path.exists() else ""
    assert committed == GENERATED[name](), f"{name} is out of date; run: {COMMAND}"
