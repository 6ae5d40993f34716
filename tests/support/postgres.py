"""A real PostgreSQL server for tests: Debian's, in a temporary directory, on a Unix socket and a loopback port."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from tests.support.scratch import scratch
from tests.support.waiting import eventually

ADMIN = "admin"
USER = "sniperd"
PASSWORD = "correct-horse"

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "shared_buffers": "16MB",
    "max_connections": "60",
    "log_line_prefix": "%m [%p] ",
    "dynamic_shared_memory_type": "mmap",  # in its own directory: a killed server leaves what lies in /dev/shm
}


def programs() -> Path | None:
    """Return the directory of the newest server that Debian installed here; ``None`` without one."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


class PostgresServer:
    """A server and its directory. Its processes are ended by their ids."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = _free_port()
        self._data = directory / "data"
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: str = "postgres", user: str = USER) -> str:
        """Return its address by the Unix socket, where everybody may connect."""
        return f"postgresql://{user}@/{database}?host={self.directory}&port={self.port}"

    @property
    def libpq(self) -> str:
        """How programs of PostgreSQL connect to it as administrator."""
        return f"host={self.directory} port={self.port} user={ADMIN} dbname=postgres"

    def create(self) -> None:
        """Make a new server with the daemons' role, and start it. By the network they need their password."""
        self._run("initdb", "-N", "-D", self._data, "-U", ADMIN, "--auth-local=trust", "--auth-host=scram-sha-256")
        self.start()
        self.sql(f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'")

    def create_standby(self, primary: "PostgresServer", name: str) -> None:
        """Make a standby of another server, by which name that knows it, and start it."""
        origin = f"{primary.libpq} application_name={name}"
        self._run("pg_basebackup", "-N", "-D", self._data, "-R", "-X", "stream", "-c", "fast", "-d", origin)
        self.start()

    def start(self, **settings: str) -> None:
        """Start it, and wait until it answers."""
        assert self._process is None
        given = {**_SETTINGS, "unix_socket_directories": str(self.directory), "port": str(self.port), **settings}
        options = [f"-c{name}={value}" for name, value in given.items()]
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                _as_other("postgres", "-D", self._data, *options),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
            )  # fmt: skip
        eventually(self._answers, "PostgreSQL answers", pause_s=0.05)

    def sql(self, statement: str, *, user: str = ADMIN, database: str = "postgres") -> str:
        """Execute a statement, and return its rows, without alignment."""
        url = self.url(database, user)
        return self._run("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", statement).strip()

    @contextmanager
    def locked(self, rows: str) -> Iterator[None]:
        """Hold a lock on the rows of a query until the context ends."""
        command = _as_other("psql", "-XAtq", "-d", self.libpq)
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/") as session:
            assert session.stdin is not None
            assert session.stdout is not None
            session.stdin.write(f"BEGIN; {rows} FOR UPDATE;\n")
            session.stdin.flush()
            assert session.stdout.readline(), "psql has ended"
            yield

    def set(self, **settings: str) -> None:
        """Change settings of the running server; they last."""
        for name, value in settings.items():
            self.sql(f"ALTER SYSTEM SET {name} = '{value}'")
        self.sql("SELECT pg_reload_conf()")
        for name, value in settings.items():
            eventually(partial(self._is_set, name, value), f"{name} is {value}")

    def own(self, file: Path) -> Path:
        """Make a file the server's own, which no other user can read; return it."""
        file.chmod(0o600)
        if os.geteuid() == 0:
            shutil.chown(file, "nobody", "nogroup")
        return file

    def promote(self) -> None:
        """Make a standby the primary."""
        self.sql("SELECT pg_promote(true)")

    def dump(self) -> str:
        """Return its tables as SQL."""
        return self._run("pg_dump", "-d", self.libpq)

    def restore(self, dump: str) -> None:
        """Replace the fleet's tables by those of a dump."""
        self.sql("DROP SCHEMA IF EXISTS sniperd CASCADE")
        self._run("psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-d", self.libpq, given=dump)

    def kill(self) -> None:
        """Kill all its processes, as if its machine were lost."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGSTOP)  # so that it starts and ends no others
        for child in Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split():
            with suppress(ProcessLookupError):
                os.kill(int(child), signal.SIGKILL)
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Stop it: it cuts its connections, and writes everything to disk."""
        self._end(signal.SIGINT)

    def log(self) -> str:
        """Return what it wrote."""
        return (self.directory / "log").read_text()

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(30)
            self._process = None

    def _is_set(self, name: str, value: str) -> bool:
        return self.sql(f"SHOW {name}") == value

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log()
        return subprocess.run([_program("pg_isready"), "-q", "-d", self.libpq], check=False).returncode == 0

    def _run(self, name: str, *arguments: str | Path, given: str = "") -> str:
        command = _as_other(name, *arguments)
        done = subprocess.run(command, check=False, input=given, capture_output=True, text=True, cwd="/")
        assert done.returncode == 0, f"{name}: {done.stderr}"
        return done.stdout


@contextmanager
def postgres_server(parent: Path | None = None) -> Iterator[PostgresServer]:
    """Make a place for a server, and remove it, and end the server, at the end."""
    # A short path: those of Unix sockets have 107 bytes at most.
    directory = Path(tempfile.mkdtemp(prefix="pg", dir=parent or scratch()))
    if os.geteuid() == 0:
        shutil.chown(directory, "nobody", "nogroup")
    server = PostgresServer(directory)
    try:
        yield server
    finally:
        server.kill()
        shutil.rmtree(directory)


@contextmanager
def transaction_pooler(server: PostgresServer, ignored: str) -> Iterator[int]:
    """Start Debian's pgbouncer before a server, which gives each transaction any session of it; yield its port.

    ``ignored`` are the settings of a client that it does not pass on; it refuses clients with others.
    """
    port, settings, users = _free_port(), server.directory / "pgbouncer.ini", server.directory / "users"
    users.write_text(f'"{USER}" ""\n')
    settings.write_text(
        f"[databases]\npostgres = host={server.directory} port={server.port}\n[pgbouncer]\npool_mode = transaction\n"
        f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {users}\n"
        f"ignore_startup_parameters = {ignored}\n"
    )
    with (server.directory / "pgbouncer.log").open("wb") as log:
        process = subprocess.Popen([*_other_user(), "/usr/sbin/pgbouncer", settings], stdout=log, stderr=log, cwd="/")
    try:
        eventually(partial(_is_open, port), "pgbouncer listens")
        yield port
    finally:
        process.kill()
        process.wait()


def _program(name: str) -> Path:
    found = programs()
    assert found is not None
    return found / name


def _as_other(name: str, *arguments: str | Path) -> list[str | Path]:
    """Return the command of a program."""
    return [*_other_user(), _program(name), *arguments]


def _other_user() -> list[str | Path]:
    """Return what runs a command as another user than root: these servers do not start as root."""
    return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.geteuid() == 0 else []


def _is_open(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port
