"""The handbook's page on operating: its commands are run word for word, and do what it says."""

import itertools
import json
import re
from collections.abc import Callable, Iterator

import pytest

from tests.manual.blocks import commands, named, text
from tests.slow.service.installed import CONFIG, EXCHANGE, SIGNALS, Installed, installed
from tests.support import wall_ms
from tests.support.waiting import eventually

pytestmark = pytest.mark.needs("systemd box", "wheels", "curl")

FAULTS = f"http://{EXCHANGE}/simulator/faults"
LOST = [
    {"kind": "request_lost", "count": 1},
    *({"kind": "error_before", "endpoint": f"GET /api/v3/{name}"} for name in ("order", "openOrders", "allOrders")),
]
"""What keeps an order in doubt: it never arrived, and no query is answered."""

_targets = itertools.count()


@pytest.fixture(scope="module")
def box_with_service() -> Iterator[Installed]:
    """The service, installed and trading."""
    with installed() as service:
        service.until(ActiveState="active")
        service.go_live()
        service.configure({"http": {"listen": "127.0.0.1:8808"}})
        service.box.run("systemctl", "restart", "sniperd.service")
        yield service


@pytest.fixture
def service(box_with_service: Installed) -> Installed:
    """The service, running and not halted."""
    service = box_with_service
    service.box.run("systemctl", "start", "sniperd.socket", "sniperd.service")
    service.sniperd("resume", "--reason", "a test begins")
    return service


def inject(service: Installed, *faults: object) -> None:
    service.box.run("curl", "-sf", "-X", "PUT", FAULTS, "-d", json.dumps({"faults": faults}))


def buy(service: Installed, *words: str) -> str:
    """Send a signal for a target that no other signal has; return its order's id."""
    target = f"target-{next(_targets)}"
    _, shown = service.sniperd("submit", "BUY", "BTCUSDT", "--quote", "25", "--target", target, *words, check=False)
    found = re.search(r"[0-9A-HJKMNP-TV-Z]{26}", shown)
    assert found is not None, shown
    return found[0]


def in_doubt(service: Installed) -> str:
    inject(service, *LOST)
    order = buy(service, "--wait", "0")
    eventually(lambda: order in service.sniperd("orders", "--state", "in_doubt")[1], "the doubt")
    return order


def dead_letter(service: Installed) -> str:
    inject(service, {"kind": "refused", "code": 30002, "count": 1})
    return buy(service)


def waiting(service: Installed) -> str:
    return buy(service, "--at", str(wall_ms() + 600_000), "--wait", "0")


def lease(service: Installed) -> str:
    wish = '{"resourceId":"wallet:42","ownerId":"bot","timeoutMs":600000}'
    ask = ["curl", "-sf", "--unix-socket", "/run/sniperd/signals.sock", "http://localhost/v1/locks", "-d", wish]
    answer = json.loads(service.box.run(*ask, "-H", "Content-Type: application/json").stdout)
    return str(answer["lockId"])


def stopped(service: Installed) -> str:
    """Stop the service, as a restore needs; return the latest backup."""
    service.box.run("systemctl", "start", "sniperd-backup.service")
    service.box.run("systemctl", "stop", "sniperd.socket", "sniperd.service")
    return service.box.run("sh", "-c", "ls /var/lib/sniperd/backups/*.db | tail -n 1").stdout.strip()


BEFORE: dict[str, Callable[[Installed], str]] = {
    "sniperd explain ORDER": buy,
    "sniperd resolve ORDER": in_doubt,
    "sniperd requeue ORDER": dead_letter,
    "sniperd reschedule ORDER": waiting,
    "sniperd cancel ORDER": waiting,
    "sniperd release LOCK": lease,
    "sniperd backup FILE": lambda _: "/root/copy.db",
    "sniperd restore FILE": stopped,
    "sniperd config check --config FILE": lambda _: CONFIG,
}
"""What a command of the list needs, and how to make it."""


def watched(_: Installed, line: str) -> str:
    """Run on a terminal for a while: these commands end by a key only."""
    return f"timeout --foreground 5 script -qec {line!r} /dev/null || test $? = 124"


def confirmed(service: Installed, line: str) -> str:
    """Add the phrase that the command asks for, and leave the long watch at the end out."""
    refused, shown = service.sniperd(*line.split()[1:], check=False)
    assert refused
    phrase = re.search(r"--confirm '[^']*'", shown)
    assert phrase is not None, shown
    return f"{line} --idle 0 {phrase[0]}"


def as_it_stands(_: Installed, line: str) -> str:
    """Run what the handbook says."""
    return line


def when_stopped(service: Installed, line: str) -> str:
    """Stop the service first."""
    stopped(service)
    return line


def until_it_is_taken(_: Installed, line: str) -> str:
    """Repeat it while it is refused: the exchange may still admit the request."""
    return f"until {line}; do :; done"


TYPED: dict[str, Callable[[Installed, str], str]] = {
    'sniperd resolve ORDER --as not-placed --reason "…"': until_it_is_taken,
    'sniperd reset-clock --reason "…"': when_stopped,
    "sniperd top": watched,
    "sniperd tail": watched,
    "sniperd doctor --live-probe": confirmed,
}
"""Commands that need more than the line itself."""


