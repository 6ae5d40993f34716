"""An environment as a bot has it: no sniperd in it, but a package that is called ``daemon`` too.

Nothing is fetched: what the client needs is lent by the environment that runs the tests, without what is installed
there by links, as this project is.
"""

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from zipfile import ZipFile

ROOT = Path(__file__).parents[3]
PYTHON_DAEMON = {
    "daemon/__init__.py": "from .daemon import DaemonContext\n",
    "daemon/daemon.py": "class DaemonContext:\n    whose = 'python-daemon'\n",
    "daemon/pidfile.py": "",
    "python_daemon-3.1.2.dist-info/METADATA": "Metadata-Version: 2.1\nName: python-daemon\nVersion: 3.1.2\n",
    "python_daemon-3.1.2.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
}
"""The files of the real package that collide."""


class Environment:
    """A virtual environment into which wheels are installed."""

    def __init__(self, directory: Path) -> None:
        venv.create(directory, with_pip=False, symlinks=True)
        self.python = directory / "bin" / "python"
        self.site = next(directory.glob("lib/python3*/site-packages"))
        (self.site / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")

    def install(self, wheel: Path) -> None:
        """Install a wheel over existing files, as pip does."""
        pip("--python", self.python, "install", "-q", "--no-index", "--no-deps", "--no-compile", wheel)


def run(*command: str | Path) -> str:
    """Run a command that must succeed; return what it wrote."""
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd="/")
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def pip(*words: str | Path) -> None:
    """Run the pip of the environment that runs the tests."""
    run(sys.executable, "-m", "pip", "--disable-pip-version-check", *words)


def client_wheel(directory: Path) -> Path:
    """Build the client's wheel, as the handbook's block "client" says."""
    return Path(run(sys.executable, ROOT / ".ci" / "client", directory).strip())


def daemon_wheel(directory: Path) -> Path:
    """Build the daemon's own wheel."""
    pip("wheel", "-q", "--no-index", "--no-deps", "--no-build-isolation", "--wheel-dir", directory, ROOT)
    return next(directory.glob("sniperd-*.whl"))


def python_daemon_wheel(directory: Path) -> Path:
    """Make a wheel that brings a top-level package ``daemon`` of its own."""
    path = directory / "python_daemon-3.1.2-py3-none-any.whl"
    names = [*PYTHON_DAEMON, "python_daemon-3.1.2.dist-info/RECORD"]
    with ZipFile(path, "w") as wheel:
        for name, text in PYTHON_DAEMON.items():
            wheel.writestr(name, text)
        wheel.writestr(names[-1], "".join(f"{name},,\n" for name in names))
    return path
