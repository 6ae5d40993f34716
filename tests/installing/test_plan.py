"""An installation: each step is printed before it runs, none runs twice, and no file of the administrator is lost."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from daemon.errors import CannotCreate
from daemon.installing.plan import (
    UNITS,
    installation,
    instance_installation,
    instance_removal,
    removal,
    shipped,
)
from daemon.installing.share import COMPLETIONS, man_page_paths
from daemon.installing.steps import Run, Step

SOURCES = Path(__file__).parents[2]
COMMAND = Path("/srv/venvs/sniperd/bin/sniperd")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


def carry_out(steps: Sequence[Step]) -> None:
    """Do what concerns files; commands are the system's."""
    for step in steps:
        if not isinstance(step, Run):
            step.do()


def told(steps: Sequence[Step]) -> list[str]:
    return [step.describe().split()[0] for step in steps]


def snapshot(root: Path) -> dict[str, bytes | str]:
    return {
        str(path.relative_to(root)): str(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in root.rglob("*")
        if path.is_symlink() or path.is_file()
    }


def test_the_plan_alone_touches_nothing(root: Path) -> None:
    assert installation(root, COMMAND)
    assert not root.exists()


def test_everything_that_systemd_needs_comes_to_its_place(root: Path) -> None:
    carry_out(installation(root, COMMAND))
    assert set(snapshot(root)) == {
        "etc/sniperd/config.toml",
        "etc/sysusers.d/sniperd.conf",
        "etc/tmpfiles.d/sniperd.conf",
        "usr/local/bin/sniperd",
        *(f"etc/systemd/system/{name}" for name in UNITS),
        *(f"usr/local/share/{path}" for path in (*man_page_paths().values(), *COMPLETIONS)),
    }
    assert {path.stat().st_mode & 0o777 for path in root.rglob("*") if path.is_file() and not path.is_symlink()} == {
        0o644
    }


def test_every_unit_of_the_repository_is_installed_and_starts_this_program(root: Path) -> None:
    assert {path.name for path in (SOURCES / "systemd").iterdir() if path.is_file()} == set(UNITS)
    carry_out(installation(root, COMMAND))
    for name in UNITS:
        unit = (root / "etc/systemd/system" / name).read_text()
        assert "/opt/sniperd" not in unit
        assert unit == (SOURCES / "systemd" / name).read_text().replace("/opt/sniperd/bin/sniperd", str(COMMAND))
    assert f"ExecStart={COMMAND} run " in (root / "etc/systemd/system/sniperd.service").read_text()


def test_users_come_before_directories_and_both_before_anything_starts(root: Path) -> None:
    commands = [step.words[0:2] for step in installation(root, COMMAND) if isinstance(step, Run)]
    assert [words[0] for words in commands] == ["systemd-sysusers", "systemd-tmpfiles", "systemctl", "systemctl"]
    assert [words[1] for words in commands[2:]] == ["daemon-reload", "enable"]


def test_a_second_time_it_writes_nothing(root: Path) -> None:
    carry_out(installation(root, COMMAND))
    before = snapshot(root)
    again = installation(root, COMMAND)
    assert set(told(again)) == {"keep", "run"}
    carry_out(again)
    assert snapshot(root) == before


def test_a_changed_configuration_is_kept_and_the_new_one_is_put_beside_it(root: Path) -> None:
    carry_out(installation(root, COMMAND))
    config = root / "etc/sniperd/config.toml"
    config.write_text("[locks]\nscope = 'symbol'\n")
    steps = installation(root, COMMAND)
    assert any(
        "config.toml: it was changed; this version's file is config.toml.new" in step.describe() for step in steps
    )
    carry_out(steps)
    assert config.read_text() == "[locks]\nscope = 'symbol'\n"
    assert config.with_name("config.toml.new").read_bytes() == shipped("etc/config.toml")
    assert "write" not in told(installation(root, COMMAND))


def test_a_unit_that_differs_is_replaced_and_the_former_one_kept(root: Path) -> None:
    carry_out(installation(root, COMMAND))
    unit = root / "etc/systemd/system/sniperd.service"
    unit.write_text("[Service]\n")
    steps = installation(root, COMMAND)
    assert f"write   {unit}; the previous one is kept as sniperd.service.old" in [step.describe() for step in steps]
    carry_out(steps)
    assert COMMAND.name in unit.read_text()
    assert unit.with_name("sniperd.service.old").read_text() == "[Service]\n"


def test_a_foreign_program_under_its_name_is_left_alone(root: Path) -> None:
    other = root / "usr/local/bin/sniperd"
    other.parent.mkdir(parents=True)
    other.write_text("#!/bin/sh\n")
    carry_out(installation(root, COMMAND))
    assert other.read_text() == "#!/bin/sh\n"


def test_what_cannot_be_written_is_named(root: Path) -> None:
    (root / "etc").mkdir(parents=True)
    (root / "etc/sysusers.d").write_text("in the way")
    with pytest.raises(CannotCreate, match=r"etc/sysusers.d/sniperd.conf: .*run it"):
        carry_out(installation(root, COMMAND))


def test_a_command_that_fails_is_named_with_its_code() -> None:
    with pytest.raises(CannotCreate, match=r"`sh -c exit 7` ended with 7; fix what it reports"):
        Run(("sh", "-c", "exit 7")).do()


def test_removal_leaves_what_is_the_administrators(root: Path) -> None:
    carry_out(installation(root, COMMAND))
    unit = root / "etc/systemd/system/sniperd.service"
    unit.write_text("[Service]\n")
    config = root / "etc/sniperd/config.toml"
    config.write_text("# mine\n")
    carry_out(installation(root, COMMAND))
    steps = removal(root, COMMAND)
    assert steps[0].describe().startswith("run     systemctl disable --now sniperd.socket")
    carry_out(steps)
    assert snapshot(root) == {"etc/sniperd/config.toml": b"# mine\n"}


def test_removal_of_nothing_removes_nothing(root: Path) -> None:
    assert told(removal(root, COMMAND)) == ["run"]


def test_an_instance_gets_a_configuration_of_its_own_and_its_units_are_started(root: Path) -> None:
    steps = instance_installation(root, "second")
    carry_out(steps)
    [config] = snapshot(root)
    assert config == "etc/sniperd/second.toml"
    text = (root / config).read_text()
    assert "sniperd init --config /etc/sniperd/second.toml --force" in text
    assert "systemctl reload sniperd@second" in text
    assert "config.toml" not in text
    assert steps[-1] == Run(
        (
            "systemctl",
            "enable",
            "--now",
            "sniperd@second.socket",
            "sniperd@second.service",
            "sniperd-backup@second.timer",
        )
    )


def test_a_removed_instance_leaves_what_is_the_administrators(root: Path) -> None:
    carry_out(instance_installation(root, "second"))
    (root / "etc/sniperd/second.toml").write_text("# mine\n")
    carry_out(instance_installation(root, "second"))
    carry_out(instance_removal(root, "second"))
    assert snapshot(root) == {"etc/sniperd/second.toml": b"# mine\n"}


def test_removal_of_the_service_stops_its_instances_first(root: Path) -> None:
    carry_out(installation(root, COMMAND))
    wants = root / "etc/systemd/system/sockets.target.wants"
    wants.mkdir()
    for name in ("sniperd.socket", "sniperd@second.socket", "sniperd@third.socket"):
        (wants / name).touch()
    first, second, third = (step.describe() for step in removal(root, COMMAND)[:3])
    assert first.startswith("run     systemctl disable --now sniperd@second.socket sniperd@second.service")
    assert second.startswith("run     systemctl disable --now sniperd@third.socket")
    assert third.startswith("run     systemctl disable --now sniperd.socket")
