"""A real Prometheus reads the real daemon with the shipped files; a rule fires, and Alertmanager sends a message."""

import json
import socket
import urllib.request
from typing import Any

import pytest
import yaml

from tests.monitoring.prometheus import MONITORING, RULES, as_yaml
from tests.monitoring.receiver import Receiver, receiver
from tests.support import Child, Daemon, eventually
from tests.support.daemon_process import plain_environment
from tests.support.signals import market_buy
from tests.support.stage import Stage

pytestmark = pytest.mark.needs("prometheus")

PATIENCE_S = 60.0


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    assert isinstance(port, int)
    return port


def shipped(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((MONITORING / name).read_text(encoding="utf-8"))
    return found


def started(stage: Stage, name: str, config: dict[str, Any], *options: str) -> Child:
    """Start one of the two, in a directory of its own."""
    directory = stage.subdirectory(name)
    file = directory / "config.yml"
    file.write_text(as_yaml(config), encoding="utf-8")
    return stage.child(
        name, f"--config.file={file}", *options, environ=plain_environment(directory), directory=directory
    )


def alertmanager(stage: Stage, hook: Receiver) -> int:
    """Start Alertmanager with the shipped routes, and a webhook in Slack's place; return its port."""
    config = shipped("alertmanager.yml")
    (people,) = config["receivers"]
    del people["slack_configs"]
    people["webhook_configs"] = [{"url": hook.url("/people")}]
    config["route"] |= {"group_wait": "1s", "group_interval": "1s"}
    port = free_port()
    listen = f"--web.listen-address=127.0.0.1:{port}"
    started(stage, "prometheus-alertmanager", config, listen, "--cluster.listen-address=", "--storage.path=data")
    return port


def prometheus(stage: Stage, daemon: Daemon, alerts_to: int) -> int:
    """Start Prometheus with the shipped configuration, except for the ports and the intervals; return its port."""
    config = shipped("prometheus.yml")
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(RULES)]
    config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [f"127.0.0.1:{alerts_to}"]
    address = daemon.wait_for("daemon.ready")["http"].removeprefix("http://")
    config["scrape_configs"][0]["static_configs"][0]["targets"] = [address]
    port = free_port()
    started(stage, "prometheus", config, f"--web.listen-address=127.0.0.1:{port}", "--storage.tsdb.path=data")
    return port


def asked(port: int, target: str) -> Any:
    """Query Prometheus; ``None`` while it does not answer yet."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{target}", timeout=5) as response:
            return json.load(response)["data"]
    except OSError:
        return None


def is_scraped(port: int) -> bool:
    found = asked(port, "/api/v1/targets")
    return bool(found) and [target["health"] for target in found["activeTargets"]] == ["up"]


def told(hook: Receiver, alert: str, status: str) -> dict[str, Any] | None:
    """Return what Alertmanager sent about an alert."""
    alerts = [each for posted in list(hook.posted) for each in posted.body["alerts"]]
    return next((each for each in alerts if (each["labels"]["alertname"], each["status"]) == (alert, status)), None)


def test_an_alert_reaches_the_webhook_and_is_resolved(own_stage: Stage) -> None:
    daemon = own_stage.daemon(None, {"http": {"listen": "127.0.0.1:0"}})
    daemon.start()
    daemon.submit(market_buy(), wait_s=10)
    with receiver() as hook:
        port = prometheus(own_stage, daemon, alertmanager(own_stage, hook))
        eventually(lambda: is_scraped(port), "a scrape", PATIENCE_S, pause_s=0.2)
        daemon.ask("POST", "/v1/admin/halt", {"reason": "a rehearsal"})
        fired = eventually(lambda: told(hook, "SniperdTradingHalted", "firing"), "the alert", PATIENCE_S, pause_s=0.2)
        assert fired["labels"]["severity"] == "critical"
        assert fired["annotations"]["summary"] == "trading is halted: nothing new is sent"
        assert "sniperd resume" in fired["annotations"]["runbook"]
        daemon.ask("POST", "/v1/admin/resume", {"reason": "it is over"})
        eventually(lambda: told(hook, "SniperdTradingHalted", "resolved"), "its end", PATIENCE_S, pause_s=0.2)
        found = asked(port, "/api/v1/query?query=sniperd_order_outcomes_total%7Boutcome%3D%22filled%22%7D")
        assert [float(each["value"][1]) for each in found["result"]] == [1]
