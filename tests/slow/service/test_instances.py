"""Two instances of the service at once: each has its own account, sockets, keys and end."""

import json
from collections.abc import Iterator

import pytest

from tests.slow.service.installed import Installed, installed
from tests.support.daemon_process import Keys
from tests.support.waiting import eventually

pytestmark = pytest.mark.needs("systemd box", "wheels")

LEFT, RIGHT = "left", "right"
KEYS = {
    LEFT: Keys("mx0vLeftKey12345678", "left-secret-0123456789"),
    RIGHT: Keys("mx0vRightKey1234567", "right-secret-012345"),
}
BUY = ("submit", "BUY", "BTCUSDT", "--quote", "25")


@pytest.fixture(scope="module")
def box_with_service() -> Iterator[Installed]:
    """The service, and two instances on the paper exchange."""
    with installed() as service:
        for name, keys in KEYS.items():
            service.box.write(f"/etc/credstore/{name}.mexc_api_key", keys.api_key, "600")
            service.box.write(f"/etc/credstore/{name}.mexc_api_secret", keys.api_secret, "600")
            service.sniperd("install", "--system", "--instance", name)
        service.box.write("/etc/sysusers.d/bot.conf", "u bot -\nm bot sniperd\n")
        service.box.run("systemd-sysusers")
        yield service


@pytest.fixture
def service(box_with_service: Installed) -> Installed:
    """All three, running."""
    service = box_with_service
    service.until(ActiveState="active")
    for name in KEYS:
        service.box.run("systemctl", "start", f"sniperd@{name}.socket", f"sniperd@{name}.service")
        service.until(f"sniperd@{name}.service", ActiveState="active")
    return service


def config(name: str) -> str:
    return f"/etc/sniperd/{name}.toml"


def ask(service: Installed, name: str, *words: str, user: str | None = None) -> str:
    """Run a command for an instance, which must succeed."""
    return service.sniperd(*words, "--config", config(name), user=user)[1]


def order_ids(service: Installed, *words: str) -> set[str]:
    found = json.loads(service.sniperd("orders", "--json", *words)[1])
    return {order["id"] for order in found["orders"]}


def test_systemd_reports_nothing_about_the_units_of_an_instance(service: Installed) -> None:
    units = [f"sniperd@{LEFT}.service", f"sniperd@{LEFT}.socket", f"sniperd-backup@{LEFT}.timer"]
    ran = service.box.run("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *units)
    assert ran.stdout + ran.stderr == ""


def test_each_trades_on_an_exchange_and_in_a_database_of_its_own(service: Installed) -> None:
    for name in KEYS:
        assert ask(service, name, "socket") == f"/run/sniperd-{name}/signals.sock\n"
        assert ask(service, name, *BUY, user="bot").startswith("filled")
    left, right = (order_ids(service, "--config", config(name)) for name in (LEFT, RIGHT))
    assert (len(left), len(right), left & right) == (1, 1, set())
    assert order_ids(service) == set()
    status = [json.loads(ask(service, name, "status", "--json")) for name in KEYS]
    assert len({each["exchangeUrl"] for each in status}) == 2
    for name in KEYS:
        listed = service.box.run(
            "stat", "-c", "%a %U %G %n", f"/run/sniperd-{name}", f"/run/sniperd-{name}/signals.sock"
        ).stdout
        assert listed.splitlines() == [
            f"750 sniperd sniperd /run/sniperd-{name}",
            f"660 sniperd sniperd /run/sniperd-{name}/signals.sock",
        ]


def test_each_sees_its_own_keys_alone(service: Installed) -> None:
    for name, keys in KEYS.items():
        pid = service.state(f"sniperd@{name}.service")["MainPID"]
        inside = ["nsenter", "-t", pid, "-m", "sh", "-c", "cat /run/credentials/*/mexc_api_key"]
        assert service.box.run(*inside).stdout == keys.api_key


def test_the_end_of_one_does_not_disturb_the_other(service: Installed) -> None:
    before = service.state(f"sniperd@{RIGHT}.service")
    left = service.state(f"sniperd@{LEFT}.service")
    service.box.run("systemctl", "kill", "--kill-whom=main", "--signal=KILL", f"sniperd@{LEFT}.service")
    again = str(int(left["NRestarts"]) + 1)
    service.until(f"sniperd@{LEFT}.service", ActiveState="active", NRestarts=again)
    assert "filled" in ask(service, RIGHT, *BUY, "--target", "a", "--allow-repeat")
    service.box.write(config(LEFT), "[queue]\nfifo = true\n")
    service.box.run("systemctl", "restart", f"sniperd@{LEFT}.service", check=False)
    service.until(f"sniperd@{LEFT}.service", ActiveState="failed", ExecMainStatus="78")
    service.until(f"sniperd@{LEFT}.socket", ActiveState="inactive")
    code, shown = service.sniperd("status", "--config", config(LEFT), check=False)
    assert code == 78, shown
    assert "filled" in ask(service, RIGHT, *BUY, "--target", "b", "--allow-repeat")
    told = eventually(lambda: service.box.journal(f"sniperd-failure@sniperd@{LEFT}.service.service"), "the notifier")
    assert f"sniperd@{LEFT}.service has failed" in told
    service.box.write(config(LEFT), "")
    service.box.run("systemctl", "reset-failed", f"sniperd@{LEFT}.service")
    assert (
        service.state(f"sniperd@{RIGHT}.service").items()
        >= {name: before[name] for name in ("MainPID", "NRestarts", "ActiveState")}.items()
    )


def test_a_bot_of_the_group_reaches_the_sockets_before_the_first_start(service: Installed) -> None:
    service.box.run("systemctl", "stop", f"sniperd@{LEFT}.socket", f"sniperd@{LEFT}.service")
    code, shown = service.sniperd("status", "--config", config(LEFT), user="bot", check=False)
    assert code == 69
    assert f"the service sniperd@{LEFT} is down" in shown
    service.box.run("rm", "-r", f"/run/sniperd-{LEFT}")
    service.box.run("systemctl", "start", f"sniperd@{LEFT}.socket")
    assert ask(service, LEFT, "status", user="bot")


def test_the_doctor_and_the_timer_know_the_instance(service: Installed) -> None:
    code, shown = service.sniperd("doctor", "--config", config(LEFT))
    assert (code, "failure" in shown) == (0, False), shown
    assert f"sniperd@{LEFT}.service is active" in shown
    assert f"/var/lib/sniperd-{LEFT}/sniperd.db is intact" in shown
    service.box.run("systemctl", "start", f"sniperd-backup@{LEFT}.service")
    assert service.box.run("ls", f"/var/lib/sniperd-{LEFT}/backups").stdout


def test_one_is_removed_and_its_database_and_the_other_stay(service: Installed) -> None:
    service.sniperd("uninstall", "--system", "--instance", LEFT)
    assert service.state(f"sniperd@{LEFT}.service")["ActiveState"] == "inactive"
    assert service.state(f"sniperd@{RIGHT}.service")["ActiveState"] == "active"
    service.box.run("test", "-s", f"/var/lib/sniperd-{LEFT}/sniperd.db")
    service.sniperd("install", "--system", "--instance", LEFT)
    assert order_ids(service, "--config", config(LEFT))
