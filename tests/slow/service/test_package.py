"""The Debian package, in boxes: installed, upgraded, downgraded, removed, purged."""

import filecmp
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from daemon import __version__
from daemon.store.schema import VERSION
from tests.manual.blocks import named
from tests.slow.service.installed import CONFIG, SEEN, Installed
from tests.slow.service.load import caller
from tests.slow.service.packages import HIGHER, Packages, build, built, copied, differences, finish, start
from tests.support.box import Box
from tests.support.waiting import eventually, wall_ms

pytestmark = pytest.mark.needs("systemd box", "wheels")

UNITS = ("sniperd.service", "sniperd.socket", "sniperd-backup.timer")
INSTANCE = "second"
INSTANCES = ("sniperd@second.service", "sniperd@second.socket", "sniperd-backup@second.timer")
LEFT = {
    "/etc/credstore",
    "/etc/credstore.encrypted",
    "/etc/.pwd.lock",
    "/var/lib/systemd/timers/stamp-sniperd-backup.timer",
    "/var/lib/systemd/timers/stamp-sniperd-backup@second.timer",
}
"""What stays after a purge: systemd's own files, and the directory for keys."""

HOUR_MS = 3_600_000


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Packages:
    """Build the packages."""
    return build(tmp_path_factory.mktemp("packages"))


class Packaged(Installed):
    """The service, from its package."""

    def type(self, commands: str) -> str:
        """Run commands in the directory where this package was built."""
        return self.box.run("env", "-C", "/opt/present", "sh", "-euxc", commands).stdout

    def higher(self) -> None:
        """Install the package of the higher version."""
        self.type("dpkg -i /opt/higher/dist/sniperd_*.deb")

    def add_instance(self) -> str:
        """Set up an instance; return its process."""
        self.box.run("sniperd", "install", "--system", "--instance", INSTANCE)
        return self.until(INSTANCES[0], ActiveState="active")["MainPID"]

    def version(self) -> str:
        """Query the running daemon."""
        eventually(lambda: "daemon.starting" in self.box.journal("sniperd"), "the first line")
        told: list[str] = re.findall(r'"version":"([^"]+)"', self.box.journal("sniperd").replace(" ", ""))
        return told[-1]


@contextmanager
def packaged(packages: Packages) -> Iterator[Packaged]:
    """Boot a box, and install the package as the handbook says."""
    seen = {str(packages.present): "/opt/present", str(packages.higher): "/opt/higher"}
    with Box(SEEN | seen) as box:
        service = Packaged(box)
        box.run("rm", "-f", "/usr/sbin/policy-rc.d")  # with it a container image keeps packages from starting services
        build_it, install_it = named("package").splitlines()
        assert build_it == "sh .ci/deb"  # already done
        service.type(install_it)
        service.until(ActiveState="active")
        yield service


@pytest.mark.needs("lintian")
def test_lintian_reports_only_documented_exceptions(packages: Packages) -> None:
    package = built(packages.present)
    ran = subprocess.run(
        ["lintian", "--fail-on", "error,warning", package], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout) == (0, "")


