"""Prometheus's text, its rules and its tools, as tests use them."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.support import Daemon
from tests.support.unix_http import ask

ROOT = Path(__file__).parent.parent.parent
MONITORING = ROOT / "systemd" / "monitoring"
RULES = MONITORING / "sniperd.rules.yml"

Samples = dict[str, dict[tuple[tuple[str, str], ...], float]]
"""Values by metric, then by labels."""


def scrape(daemon: Daemon) -> str:
    """Read a daemon's metrics."""
    answer = ask(daemon.status, "GET", "/metrics")
    assert answer.status == 200, answer.raw
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return answer.raw.decode()


def samples(text: str) -> Samples:
    """Read Prometheus's text."""
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return found


def metric_names(text: str) -> set[str]:
    """Return the names of all series, and of the metrics that have none now, such as a fleet's where there is none."""
    empty = (family for family in text_string_to_metric_families(text) if not family.samples)
    return set(samples(text)) | {f"{each.name}_total" if each.type == "counter" else each.name for each in empty}


def value(text: str, metric: str, **labels: str) -> float:
    """Return one sample."""
    return samples(text)[metric][tuple(sorted(labels.items()))]


def names_in(expression: str) -> set[str]:
    """Return the metrics that an expression names."""
    return set(re.findall(r"\b(?:sniperd|process|python)_\w+", re.sub(r'"[^"]*"', "", expression)))


def alert_rules() -> list[dict[str, Any]]:
    """Return the rules of the file."""
    (group,) = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def tool(*command: str | Path, text: str | None = None) -> str:
    """Run one of Prometheus's tools; return what it wrote, and whether it failed."""
    ran = subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=60)
    return f"{ran.stdout}{ran.stderr}" + (f"exit code {ran.returncode}" if ran.returncode else "")


def as_yaml(document: Mapping[str, Any]) -> str:
    """Write YAML."""
    text = yaml.safe_dump(document, allow_unicode=True)
    assert isinstance(text, str)
    return text
