"""The rules file of Prometheus, from the daemon's alert rules."""

import json
from collections.abc import Iterator

from daemon.config.tables import AlertsTable
from daemon.monitoring.alert_rules import rules
from daemon.monitoring.alerts import Rule

HEAD = """\
# The daemon's own alerts (config.toml, [alerts]) as rules for Prometheus and Alertmanager, with the default limits.
# Generated from the daemon's rules; a test compares the two. If you change a limit in config.toml, change it here as
# well. The daemon resolves some alerts only at a mark further back than the limit; these rules keep firing for as long
# as the daemon waits.
#
# promtool check rules sniperd.rules.yml

groups:
  - name: sniperd
    rules:
      # The alert that the daemon cannot give itself.
      - alert: SniperdDown
        expr: up{job="sniperd"} < 1
        for: 1m
        labels:
          severity: critical
        annotations:
          summary: "sniperd does not answer: it takes no signals and does not search for orders in doubt"
          runbook: "`systemctl status sniperd` and `journalctl -u sniperd`; after exit codes 65, 73, 77 and 78 it \
stays down until the cause is fixed"
"""

LACKING, MEMBERS = "{{ $labels.lacking }}", "{{ $labels.member }}"
VALUE = '{{ $value | printf "%.10g" }}'


def alert_name(rule: Rule) -> str:
    """Return a rule's name in Prometheus."""
    return "Sniperd" + "".join(word.capitalize() for word in rule.name.split("_"))


def rules_file() -> str:
    """Return ``sniperd.rules.yml``."""
    return "\n".join((HEAD, *("".join(f"{line}\n" for line in _lines(rule)) for rule in rules(AlertsTable()))))


def _lines(rule: Rule) -> Iterator[str]:
    expression = f"{rule.promql} {'<' if rule.beyond == 'below' else '>'} {rule.limit:.10g}"
    yield f"      - alert: {alert_name(rule)}"
    if "\n" in expression:
        yield "        expr: |-"
        yield from (f"          {line}" for line in expression.splitlines())
    else:
        yield f"        expr: {expression}"
    if rule.for_ms:
        yield f"        for: {_duration(rule.for_ms)}"
    if rule.resolve_ms:
        yield f"        keep_firing_for: {_duration(rule.resolve_ms)}"
    yield "        labels:"
    yield f"          severity: {rule.severity.value}"
    yield "        annotations:"
    yield f"          summary: {_quoted(rule.means.format(value=VALUE, lacking=LACKING, members=MEMBERS))}"
    yield f"          runbook: {_quoted(rule.todo)}"


def _duration(ms: int) -> str:
    return f"{ms // 1_000}s" if ms % 60_000 else f"{ms // 60_000}m"


def _quoted(text: str) -> str:
    """Quote a text: what JSON writes is YAML."""
    return json.dumps(text, ensure_ascii=False)
