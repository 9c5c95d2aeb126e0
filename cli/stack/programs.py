"""Every background program of the pipeline.

All of them listen on 127.0.0.1 only. They get their settings as variables, so that it does not matter whether
the caller had them from its environment, from `.env` or from its own options.
"""

from __future__ import annotations

import hashlib
import json
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cli.stack.layout import HOME_MARK, Layout
from cli.stack.program import Port, Program
from orders_pipeline.redis_server import prepare_server
from orders_pipeline.settings import PROJECT_ROOT, Settings

REDIS, WORKER, KEEPER = "redis", "worker", "keeper"
CODE_SERVER, WEBSERVER, DAEMON, API = "code-server", "webserver", "daemon", "api"
CELERY_APP, DEFINITIONS = "jobs.celery_app", "definitions"
KEEPER_SCRIPT = Path(__file__).with_name("keeper.py")


@dataclass(frozen=True, slots=True)
class Plan:
    """What programs are made from: settings, and the modules of the Celery app and Dagster's definitions."""

    settings: Settings
    celery_app: str
    definitions: str

    @property
    def layout(self) -> Layout:
        return Layout(self.settings.home)


def make_program(name: str, plan: Plan) -> Program:
    """The program of this name; the Redis server must not be running when its program is made."""
    return MAKERS[name](plan)


def is_redis_embedded(settings: Settings) -> bool:
    """Whether this home runs a Redis of its own: for the cache, or as the broker."""
    return not settings.redis_url


def worker_node(settings: Settings) -> str:
    """Celery's name of the worker that runs for this home on this machine."""
    digest = hashlib.sha256(str(settings.home).encode()).hexdigest()[:8]
    return f"orders-{digest}@{socket.gethostname()}"


def variables(settings: Settings) -> dict[str, str]:
    """Environment variables that give another process the same settings."""
    values = settings.model_dump(mode="json", exclude_unset=True, exclude={"home", "dagster_home"})
    given = {f"ORDERS_{name.upper()}": str(value) for name, value in values.items()}
    return given | {
        "ORDERS_HOME": str(settings.home),
        "DAGSTER_HOME": str(settings.dagster_home),
        # Switched off in dagster.yaml, telemetry still makes two folders in Dagster's home without this.
        "DAGSTER_DISABLE_TELEMETRY": "1",
        HOME_MARK: str(settings.home),
    }


def _redis(plan: Plan) -> Program:
    # It has no state to save, and ending it at once leaves no chance that it outlives its supervisor.
    command = prepare_server(plan.settings.home)
    return Program(REDIS, command, str(plan.layout.run), priority=10, death_signal="SIGKILL")


def _worker(plan: Plan) -> Program:
    settings = plan.settings
    celery = ["celery", "-A", plan.celery_app, "worker", "-n", worker_node(settings), "-Q", "orders,dagster"]
    options = ["--concurrency", str(settings.processes), "--pool", "prefork", "--loglevel", "INFO"]
    # Without them a worker asks its neighbours first, which costs a second at each start.
    quick = ["--without-gossip", "--without-mingle"]
    return Program(
        name=WORKER,
        command=[sys.executable, "-m", *celery, *options, *quick],
        directory=str(PROJECT_ROOT),
        environment=variables(settings),
        priority=20,
        stop_seconds=settings.stop_seconds,
    )


def _code_server(plan: Plan) -> Program:
    port = Port(plan.settings.code_server_port, "ORDERS_CODE_SERVER_PORT")
    listen = ["-h", "127.0.0.1", "-p", str(port.number), "--use-python-environment-entry-point"]
    code = ["-m", plan.definitions, "-d", str(PROJECT_ROOT), "--location-name", "definitions"]
    command = ["dagster", "code-server", "start", *listen, *code]
    return _dagster(CODE_SERVER, plan, command, priority=30, port=port)


def _webserver(plan: Plan) -> Program:
    port = Port(plan.settings.webserver_port, "ORDERS_WEBSERVER_PORT")
    listen = ["-h", "127.0.0.1", "-p", str(port.number), "-w", _workspace(plan)]
    return _dagster(WEBSERVER, plan, ["dagster_webserver", *listen], priority=40, port=port)


def _daemon(plan: Plan) -> Program:
    command = ["dagster._daemon", "run", "-w", _workspace(plan)]
    return _dagster(DAEMON, plan, command, priority=50)


def _api(plan: Plan) -> Program:
    port = Port(plan.settings.api_port, "ORDERS_API_PORT")
    listen = ["--host", "127.0.0.1", "--port", str(port.number), "--no-server-header"]
    command = [sys.executable, "-m", "uvicorn", "--factory", "cli.api:app", *listen]
    return Program(API, command, str(PROJECT_ROOT), variables(plan.settings), priority=45, port=port)


def _keeper(plan: Plan) -> Program:
    command = [sys.executable, "-I", "-S", str(KEEPER_SCRIPT)]
    return Program(KEEPER, command, str(plan.layout.run), priority=90, death_signal="SIGKILL")


def _dagster(name: str, plan: Plan, module: list[str], *, priority: int, port: Port | None = None) -> Program:
    """One of Dagster's servers, away from the project's `.env`: it would win over the settings."""
    command = [sys.executable, "-m", *module]
    directory, environment = str(plan.layout.run), variables(plan.settings)
    return Program(name, command, directory, environment, priority=priority, stop_group=True, port=port)


def _workspace(plan: Plan) -> str:
    """With the location name of the project's workspace.yaml: sensors keep their state by it."""
    server = {"host": "127.0.0.1", "port": plan.settings.code_server_port, "location_name": "definitions"}
    plan.layout.workspace.write_text(json.dumps({"load_from": [{"grpc_server": server}]}))
    return str(plan.layout.workspace)


MAKERS: Mapping[str, Callable[[Plan], Program]] = {
    REDIS: _redis,
    WORKER: _worker,
    CODE_SERVER: _code_server,
    WEBSERVER: _webserver,
    DAEMON: _daemon,
    API: _api,
    KEEPER: _keeper,
}
