"""A whole stack, as `orders up` runs it, on a temporary home, free ports and short timeouts."""

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
from typing import Any, TypeVar

import psutil
from redis import Redis
from sqlalchemy import Engine, func, select
from sqlalchemy.exc import DBAPIError

from cli.stack.layout import Layout
from cli.stack.leftovers import find_leftovers
from cli.stack.stack import start_all, stop_all, webserver_url
from cli.stack.supervisor import Supervisor
from orders_pipeline.base.model import ImportStatus
from orders_pipeline.base.settings import PROJECT_ROOT, Settings
from orders_pipeline.imports.import_row import Import, list_imports
from orders_pipeline.imports.staged import stage_file
from orders_pipeline.services.redis_server import redis_url
from orders_pipeline.staging.staging import open_staging
from orders_pipeline.store.engine import open_engine, reading
from orders_pipeline.store.kpi_days import dirty_days
from orders_pipeline.store.schema import batches
from orders_pipeline.verify.everything import verify_home
from tests.chaos.servers import Postgres, Rabbit, Server
from tests.chaos.workload import PAYMENT_SEED, SUCCESS_RATE
from tests.gateway_server import GatewayServer
from tests.services import free_port

# Far below the defaults, so that a fault is met within seconds; no less than a busy machine needs.
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
}
GATEWAY_TAKES = (0.1, 2.0)
DISK_MEGABYTES = 400
LAUNCHED_WITHIN_SECONDS = 120
LAUNCH = """mutation Launch($selector: JobOrPipelineSelector!, $tags: [ExecutionTag!]) {
  launchRun(executionParams: {selector: $selector, executionMetadata: {tags: $tags}, mode: "default"}) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
ADD_PARTITION = """mutation Add($selector: RepositorySelector!, $key: String!) {
  addDynamicPartition(repositorySelector: $selector, partitionsDefName: "order_files", partitionKey: $key) {
    __typename } }"""
REPOSITORY = {"repositoryLocationName": "definitions", "repositoryName": "__repository__"}


@dataclass(slots=True)
class ChaosHome:
    """A running stack with its servers."""

    name: str
    settings: Settings
    engine: Engine
    gateway: GatewayServer
    own_disk: bool
    postgres: Postgres | None = None
    rabbit: Rabbit | None = None
    commands: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def launch(self, file: Path) -> None:
        """Asks Dagster for a run that imports the file, as its UI does, until it has one."""
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

    def import_by_command(self, file: Path) -> None:
        """Starts `orders import`."""
        values = self.settings.model_dump(mode="json", exclude_unset=True, exclude={"home", "dagster_home"})
        variables = {f"ORDERS_{name.upper()}": str(value) for name, value in values.items()}
        variables |= {"ORDERS_HOME": str(self.settings.home), "DAGSTER_HOME": str(self.settings.dagster_home)}
        with (self.settings.home / "import.log").open("ab") as log:
            self.commands.append(
                subprocess.Popen(
                    [sys.executable, "-c", "from cli.main import app; app()", "import", str(file), "--json"],
                    cwd=PROJECT_ROOT,
                    env=os.environ | variables,
                    stdout=log,
                    stderr=log,
                )
            )

    def program(self, name: str) -> psutil.Process | None:
        """The process of one of the stack's programs, while there is one."""
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
        """Processes of runs: the children that the code server's server has."""
        server = self.program("code-server")
        found = server.children(recursive=True) if server else []
        return [one for one in found if _is_run(one)]

    def redis(self) -> Redis:
        return Redis.from_url(redis_url(self.settings))

    def statuses(self) -> dict[str, ImportStatus]:
        """Status of each import by its key; empty while the store cannot be read."""
        try:
            with reading(self.engine) as connection:
                return {found.key: found.status for found in list_imports(connection, 100_000)}
        except DBAPIError:
            return {}

    def is_at_work(self) -> bool:
        return ImportStatus.RUNNING in self.statuses().values()

    def has_begun(self, count: int) -> bool:
        """Whether so many imports are running or finished."""
        begun = (ImportStatus.RUNNING, ImportStatus.FINISHED)
        return sum(status in begun for status in self.statuses().values()) >= count

    def is_settled(self, count: int) -> bool:
        """Whether so many imports are finished and all figures are published."""
        finished = list(self.statuses().values()).count(ImportStatus.FINISHED)
        with suppress(DBAPIError):
            return finished >= count and not dirty_days(self.engine)
        return False

    def progress(self) -> tuple[int, ...]:
        """What grows while imports get on: finished ones, and the last change of any batch."""
        finished = list(self.statuses().values()).count(ImportStatus.FINISHED)
        with suppress(DBAPIError), reading(self.engine) as connection:
            return finished, connection.execute(select(func.max(batches.c.progress_at))).scalar_one() or 0
        return (finished,)

    def broken_checks(self) -> list[str]:
        """What `orders verify` finds."""
        checks = verify_home(self.engine, self.settings)
        return [f"{check.name}: {check.detail}" for check in checks if not check.ok]


def _is_run(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        told = " ".join(process.cmdline())
        return "spawn_main" in told or "execute_run" in told
    return False


@contextmanager
def chaos_home(
    folder: Path, database: str, broker: str, default_timeouts: bool = False
) -> Iterator[ChaosHome]:
    """A running stack on {sqlite, postgresql} x {redis, rabbitmq}; everything is ended afterwards."""
    with ExitStack() as stack:
        timeouts = {} if default_timeouts else SHORT_TIMEOUTS
        home = _home_with_servers(stack, folder, database, broker, timeouts)
        stack.callback(home.engine.dispose)
        stack.callback(stop_all, home.settings)
        start_all(home.settings)
        stack.callback(_end_commands, home)
        yield home


def _home_with_servers(
    stack: ExitStack, folder: Path, database: str, broker: str, timeouts: Mapping[str, float]
) -> ChaosHome:
    dagster_home = folder / "dagster"
    dagster_home.mkdir(parents=True)
    shutil.copy(PROJECT_ROOT / "dagster.yaml", dagster_home)
    own_disk = stack.enter_context(small_disk(folder / "home"))
    gateway = stack.enter_context(_running_gateway(folder / "gateway"))
    values: dict[str, Any] = {**SMALL, **timeouts, "home": folder / "home", "payment_url": gateway.url}
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
    """A folder with a file system of its own, which can be filled up; False where mounting is not allowed.

    What is in it at the end stays in the folder.
    """
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MEGABYTES}m", "tmpfs", str(folder)]
    mounted = subprocess.run(mount, check=False, capture_output=True).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            kept = shutil.copytree(folder, folder.with_name("kept"), symlinks=True, ignore=_sockets)
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
            kept.replace(folder)


def _sockets(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if Path(folder, name).is_socket()]


@contextmanager
def _running_gateway(folder: Path) -> Iterator[GatewayServer]:
    shortest, longest = GATEWAY_TAKES
    server = GatewayServer(folder, delay=shortest, longest_delay=longest)
    server.seed, server.success_rate = PAYMENT_SEED, SUCCESS_RATE
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
    """Seconds until so many imports are finished and their figures published; None: they got stuck before.

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
