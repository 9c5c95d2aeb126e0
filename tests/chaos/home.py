"""A whole stack, as run by `orders up`, with a temporary home, free ports and short timeouts."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock
from typing import IO, Any, TypeVar

import httpx
import psutil
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import Engine, func, select
from sqlalchemy.exc import DBAPIError

from cli.stack.layout import Layout
from cli.stack.stack import start_all, stop_all, webserver_url
from cli.stack.supervision.leftovers import find_leftovers
from cli.stack.supervision.supervisor import Supervisor
from orders_pipeline.base.model import AuthorizationStatus, ImportStatus, RefundStatus
from orders_pipeline.base.settings import PROJECT_ROOT, Settings
from orders_pipeline.imports.arrival.staged import stage_file
from orders_pipeline.imports.import_row import Import, list_imports
from orders_pipeline.services.redis_server import redis_url
from orders_pipeline.staging.staging import open_staging
from orders_pipeline.store.engine import open_engine, reading
from orders_pipeline.store.kpi_days import dirty_days
from orders_pipeline.store.schema import authorizations, batches, imports, refunds
from orders_pipeline.verify.everything import verify_home
from tests.chaos.servers import Postgres, Rabbit, Server
from tests.chaos.workload import (
    CAPTURE_SUCCESS_RATE,
    PAYMENT_SEED,
    REFUND_LIMIT,
    REFUND_SUCCESS_RATE,
    SUCCESS_RATE,
)
from tests.servers.gateway_server import GatewayServer
from tests.services import free_port

# Far below the defaults, so that a fault is noticed within seconds, but enough for a busy machine.
SHORT_TIMEOUTS = {
    "run_patience": 20,
    "work_patience": 30,
    "visibility_timeout": 20,
    "payment_timeout": 10,
    "payment_known_within": 20,
    "stop_seconds": 10,
}
SMALL = {
    "worker_processes": 2,
    "batch_lines": 300,
    "transaction_orders": 50,
    "payment_connections": 60,
    "rate_limit": 0,
    "refund_limit": REFUND_LIMIT,
    "alert_quiet_minutes": 0,
}
GATEWAY_TAKES = (0.1, 2.0)
DISK_MEGABYTES = 400
LAUNCHED_WITHIN_SECONDS = 120
REDIS_STARTS_WITHIN_SECONDS = 60
COMMAND_ENDS_WITHIN_SECONDS = 300
ORDERS = [sys.executable, "-c", "from cli.quick_process import orders; orders()"]
LAUNCH = """mutation Launch($selector: JobOrPipelineSelector!, $tags: [ExecutionTag!]) {
  launchRun(executionParams: {selector: $selector, executionMetadata: {tags: $tags}, mode: "default"}) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
ADD_PARTITION = """mutation Add($selector: RepositorySelector!, $key: String!) {
  addDynamicPartition(repositorySelector: $selector, partitionsDefName: "order_files", partitionKey: $key) {
    __typename } }"""
REPOSITORY = {"repositoryLocationName": "definitions", "repositoryName": "__repository__"}


class CommandFailedError(Exception):
    """An `orders` command failed, or was killed."""


@dataclass(slots=True)
class ChaosHome:
    """A running stack with its servers.

    Attributes:
        commands: all that were started.
        in_use: held while a command needs the store to stay what it is.
        left_alone_at: when the last fault ended, by the monotonic clock.
    """

    name: str
    settings: Settings
    engine: Engine
    gateway: GatewayServer
    own_disk: bool
    postgres: Postgres | None = None
    rabbit: Rabbit | None = None
    commands: list[subprocess.Popen[bytes]] = field(default_factory=list)
    in_use: RLock = field(default_factory=RLock)
    left_alone_at: float = 0.0

    def launch(self, file: Path) -> None:
        """Asks Dagster for a run that imports the file, as its UI does, until there is one."""
        staged = stage_file(self.engine, open_staging(self.settings), file)
        deadline = time.monotonic() + LAUNCHED_WITHIN_SECONDS
        while True:
            try:
                return self._launch(staged)
            except (RuntimeError, OSError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(1)

    def _launch(self, staged: Import) -> None:
        self._ask(ADD_PARTITION, {"selector": REPOSITORY, "key": staged.key})
        tags = [{"key": "dagster/partition", "value": staged.key}]
        answer = self._ask(LAUNCH, {"selector": REPOSITORY | {"pipelineName": "import_orders"}, "tags": tags})
        if answer["launchRun"]["__typename"] != "LaunchRunSuccess":
            raise RuntimeError(f"no run was launched: {answer}")

    def _ask(self, query: str, variables: dict[str, Any]) -> Any:
        request = urllib.request.Request(  # noqa: S310 a URL of our own
            f"{webserver_url(self.settings)}/graphql",
            json.dumps({"query": query, "variables": variables}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
            answer = json.load(response)
        if "errors" in answer:
            raise RuntimeError(str(answer["errors"]))
        return answer["data"]

    def drop(self, file: Path) -> None:
        """Puts a copy of the file into the inbox."""
        inbox = self.settings.inbox_folder
        inbox.mkdir(exist_ok=True)
        shutil.copyfile(file, inbox / f"{file.name}.part").rename(inbox / file.name)

    def command(self, *arguments: str) -> Any:
        """The JSON output of an `orders` command.

        Raises:
            CommandFailedError: it failed, was killed or did not end.
        """
        process = self.start_command(*arguments, stdout=subprocess.PIPE)
        try:
            printed, _ = process.communicate(timeout=COMMAND_ENDS_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            raise CommandFailedError(f"orders {arguments[0]} does not end") from None
        if process.returncode:
            raise CommandFailedError(
                f"orders {arguments[0]}: {process.returncode}, {printed[-500:].decode()}"
            )
        return json.loads(printed)

    def start_command(
        self, *arguments: str, stdout: int | IO[bytes] | None = None
    ) -> subprocess.Popen[bytes]:
        """Starts an `orders` command with `--json`."""
        values = self.settings.model_dump(mode="json", exclude_unset=True, exclude={"home", "dagster_home"})
        variables = {f"ORDERS_{name.upper()}": str(value) for name, value in values.items()}
        variables |= {"ORDERS_HOME": str(self.settings.home), "DAGSTER_HOME": str(self.settings.dagster_home)}
        with self.command_log.open("ab") as log:
            process = subprocess.Popen(
                [*ORDERS, *arguments, "--json"],
                cwd=PROJECT_ROOT,
                env=os.environ | variables,
                stdout=log if stdout is None else stdout,
                stderr=log,
            )
        self.commands.append(process)
        return process

    @property
    def command_log(self) -> Path:
        """The output of commands. It is outside the home, whose disk may be full."""
        return self.settings.home.with_name("commands.log")

    def post(self, path: str, body: dict[str, Any], key: str) -> httpx.Response:
        """Sends a request with an idempotency key to the API."""
        secret = (Layout(self.settings.home).run / "api.key").read_text("utf-8").strip()
        headers = {"Authorization": f"Bearer {secret}", "Idempotency-Key": key}
        url = f"http://127.0.0.1:{self.settings.api_port}{path}"
        return httpx.post(url, json=body, headers=headers, timeout=60)

    def restart_with(self, **changes: Any) -> None:
        """Stops the stack, and starts it with other settings."""
        with self.in_use:
            stop_all(self.settings)
            self.settings = self.settings.model_copy(update=changes)
            start_all(self.settings)

    def program(self, name: str) -> psutil.Process | None:
        """The process of one of the stack's programs, if there is one."""
        with suppress(OSError, KeyError, psutil.NoSuchProcess):
            pid = Supervisor(Layout(self.settings.home)).states()[name].pid
            return psutil.Process(pid) if pid else None
        return None

    def supervisor(self) -> psutil.Process:
        """The process that runs the stack's programs."""
        return psutil.Process(int((Layout(self.settings.home).run / "supervisord.pid").read_text()))

    def processes(self) -> list[psutil.Process]:
        """All processes of the stack."""
        pids = set(find_leftovers(self.settings.home))
        return [process for process in psutil.process_iter() if process.pid in pids]

    def workers(self) -> list[psutil.Process]:
        """The parent processes of all Celery workers."""
        names: list[str] = []
        with suppress(OSError):
            names = [name for name in Supervisor(Layout(self.settings.home)).states() if "worker" in name]
        return [process for name in names if (process := self.program(name))]

    def runs(self) -> list[psutil.Process]:
        """The processes of runs."""
        template = self.run_template()
        return template.children() if template else []

    def run_template(self) -> psutil.Process | None:
        """The process that runs are forked from."""
        server = self.program("code-server")
        found = server.children() if server else []
        return next((one for one in found if _is_template(one)), None)

    def redis(self) -> Redis:
        """A client of the Redis server, which may just have been killed."""
        client = Redis.from_url(redis_url(self.settings))
        deadline = time.monotonic() + REDIS_STARTS_WITHIN_SECONDS
        while True:
            try:
                client.ping()
            except RedisError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
            else:
                return client

    def statuses(self) -> dict[str, ImportStatus]:
        """Status of each import by its key; empty while the store cannot be read."""
        try:
            with reading(self.engine) as connection:
                return {found.key: found.status for found in list_imports(connection, 100_000)}
        except DBAPIError:
            return {}

    def has_begun(self, count: int) -> bool:
        """Whether this number of imports are running or finished."""
        begun = (ImportStatus.RUNNING, ImportStatus.FINISHED)
        return sum(status in begun for status in self.statuses().values()) >= count

    def has_small_files_at_work(self) -> bool:
        """Whether a run that many files share has begun some of them."""
        begun = select(imports.c.run_id).where(imports.c.status == ImportStatus.RUNNING)
        with suppress(DBAPIError), reading(self.engine) as connection:
            runs = connection.execute(begun).scalars().all()
            return len(runs) > len(set(runs))
        return False

    def is_settled(self, count: int) -> bool:
        """Whether this number of imports are finished, the inbox is empty, and all figures are published.

        No refund, capture or void is open either.
        """
        inbox = self.settings.inbox_folder
        if inbox.exists() and any(not path.is_dir() for path in inbox.iterdir()):
            return False
        statuses = list(self.statuses().values())
        if ImportStatus.RUNNING in statuses or statuses.count(ImportStatus.FINISHED) < count:
            return False
        with suppress(DBAPIError):
            return not dirty_days(self.engine) and not self._has_open_money()
        return False

    def _has_open_money(self) -> bool:
        going_back = refunds.c.status.in_((RefundStatus.PENDING, RefundStatus.PROCESSING))
        held = authorizations.c.status.in_((AuthorizationStatus.PENDING, AuthorizationStatus.PROCESSING))
        with reading(self.engine) as connection:
            found = select(refunds.c.id).where(going_back).limit(1)
            of_held = select(authorizations.c.order_id).where(held).limit(1)
            return any(connection.execute(query).first() for query in (found, of_held))

    def progress(self) -> tuple[int, ...]:
        """Values that change with progress: finished imports, the last change of a batch, ended refunds."""
        finished = list(self.statuses().values()).count(ImportStatus.FINISHED)
        changes = (batches.c.progress_at, refunds.c.settled_at, authorizations.c.settled_at)
        with suppress(DBAPIError), reading(self.engine) as connection:
            return finished, *(connection.scalar(select(func.max(change))) or 0 for change in changes)
        return (finished,)

    def broken_checks(self) -> list[str]:
        """What `orders verify` finds."""
        checks = verify_home(self.engine, self.settings)
        return [f"{check.name}: {check.detail}" for check in checks if not check.ok]


def _is_template(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return "multiprocessing.forkserver" in " ".join(process.cmdline())
    return False


@contextmanager
def chaos_home(
    folder: Path, database: str, broker: str, default_timeouts: bool = False, **settings: Any
) -> Iterator[ChaosHome]:
    """A running stack on {sqlite, postgresql} x {redis, rabbitmq}; everything is ended afterwards.

    Args:
        settings: of the home, beside short timeouts.
    """
    with ExitStack() as stack:
        if not default_timeouts:
            settings = SHORT_TIMEOUTS | settings
        home = _home_with_servers(stack, folder, database, broker, settings)
        stack.callback(home.engine.dispose)
        stack.callback(stop_all, home.settings)
        start_all(home.settings)
        stack.callback(_end_commands, home)
        yield home


def _home_with_servers(
    stack: ExitStack, folder: Path, database: str, broker: str, chosen: Mapping[str, Any]
) -> ChaosHome:
    dagster_home = folder / "dagster"
    dagster_home.mkdir(parents=True)
    shutil.copy(PROJECT_ROOT / "dagster.yaml", dagster_home)
    own_disk = stack.enter_context(small_disk(folder / "home"))
    gateway = stack.enter_context(_running_gateway(folder / "gateway"))
    values: dict[str, Any] = {**SMALL, **chosen, "home": folder / "home", "payment_url": gateway.url}
    values |= {name: free_port() for name in ("webserver_port", "api_port")}
    postgres = stack.enter_context(_ended(Postgres())) if database == "postgresql" else None
    rabbit = stack.enter_context(_ended(Rabbit())) if broker == "rabbitmq" else None
    if postgres:
        values["database_url"] = postgres.database("orders")
    if rabbit:
        values["broker_url"] = rabbit.url
    settings = Settings(**values).model_copy(update={"dagster_home": dagster_home})
    engine = open_engine(settings.store_url)
    return ChaosHome(f"{database} + {broker}", settings, engine, gateway, own_disk, postgres, rabbit)


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """A folder with a separate file system that can be filled; False if mounting is not allowed.

    What is in it at the end stays in the folder.
    """
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MEGABYTES}m", "tmpfs", str(folder)]
    mounted = subprocess.run(mount, check=False, capture_output=True).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            kept = shutil.copytree(folder, folder.with_name("kept"), symlinks=True, ignore=_sockets_and_pipes)
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
            kept.replace(folder)


def _sockets_and_pipes(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if (path := Path(folder, name)).is_socket() or path.is_fifo()]


@contextmanager
def _running_gateway(folder: Path) -> Iterator[GatewayServer]:
    shortest, longest = GATEWAY_TAKES
    server = GatewayServer(folder, delay=shortest, longest_delay=longest)
    server.seed, server.success_rate = PAYMENT_SEED, SUCCESS_RATE
    server.refund_success_rate, server.capture_success_rate = REFUND_SUCCESS_RATE, CAPTURE_SUCCESS_RATE
    server.start()
    try:
        yield server
    finally:
        server.stop()


ServerT = TypeVar("ServerT", bound=Server)


@contextmanager
def _ended(server: ServerT) -> Iterator[ServerT]:
    try:
        yield server
    finally:
        server.stop()


def _end_commands(home: ChaosHome) -> None:
    for command in home.commands:
        command.kill()
        command.wait()


def wait_until_settled(home: ChaosHome, count: int, seconds: float) -> float | None:
    """Seconds until this number of imports are finished and their figures published; None if they got stuck.

    Args:
        seconds: that may pass without a sign that any of them gets on.
    """
    began = moved = time.monotonic()
    seen = home.progress()
    while time.monotonic() - moved < seconds:
        if home.is_settled(count):
            return time.monotonic() - began
        time.sleep(0.5)
        if (now := home.progress()) != seen:
            seen, moved = now, time.monotonic()
    return None
