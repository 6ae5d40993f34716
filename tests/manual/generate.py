"""Write the files that are generated from the code: ``python -m tests.manual.generate``."""

from collections.abc import Callable, Mapping
from pathlib import Path

from daemon.config import writing
from tests.manual import commands, configuration, events, exit_codes, instance_units, metrics, prometheus_rules

ROOT = Path(__file__).parents[2]
COMMAND = "python -m tests.manual.generate"

GENERATED: Mapping[str, Callable[[], str]] = {
    "config.toml": configuration.config_toml,
    "systemd/etc/config.toml": writing.service_file,
    "daemon/manual/reference-configuration.md": configuration.page,
    "daemon/manual/reference-commands.md": commands.page,
    "daemon/manual/reference-metrics.md": metrics.page,
    "daemon/manual/reference-events.md": events.page,
    "daemon/manual/reference-exit-codes.md": exit_codes.page,
    "systemd/monitoring/sniperd.rules.yml": prometheus_rules.rules_file,
    **{f"systemd/{name}": instance_units.template(name) for name in instance_units.TEMPLATES},
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
