"""Write the files that are generated from the code: ``python -m tests.manual.generate``."""

from collections.abc import Callable, Mapping
from pathlib import Path

from tests.manual.configuration import config_toml

ROOT = Path(__file__).parents[2]
COMMAND = "python -m tests.manual.generate"

GENERATED: Mapping[str, Callable[[], str]] = {
    "config.toml": config_toml,
}
"""Each generated file, by its path from the project's root, and what generates it."""


def main() -> None:
    """Write every file that differs, and name it."""
    for name, generate in GENERATED.items():
        path, text = ROOT / name, generate()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(name)  # noqa: T201  # its output


if __name__ == "__main__":
    main()