def test_the_same_checkout_makes_the_same_package_wherever_it_is_built(packages: Packages, tmp_path: Path) -> None:
    again = copied(packages.present, tmp_path / "another" / "place")
    subprocess.run(["chmod", "-R", "go=", again], check=True)
    temporary = tmp_path / "a longer name, for which the first line of a script has no room".ljust(127, ".")
    temporary.mkdir()
    temporary.chmod(0o2777)
    others = {"PYTHONHASHSEED": "1", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONOPTIMIZE": "2", "TMPDIR": str(temporary)}
    finish(start(again, umask=0o077, **others))
    one, other = built(packages.present), built(again)
    assert differences(one, other) == ""
    assert filecmp.cmp(one, other, shallow=False), "the same files, in another order or compressed in another way"


def test_how_two_packages_differ_is_told_file_by_file(packages: Packages) -> None:
    told = differences(built(packages.present), built(packages.higher)).splitlines()
    control = told.index("--- --ctrl-tarfile/./control")
    assert told[control + 3 : control + 5] == [f"-Version: {__version__}", f"+Version: {HIGHER}"]
    assert "--- --fsys-tarfile/./opt/sniperd/lib" not in told


def test_the_package_states_its_architecture_and_dependencies(packages: Packages) -> None:
    package = built(packages.present)
    told = subprocess.check_output(["dpkg-deb", "--field", package], text=True)
    fields = dict(line.split(": ", 1) for line in told.splitlines() if line[:1].strip())
    machine = subprocess.check_output(["dpkg", "--print-architecture"], text=True).strip()
    minor = int(subprocess.check_output(["/usr/bin/python3", "-c", "import sys; print(sys.version_info[1])"]))
    assert (fields["Version"], fields["Architecture"]) == (__version__, machine)
    assert f"python3 (>= 3.{minor}), python3 (<< 3.{minor + 1})" in fields["Depends"]


def test_installed_it_is_enabled_ready_and_trades_on_paper(packages: Packages) -> None:
    with packaged(packages) as service:
        assert {service.box.show(unit, "UnitFileState")["UnitFileState"] for unit in UNITS} == {"enabled"}
        ran = service.box.run("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *UNITS)
        assert ran.stdout + ran.stderr == ""
        assert service.box.run("sniperd", "submit", "BUY", "BTCUSDT", "--quote", "25").stdout.startswith("filled")
        for name in ("man/man1/sniperd.1.gz", "man/man5/sniperd.toml.5.gz", "bash-completion/completions/sniperd"):
            service.box.run("test", "-s", f"/usr/share/{name}")
        again = service.box.run("sniperd", "install", "--dry-run", check=False)
        assert "the package sniperd has installed the service; there is nothing to do" in again.stderr


def test_it_is_reloaded_without_a_package_that_it_does_not_depend_on(packages: Packages) -> None:
    with packaged(packages) as service:
        service.box.run("rm", "-f", "/bin/kill")  # of procps
        pid = service.state()["MainPID"]
        service.box.run("sh", "-c", f"printf '[log]\\nlevel = \"debug\"\\n' >>{CONFIG}")
        service.box.run("systemctl", "reload", "sniperd.service")
        eventually(lambda: "[log] level: 'info' → 'debug'" in service.box.journal("sniperd"), "the reload")
        service.until(ActiveState="active", MainPID=pid)


def test_an_upgrade_refuses_no_caller_and_keeps_what_was_queued(packages: Packages) -> None:
    with packaged(packages) as service:
        service.go_live()
        wish = ["submit", "BUY", "ETHUSDT", "--quote", "25", "--wait", "0"]
        for number in range(3):
            service.sniperd(*wish, "--target", f"later-{number}", "--at", str(wall_ms() + HOUR_MS))
        instance = service.add_instance()
        with caller(service) as load:
            load.until_answered_more()
            service.higher()
            load.until_answered_more()
            found = load.end()
        assert service.version() == HIGHER
        assert service.until(INSTANCES[0], ActiveState="active")["MainPID"] != instance
        assert (found["refused"], found["other"]) == (0, [])
        assert service.count("SELECT count(*) FROM orders WHERE owner_id = 'bot'") == found["answered"]
        assert service.count("SELECT count(*) FROM orders WHERE state = 'queued' AND symbol = 'ETHUSDT'") == 3
        assert service.count("PRAGMA user_version") == VERSION + 1
        assert "http://127.0.0.1" in service.box.run("cat", CONFIG).stdout, "the configuration that was changed"


def test_an_older_version_refuses_a_newer_schema_and_the_newer_version_goes_on(packages: Packages) -> None:
    with packaged(packages) as service:
        service.sniperd("submit", "BUY", "BTCUSDT", "--quote", "25")
        service.higher()
        service.until(ActiveState="active")
        service.type("dpkg -i dist/sniperd_*.deb")
        assert service.until(ActiveState="failed")["ExecMainStatus"] == "65"
        schemas = f"schema {VERSION + 1}; this one knows {VERSION}"
        assert f"was written by a newer sniperd ({schemas}); start that version" in service.box.journal("sniperd")
        service.box.run("systemctl", "reset-failed")
        service.higher()
        service.until(ActiveState="active")
        assert service.count("SELECT count(*) FROM orders WHERE state = 'filled'") == 1


def test_removed_it_leaves_the_database_and_purged_it_leaves_nothing(packages: Packages) -> None:
    with Box(SEEN) as box:
        before = files(box)
    with packaged(packages) as service:
        service.sniperd("submit", "BUY", "BTCUSDT", "--quote", "25")
        service.add_instance()
        service.type("dpkg -r sniperd")
        stopped = (*UNITS, *INSTANCES)
        assert {service.box.show(unit, "ActiveState")["ActiveState"] for unit in stopped} == {"inactive"}
        assert service.box.run("find", "/proc", "-maxdepth", "1", "-user", "sniperd").stdout == ""
        assert service.box.run("ls", "/opt/sniperd", check=False).returncode != 0
        left = {path for path in files(service.box) - before if not path.startswith("/var/lib/sniperd")}
        assert CONFIG in left
        service.type("dpkg -i dist/sniperd_*.deb")
        service.until(ActiveState="active")
        assert service.count("SELECT count(*) FROM orders WHERE state = 'filled'") == 1
        service.type("dpkg -P sniperd")
        assert files(service.box) - before - LEFT == set()


def test_it_refuses_to_be_mixed_with_an_installation_by_hand(packages: Packages) -> None:
    with Box(SEEN | {str(packages.present): "/opt/present"}) as box:
        box.run("mkdir", "-p", "/etc/systemd/system")
        box.run("touch", "/etc/systemd/system/sniperd.service")
        ran = box.run("sh", "-c", "dpkg -i /opt/present/dist/sniperd_*.deb", check=False)
        assert ran.returncode != 0
        assert "uninstall --system" in ran.stderr
        assert box.run("ls", "/opt/sniperd", check=False).returncode != 0


def files(box: Box) -> set[str]:
    """List the files, except those that the system itself writes."""
    own = [f"{place}{instance}" for place in ("/var/lib/sniperd", "/run/sniperd") for instance in ("", f"-{INSTANCE}")]
    places = ["/etc", "/opt", "/usr", "/var/lib/systemd/timers", *own]
    listed = box.run("find", *places, "-xdev", check=False).stdout
    noted = re.compile(r"/opt/(present|higher|checkout|wheels)|/etc/.*-$")
    return {path for path in listed.splitlines() if not noted.match(path)}
