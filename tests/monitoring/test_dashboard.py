"""Grafana's dashboard: the panels, and expressions that Prometheus accepts."""

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.monitoring.prometheus import MONITORING, as_yaml, tool

GRAFANA = MONITORING / "grafana"
DASHBOARD: dict[str, Any] = json.loads((GRAFANA / "dashboards" / "sniperd.json").read_text(encoding="utf-8"))
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
EXPRESSIONS = [target["expr"] for panel in PANELS for target in panel.get("targets", [])] + [
    annotation["expr"] for annotation in DASHBOARD["annotations"]["list"]
]
WIDTH = 24


def plain(expression: str) -> str:
    """Put values in the places of Grafana's variables."""
    return expression.replace("$__rate_interval", "1m").replace("$instance", ".*")


def provisioned(kind: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((GRAFANA / "provisioning" / kind / "sniperd.yml").read_text())
    return found


def test_panels_have_ids_and_titles_of_their_own() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS) > 20
    assert len({panel["title"] for panel in PANELS}) == len(PANELS)


def test_panels_lie_within_the_board_and_none_over_another() -> None:
    cells = [
        {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        for place in (panel["gridPos"] for panel in PANELS)
    ]
    assert all(0 <= x < WIDTH for each in cells for x, _ in each)
    assert not any(one & other for one, other in combinations(cells, 2))


def test_a_row_is_full() -> None:
    """Nothing is left to be pushed together by Grafana in another order."""
    cells = sum(place["w"] * place["h"] for place in (panel["gridPos"] for panel in PANELS))
    assert cells == WIDTH * max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in PANELS)


def test_every_panel_reads_the_chosen_prometheus_and_has_a_unit() -> None:
    for panel in PANELS:
        if panel["type"] == "row":
            continue
        assert {panel["datasource"]["uid"], *(each["datasource"]["uid"] for each in panel["targets"])} == {
            "${datasource}"
        }
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"]) > 0


@pytest.mark.needs("prometheus")
def test_prometheus_accepts_every_expression(tmp_path: Path) -> None:
    recorded = [{"record": f"panel:{number}", "expr": plain(each)} for number, each in enumerate(EXPRESSIONS)]
    file = tmp_path / "rules.yml"
    file.write_text(as_yaml({"groups": [{"name": "dashboard", "rules": recorded}]}))
    assert f"{len(recorded)} rules found" in (said := tool("promtool", "check", "rules", file)), said
    assert not any("$" in plain(each) for each in EXPRESSIONS)


def test_every_expression_is_about_the_chosen_daemon() -> None:
    assert all(re.search(r'\{instance=~"\$instance"', expression) for expression in EXPRESSIONS)
    assert [variable["name"] for variable in DASHBOARD["templating"]["list"]] == ["datasource", "instance"]


def test_grafana_is_configured_with_the_dashboard_and_the_data_source() -> None:
    (source,) = provisioned("datasources")["datasources"]
    assert (source["type"], source["url"]) == ("prometheus", "http://127.0.0.1:9090")
    (provider,) = provisioned("dashboards")["providers"]
    assert provider["type"] == "file"
    assert provider["options"]["path"]
