"""A whole stack, as `orders up` runs it, on a temporary home, free ports and short timeouts."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from redis import Redis
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from cli.stack.layout import Layout
from cli.stack.stack import start_all, stop_all, webserver_url
from cli.stack.supervisor import Supervisor
from orders_pipeline.import_file import stage_file
from orders_pipeline.importing.options import ReadOptions
from orders_pipeline.kpis.days import dirty_days
from orders_pipeline.model import ImportStatus
from orders_pipeline.redis_server import redis_url
from orders_pipeline.settings import PROJECT_ROOT, Settings
from orders_pipeline.staging import Staging
from orders_pipeline.store.engine import open_engine, reading
from orders_pipeline.store.imports import list_imports
from orders_pipeline.verify.everything import verify_home
from tests.chaos.servers import Postgres, Rabbit
from tests.chaos.workload import PAYMENT_SEED, SUCCESS_RATE
from tests.services import free_port

# Far below the defaults, so that a fault is met within seconds; no less than a busy machine needs.
SHORT = {
    "run_patience": 20,
    "work_patience": 30,
    "visibility_timeout": 20,
    "worker_processes": 2,
    "batch_lines": 100,
    "transaction_orders": 50,
    "payment_delay_min": 0.1,
    "payment_delay_max": 2.0,
    "payment_max_in_flight": 60,
    "payment_success_rate": SUCCESS_RATE,
    "payment_seed": PAYMENT_SEED,
    "stop_seconds": 10,
    "rate_limit": 0,
}
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
    postgres: Postgres | None = None
    rabbit: Rabbit | None = None
    commands: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def launch(self, file: Path) -> None:
        """Asks Dagster for a run that imports the file, as its UI does."""
        staged = stage_file(self.engine, Staging(self.settings.staging), file, None, None, ReadOptions())
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

    def is_settled(self, count: int) -> bool:
        """Whether so many imports are finished and all figures are published."""
        finished = list(self.statuses().values()).count(ImportStatus.FINISHED)
        with suppress(DBAPIError):
            return finished >= count and not dirty_days(self.engine)
        return False

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
def chaos_home(folder: Path, database: str, broker: str) -> Iterator[ChaosHome]:
    """A running stack on {sqlite, postgresql} x {redis, rabbitmq}; everything is ended afterwards."""
    folder.mkdir(parents=True)
    dagster_home = folder / "dagster"
    dagster_home.mkdir()
    shutil.copy(PROJECT_ROOT / "dagster.yaml", dagster_home)
    postgres = Postgres() if database == "postgresql" else None
    rabbit = Rabbit() if broker == "rabbitmq" else None
    values: dict[str, Any] = {**SHORT, "home": folder / "home"}
    values |= {name: free_port() for name in ("webserver_port", "code_server_port", "api_port")}
    if postgres:
        values["database_url"] = postgres.database("orders")
    if rabbit:
        values["broker_url"] = rabbit.url
    settings = Settings(**values).model_copy(update={"dagster_home": dagster_home})
    home = ChaosHome(f"{database} + {broker}", settings, open_engine(settings.store_url), postgres, rabbit)
    try:
        start_all(settings)
        yield home
    finally:
        for command in home.commands:
            command.kill()
            command.wait()
        stop_all(settings)
        home.engine.dispose()
        for server in (postgres, rabbit):
            if server:
                server.stop()


def wait_until_settled(home: ChaosHome, count: int, seconds: float) -> float | None:
    """Seconds until so many imports are finished and their figures published, or None: it takes too long."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if home.is_settled(count):
            return time.monotonic() - began
        time.sleep(0.5)
    return None