@pytest.mark.parametrize("line", commands("commands"))
def test_a_command_of_the_list_does_what_it_says(service: Installed, line: str) -> None:
    type_it = TYPED.get(line, as_it_stands)
    for beginning, make in BEFORE.items():
        if line.startswith(beginning):
            line = re.sub(r"\b(ORDER|LOCK|FILE)\b", make(service), line)
    inject(service)
    service.follow(type_it(service, line))


def test_every_command_with_a_placeholder_is_given_its_value() -> None:
    listed = commands("commands")
    assert [line for line in listed if re.search(r"\b[A-Z]{4,}\b", line)] == [
        line for line in listed if line.startswith(tuple(BEFORE))
    ]


def test_a_dry_run_prints_the_steps_and_runs_none(service: Installed) -> None:
    unit = "/etc/systemd/system/sniperd-backup.timer"
    service.box.run("sh", "-c", f"echo '# mine' >>{unit}; rm /usr/local/bin/sniperd")
    before = service.box.run("find", "/etc", "/usr/local", "-newermt", "-1 hour", "-printf", "%p %T@\n").stdout
    told = service.sniperd("install", "--dry-run")[1].splitlines()
    assert service.box.run("find", "/etc", "/usr/local", "-newermt", "-1 hour", "-printf", "%p %T@\n").stdout == before
    assert f"write   {unit}; the previous one is kept as sniperd-backup.timer.old" in told
    done = service.box.run("/opt/sniperd/bin/sniperd", "install", "--system").stdout.splitlines()
    assert done[:-1] == told
    again = {line.split()[0] for line in service.sniperd("install", "--system")[1].splitlines()}
    assert again == {"keep", "run", "done;"}


def test_an_installation_that_needs_root_says_so(service: Installed) -> None:
    code, shown = service.sniperd("install", "--system", user="sniperd", check=False)
    assert (code, shown) == (77, "Error: this needs root: run it with sudo, or use --dry-run to see what it would do\n")


def test_an_upgrade_by_hand_lets_the_new_process_take_over(service: Installed) -> None:
    before, orders = service.state()["MainPID"], service.count("SELECT count(*) FROM orders")
    service.follow(named("upgrade"))
    assert service.until(ActiveState="active")["MainPID"] != before
    assert service.count("SELECT count(*) FROM orders") == orders
    assert service.state()["Result"] == "success"


def test_a_changed_socket_applies_after_the_restart_that_the_handbook_names(service: Installed) -> None:
    asked = "systemctl restart sniperd.socket sniperd.service"
    assert f"`{asked}`" in text()
    with service.drop_in("sniperd.socket", "[Socket]\nSocketMode=0600\n"):
        service.box.run("systemctl", "restart", "sniperd.service")
        assert service.box.run("stat", "-c", "%a", SIGNALS).stdout.strip() == "660"
        service.follow(asked)
        assert service.box.run("stat", "-c", "%a", SIGNALS).stdout.strip() == "600"
    service.follow(asked)
    assert service.box.run("stat", "-c", "%a", SIGNALS).stdout.strip() == "660"
    service.until(ActiveState="active")


def test_a_clock_is_reset_while_the_service_is_stopped(service: Installed) -> None:
    known = buy(service)
    service.follow(named("clock"))
    service.until(ActiveState="active")
    assert service.sniperd("explain", known)[0] == 0


def test_a_restored_service_is_halted_until_the_operator_has_compared(service: Installed) -> None:
    known = buy(service)
    service.box.run("systemctl", "start", "sniperd-backup.service")
    unknown = buy(service)
    shown = service.follow(named("restore"))
    assert "HALTED: restored from a backup that knows nothing after" in shown
    assert service.sniperd("explain", known)[0] == 0
    assert service.sniperd("explain", unknown, check=False)[0] != 0
    code, shown = service.sniperd("submit", "BUY", "BTCUSDT", "--quote", "25", check=False)
    assert (code, "restored from a backup" in shown) == (1, True)
    book = service.box.run("curl", "-sf", f"http://{EXCHANGE}/simulator/orders").stdout
    assert f"{unknown}-1" in book, "which is how the operator finds it there"
    service.follow(named("resume"))
    assert service.sniperd("explain", buy(service))[1].count("filled")
    owners = service.box.run("sh", "-c", "stat -c '%U %a' /var/lib/sniperd/sniperd.db*").stdout.splitlines()
    assert set(owners) == {"sniperd 600"}


def test_removal_removes_the_service_and_no_file_of_the_operator() -> None:
    with installed() as service:
        service.until(ActiveState="active")
        service.sniperd("uninstall", "--system")
        for unit in ("sniperd.service", "sniperd.socket", "sniperd-backup.timer"):
            assert service.box.show(unit, "LoadState") == {"LoadState": "not-found"}
        assert service.box.run("find", "/etc/systemd", "/etc/sysusers.d", "-name", "*sniperd*").stdout == ""
        assert service.count("SELECT count(*) FROM orders") == 0
        service.box.run("test", "-f", CONFIG)
        service.install()
        service.until(ActiveState="active")
