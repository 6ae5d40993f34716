"""The service's units: valid for systemd, confined as intended, and consistent with the daemon."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from daemon import errors
from daemon.config.trading_tables import QueueTable
from tests.manual.instance_units import TEMPLATES

UNITS = Path(__file__).parents[2] / "systemd"
COMMAND = "/opt/sniperd/bin/sniperd"
MOST_EXPOSED = 1.5
SERVICES = [
    "sniperd.service",
    "sniperd-backup.service",
    "sniperd-failure@.service",
    "sniperd@.service",
    "sniperd-backup@.service",
]
OF_AN_INSTANCE = {
    "Description", "Requires", "After", "ExecStart", "ExecStopPost", "ExecStartPre", "StateDirectory",
    "RuntimeDirectory", "LoadCredential", "SyslogIdentifier", "ListenStream",
}  # fmt: skip
"""Directives that hold an instance's name; all others are those of the service, its confinement among them."""


@pytest.fixture
def unit_files(tmp_path: Path) -> Path:
    """Copy the units, with a command that exists: systemd checks it."""
    for source in UNITS.iterdir():
        if source.is_file():
            (tmp_path / source.name).write_text(
                source.read_text().replace(COMMAND, shutil.which("true") or "/bin/true")
            )
    return tmp_path


def analyze(directory: Path, *arguments: str) -> str:
    ran = subprocess.run(
        ["systemd-analyze", *arguments],
        env={"SYSTEMD_UNIT_PATH": f"{directory}:", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        cwd=directory,
    )
    return f"{ran.stdout}{ran.stderr}" + (f"exit code {ran.returncode}" if ran.returncode else "")


def directives(unit: str) -> set[str]:
    """Return a unit's lines, without comments."""
    return {line for line in (UNITS / unit).read_text().splitlines() if line and not line.startswith("#")}


@pytest.mark.parametrize(("template", "unit"), TEMPLATES.items())
def test_an_instance_is_confined_as_the_service_is(template: str, unit: str) -> None:
    differ = directives(template) ^ directives(unit)
    assert {line.partition("=")[0] for line in differ} <= OF_AN_INSTANCE
    assert all("%i" in line for line in directives(template) - directives(unit))


def value(unit: str, key: str) -> str:
    found = re.findall(rf"^{key}=(.*)$", (UNITS / unit).read_text(), re.MULTILINE)
    assert len(found) == 1, f"{key} stands {len(found)} times in {unit}"
    text = found[0]
    assert isinstance(text, str)
    return text


@pytest.mark.needs("systemd")
def test_systemd_reports_nothing_about_them(unit_files: Path) -> None:
    names = [path.name.replace("@.", "@sniperd.service.") for path in unit_files.iterdir()]
    assert len(names) == 9
    assert analyze(unit_files, "verify", "--recursive-errors=no", "--man=no", *sorted(names)) == ""


@pytest.mark.needs("systemd")
@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_no_more_than_it_needs(unit_files: Path, service: str) -> None:
    shown = analyze(unit_files, "security", "--offline=yes", "--no-pager", service)
    exposure = re.search(r"exposure level for \S+: ([0-9.]+)", shown)
    assert exposure is not None, shown
    assert float(exposure[1]) <= MOST_EXPOSED, shown


def test_what_a_restart_cannot_mend_stays_down() -> None:
    kinds = (errors.BadDatabase, errors.CannotCreate, errors.NoPermission, errors.BadConfig)
    assert value("sniperd.service", "RestartPreventExitStatus") == " ".join(
        str(code) for code in sorted(kind.exit_code for kind in kinds)
    )


def test_stopping_may_take_longer_than_draining() -> None:
    assert int(value("sniperd.service", "TimeoutStopSec")) >= QueueTable().drain_s + 5


@pytest.mark.parametrize("unit", ["sniperd.socket", "sniperd@.socket", *SERVICES])
def test_what_is_left_out_is_named_with_its_reason(unit: str) -> None:
    assert re.search(r"^# Left out, and why:\n#   \S+= +\S+", (UNITS / unit).read_text(), re.MULTILINE)
