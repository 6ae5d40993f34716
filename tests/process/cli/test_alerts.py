"""``sniperd alerts``: what needs the operator, in words and as JSON, and the test of the webhooks."""

from tests.monitoring.receiver import receiver
from tests.process.cli.command import Command
from tests.process.monitoring.conftest import with_webhooks
from tests.support import Daemon, eventually
from tests.support.stage import Stage

REFUSED = 1


def test_firing_alerts_are_listed_with_what_to_do(command: Command, daemon: Daemon) -> None:
    mark = daemon.process.mark()
    daemon.ask("POST", "/v1/admin/halt", {"reason": "a rehearsal"})
    daemon.wait_for("alert.firing", since=mark, alert="trading_halted")
    shown = command("alerts").output
    assert "trading_halted  critical  firing" in shown
    assert "`sniperd resume" in shown
    assert "trading_halted" in [each["name"] for each in command("alerts", "--json").json["alerts"]]
    assert "trading_halted firing" in command("status").output
    daemon.ask("POST", "/v1/admin/resume", {"reason": "it is over"})
    daemon.wait_for("alert.resolved", since=mark, alert="trading_halted")
    assert "trading_halted" not in command("status").output


def test_without_an_alert_it_says_that_nothing_fires(own_stage: Stage) -> None:
    daemon = own_stage.daemon(None)
    daemon.start()
    command = Command(daemon.environ | {"SNIPERD_CONFIG": str(daemon.config_path)}, daemon.directory)
    assert command("alerts").output == "no alerts\n"
    refused = command("alerts", "test")
    assert (refused.code, refused.output) == (REFUSED, "")
    assert "webhook_file" in refused.errors


def test_a_test_of_the_webhooks_reports_the_result_of_each(own_stage: Stage) -> None:
    daemon = own_stage.daemon(None)
    with receiver() as well, receiver(404) as gone:
        with_webhooks(daemon, f"slack {well.url('/T0KEN')}", f"telegram {gone.url('/T0KEN')} 42")
        daemon.start()
        command = Command(daemon.environ, daemon.directory)
        ran = command("alerts", "test", "--config", str(daemon.config_path))
        assert ran.code == REFUSED
        assert eventually(lambda: [each.body["text"] for each in well.posted], "the test")[0].startswith("TEST")
    told = {line.split("  ")[0]: line for line in ran.output.splitlines()}
    assert "delivered" in told["slack 1"]
    assert "HTTP 404" in told["telegram 2"]
    assert "T0KEN" not in ran.output
