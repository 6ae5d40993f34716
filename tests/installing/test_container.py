"""The container's files: what they name exists in the package, and a container may do no more than the service."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from daemon.cli.main import COMMANDS
from daemon.config.loading import QUICK_LISTEN
from daemon.config.paths import SYSTEM_RUNTIME, SYSTEM_STATE
from daemon.config.trading_tables import QueueTable

SOURCES = Path(__file__).parents[2]
PLACE = SOURCES / ".ci/container"
DIRECTORIES = {str(SYSTEM_STATE), str(SYSTEM_RUNTIME)}

Instructions = list[tuple[str, str]]


@pytest.fixture
def image() -> Instructions:
    """The Containerfile: each instruction, with its words."""
    text = (PLACE / "Containerfile").read_text(encoding="utf-8")
    lines = re.sub(r"(?m)^#.*\n", "", text).replace("\\\n", "").splitlines()
    return [(name, words.strip()) for name, _, words in (line.partition(" ") for line in lines) if name]


@pytest.fixture
def service() -> dict[str, Any]:
    """The one service of the compose file."""
    compose = yaml.safe_load((PLACE / "compose.yaml").read_text(encoding="utf-8"))
    [(name, found)] = compose["services"].items()
    assert name == "sniperd"
    assert {volume.partition(":")[0] for volume in found["volumes"]} == set(compose["volumes"])
    assert isinstance(found, dict)
    return found


def words(image: Instructions, instruction: str) -> list[str]:
    return [words for name, words in image if name == instruction]


def test_hadolint_finds_nothing() -> None:
    linter = Path(sys.executable).with_name("hadolint")
    ran = subprocess.run([linter, PLACE / "Containerfile"], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_what_is_copied_exists_and_is_all_that_the_build_reads(image: Instructions) -> None:
    copied = [each.split() for each in words(image, "COPY") if not each.startswith("--from")]
    names = {name for each in copied for name in each[:-1]}
    assert [name for name in names if not (SOURCES / name).exists()] == []
    project = tomllib.loads((SOURCES / "pyproject.toml").read_text(encoding="utf-8"))
    assert {"pyproject.toml", project["project"]["readme"], *project["project"]["license-files"]} <= names
    assert {"daemon", "systemd", ".ci/run.lock"} <= names
    assert "sh .ci/setup service" in words(image, "RUN")


def test_it_starts_the_daemon_on_paper(image: Instructions, service: dict[str, Any]) -> None:
    [entry], [command] = words(image, "ENTRYPOINT"), words(image, "CMD")
    project = tomllib.loads((SOURCES / "pyproject.toml").read_text(encoding="utf-8"))
    assert json.loads(entry) == list(project["project"]["scripts"])
    assert json.loads(command) == service["command"] == ["run"]
    assert words(image, "STOPSIGNAL") == ["SIGTERM"]


def test_the_health_check_is_a_command_of_its_own(service: dict[str, Any]) -> None:
    kind, program, command = service["healthcheck"]["test"]
    assert (kind, program, command in COMMANDS) == ("CMD", "sniperd", True)


def test_every_command_that_the_comments_name_exists() -> None:
    text = (PLACE / "compose.yaml").read_text(encoding="utf-8")
    named = set(re.findall(r"(?:exec sniperd |\()sniperd ([a-z]+)", text))
    assert named == {"submit", "dashboard", "manual"}
    assert named <= set(COMMANDS)


def test_its_directories_are_those_of_the_service(image: Instructions, service: dict[str, Any]) -> None:
    environ = dict(each.split("=", 1) for each in words(image, "ENV")[0].split())
    assert {environ["STATE_DIRECTORY"], environ["RUNTIME_DIRECTORY"]} == DIRECTORIES
    assert {volume.partition(":")[2] for volume in service["volumes"]} == DIRECTORIES
    assert json.loads(words(image, "VOLUME")[0]) == [str(SYSTEM_STATE)]
    made = " ".join(words(image, "RUN"))
    for directory in DIRECTORIES:
        assert re.search(rf"install -d -o sniperd -g sniperd -m 07[05]0 {directory}\b", made)


def test_it_is_confined(image: Instructions, service: dict[str, Any]) -> None:
    assert words(image, "USER") == [service["user"]] == ["808:808"]
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.keys() & {"privileged", "cap_add", "devices", "pid", "ipc", "ports"}


def test_the_dashboard_is_on_the_machines_loopback(service: dict[str, Any]) -> None:
    assert service["network_mode"] == "host"
    assert QUICK_LISTEN in (PLACE / "compose.yaml").read_text(encoding="utf-8")


def test_stopping_may_take_longer_than_draining(service: dict[str, Any]) -> None:
    assert int(service["stop_grace_period"].removesuffix("s")) >= QueueTable().drain_s + 5


def test_the_build_takes_the_file_beside_it(service: dict[str, Any]) -> None:
    context = (PLACE / service["build"]["context"]).resolve()
    assert context == SOURCES
    assert (context / service["build"]["dockerfile"]) == PLACE / "Containerfile"
