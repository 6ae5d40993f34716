"""The service under a real systemd: start and end, kills and hangs, who may trade, what is kept."""

import json
import re
from collections.abc import Iterator

import pytest

from tests.manual.generate import ROOT
from tests.slow.service.installed import CONFIG, SIGNALS, STATUS, Installed, installed
from tests.slow.service.load import caller
from tests.support.daemon_process import KEYS
from tests.support.waiting import Deadline, eventually

pytestmark = pytest.mark.needs("systemd box", "wheels")

KILLS = 3
STOP_S = 20


@pytest.fixture(scope="module")
def box_with_service() -> Iterator[Installed]:
    """The service, installed and trading."""
    with installed() as service:
        service.until(ActiveState="active")
        service.go_live()
        service.box.write("/etc/sysusers.d/bot.conf", "u bot -\nu stranger -\n")
        service.box.run("systemd-sysusers")
        yield service


@pytest.fixture
def service(box_with_service: Installed) -> Installed:
    """The service, running."""
    service = box_with_service
    service.configure()
    service.box.run("systemctl", "reset-failed")
    service.box.run("systemctl", "start", "sniperd.socket", "sniperd.service")
    return service


def test_systemd_reports_nothing_about_the_installed_units(service: Installed) -> None:
    units = ["sniperd.service", "sniperd.socket", "sniperd-backup.service", "sniperd-backup.timer"]
    ran = service.box.run("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *units)
    assert ran.stdout + ran.stderr == ""


def test_it_is_active_once_it_is_ready_and_shows_its_status_line(service: Installed) -> None:
    service.box.run("systemctl", "restart", "sniperd.service")
    assert service.state()["ActiveState"] == "active"
    events = [json.loads(line)["event"] for line in service.box.journal("sniperd").splitlines() if line[:1] == "{"]
    assert events.index("daemon.recovered") < events.index("daemon.ready")
    service.until(StatusText="ready: 0 in flight, 0 in doubt, 0 lost, 0 queued")
    code, shown = service.sniperd("submit", "BUY", "BTCUSDT", "--quote", "25")
    assert (code, shown.split()[0]) == (0, "filled")


def test_no_connection_is_refused_when_it_is_killed_under_load(service: Installed) -> None:
    restarts = int(service.state()["NRestarts"])
    with caller(service) as load:
        for kill in range(1, KILLS + 1):
            load.until_answered_more()
            service.box.run("systemctl", "kill", "--kill-whom=main", "--signal=KILL", "sniperd.service")
            service.until(ActiveState="active", NRestarts=str(restarts + kill))
        load.until_answered_more()
        found = load.end()
    assert (found["refused"], found["other"]) == (0, [])
    assert service.count("SELECT count(*) FROM orders WHERE owner_id = 'bot'") == found["answered"]


def test_a_hang_is_ended_by_the_watchdog(service: Installed) -> None:
    quick = "[Service]\nWatchdogSec=1\nTimeoutAbortSec=100ms\n"
    with service.drop_in("sniperd.service", quick):
        service.box.run("systemctl", "restart", "sniperd.service")
        hanging = service.state()
        service.box.run("systemctl", "kill", "--kill-whom=main", "--signal=STOP", "sniperd.service")
        again = str(int(hanging["NRestarts"]) + 1)
        assert service.until(ActiveState="active", NRestarts=again)["MainPID"] != hanging["MainPID"]
    assert "Watchdog timeout" in service.box.run("journalctl", "--no-pager", "-u", "sniperd").stdout
    service.box.run("systemctl", "restart", "sniperd.service")


def test_the_keys_are_in_a_private_file_and_nowhere_else(service: Installed) -> None:
    pid = service.state()["MainPID"]
    environ = service.box.run("cat", f"/proc/{pid}/environ").stdout
    assert "CREDENTIALS_DIRECTORY=/run/credentials/sniperd.service" in environ
    directory = "/run/credentials/sniperd.service"
    assert service.box.run("cat", f"{directory}/mexc_api_key").stdout == KEYS.api_key
    assert service.box.run("setpriv", "--reuid=bot", "--clear-groups", "ls", directory, check=False).returncode != 0
    journal = service.box.run("journalctl", "--no-pager").stdout
    for secret in KEYS:
        assert secret not in environ
        assert secret not in journal


def test_the_keys_may_be_encrypted_to_the_machine(service: Installed) -> None:
    for name, secret in zip(("mexc_api_key", "mexc_api_secret"), KEYS, strict=True):
        target = f"/etc/credstore.encrypted/{name}"
        service.box.run("systemd-creds", "encrypt", "--with-key=host", f"--name={name}", "-", target, stdin=secret)
    text = (ROOT / "systemd" / "sniperd.service").read_text(encoding="utf-8")
    told = re.findall(r"^#   (\[Service\]|LoadCredential.*)$", text, re.MULTILINE)
    assert len(told) == 4
    service.box.run("mv", "/etc/credstore", "/etc/credstore.away")
    with service.drop_in("sniperd.service", "\n".join(told)):
        service.box.run("systemctl", "restart", "sniperd.service")
        assert service.sniperd("submit", "BUY", "BTCUSDT", "--quote", "25")[1].startswith("filled")
    service.box.run("mv", "/etc/credstore.away", "/etc/credstore")
    service.box.run("rm", "-r", "/etc/credstore.encrypted")
    service.box.run("systemctl", "restart", "sniperd.service")


@pytest.mark.parametrize("dynamic", ["no", "yes"])
def test_a_bot_of_the_group_may_trade(service: Installed, dynamic: str) -> None:
    user, unit = ("bot", "bot.service") if dynamic == "no" else ("passing-bot", "passing-bot.service")
    trade = "Type=oneshot\nExecStart=/opt/sniperd/bin/sniperd submit BUY BTCUSDT --quote 25"
    drop_in = service.box.run("cat", "/opt/checkout/systemd/bot.service.d/sniperd.conf").stdout
    service.box.write(f"/etc/systemd/system/{unit}", f"[Service]\nUser={user}\nDynamicUser={dynamic}\n{trade}\n")
    service.box.write(f"/etc/systemd/system/{unit}.d/sniperd.conf", drop_in)
    service.box.run("systemctl", "daemon-reload")
    service.box.run("systemctl", "start", unit)
    assert "filled  BUY BTCUSDT" in service.box.journal(unit)


def test_others_cannot_even_connect(service: Installed) -> None:
    assert service.sniperd("submit", "BUY", "BTCUSDT", "--quote", "25", user="stranger", check=False)[0] == 77
    assert service.sniperd("status", user="stranger", check=False)[0] == 77
    for path in (SIGNALS, STATUS):
        assert service.box.run("stat", "-c", "%a %U %G", path).stdout == "660 sniperd sniperd\n"


def test_it_stops_in_time_with_everything_on_disk(service: Installed) -> None:
    with caller(service) as load:
        load.until_answered_more()
        deadline = Deadline(STOP_S)
        service.box.run("systemctl", "stop", "sniperd.service")
        assert deadline.left_s()
        load.until_answered_more()  # by the next one, which the first signal after it started
        found = load.end()
    service.box.run("systemctl", "stop", "sniperd.socket", "sniperd.service")
    state = service.state()
    assert (state["ActiveState"], state["Result"]) == ("inactive", "success")
    assert found["refused"] == 0
    assert service.count("SELECT count(*) FROM pragma_quick_check() WHERE quick_check <> 'ok'") == 0
    assert service.count("SELECT count(*) FROM orders WHERE state IN ('in_flight', 'armed')") == 0


def test_a_reload_takes_the_new_configuration(service: Installed) -> None:
    pid = service.state()["MainPID"]
    service.configure({"log": {"level": "info"}})
    service.box.run("systemctl", "reload", "sniperd.service")
    eventually(lambda: "[log] level: 'debug' → 'info'" in service.box.journal("sniperd"), "the reload")
    service.until(ActiveState="active", MainPID=pid)


def test_the_doctor_finds_the_service_and_does_not_start_it(service: Installed) -> None:
    code, shown = service.sniperd("doctor", "--config", CONFIG)
    assert (code, "failure" in shown) == (0, False), shown
    assert "systemd passes the key pair from /etc/credstore" in shown
    assert "/var/lib/sniperd/sniperd.db is intact" in shown
    assert "the group sniperd may trade" in shown
    service.box.run("systemctl", "stop", "sniperd.service")
    code, shown = service.sniperd("doctor", "--config", CONFIG)
    assert (code, "sniperd.service is inactive" in shown) == (0, True), shown
    assert service.state()["ActiveState"] == "inactive"
    service.box.run("systemctl", "start", "sniperd.service")  # its files are still its own


def test_a_permanent_failure_stays_down_and_is_reported(service: Installed) -> None:
    service.box.write("/etc/sniperd/on-failure", '#!/bin/sh\necho "hook: $1 $2 $3"\n', "755")
    service.box.write(CONFIG, "[queue]\nfifo = true\n")
    service.box.run("systemctl", "stop", "sniperd.socket", "sniperd.service")
    assert service.box.run("systemctl", "start", "sniperd.service", check=False).returncode != 0
    state = service.until(ActiveState="failed")
    assert (state["ExecMainStatus"], state["NRestarts"]) == ("78", "0")
    notifier = "sniperd-failure@sniperd.service.service"
    told = eventually(lambda: _with("hook", service.box.journal(notifier)), "the notifier")
    assert "sniperd.service has failed: exit-code, status 78" in told
    assert "hook: sniperd.service exit-code 78" in told


def test_the_timer_makes_verified_copies(service: Installed) -> None:
    assert service.state("sniperd-backup.timer")["ActiveState"] == "active"
    soon = "[Timer]\nOnCalendar=\nOnActiveSec=0\nRandomizedDelaySec=0\nAccuracySec=1ms\n"
    with service.drop_in("sniperd-backup.timer", soon):
        service.box.run("systemctl", "restart", "sniperd-backup.timer")
        eventually(lambda: _with("checked", service.box.journal("sniperd-backup")), "the copy")
        service.until("sniperd-backup.service", ActiveState="inactive", Result="success", ExecMainStatus="0")
    copies = service.box.run("sh", "-c", "stat -c '%a %U %n' /var/lib/sniperd/backups/*").stdout.splitlines()
    assert [line.split()[:2] for line in copies] == [["600", "sniperd"]]


def _with(word: str, text: str) -> str:
    return text if word in text else ""
