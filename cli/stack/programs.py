"""Every background program of the pipeline.

All of them listen on 127.0.0.1 only. They get their settings as variables, so that it does not matter whether
the caller had them from its environment, from `.env` or from its own options.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from cli.stack.code_version import code_version
from cli.stack.flower_login import flower_login
from cli.stack.layout import HOME_MARK, Layout
from cli.stack.program import Port, Program
from cli.stack.workers import WORKER, WORKER_DEFAULT, WORKER_ORDERS, worker_command
from orders_pipeline.base.settings import PROJECT_ROOT, Settings
from orders_pipeline.services.redis_server import prepare_server

REDIS, KEEPER = "redis", "keeper"
CODE_SERVER, WEBSERVER, VIEWER, DAEMON = "code-server", "webserver", "viewer", "daemon"
API, FLOWER = "api", "flower"
CELERY_APP, DEFINITIONS = "jobs.celery_app", "definitions"
CODE_VARIABLE = "ORDERS_CODE_VERSION"
# Unless the settings say otherwise: these logs are read by programs first.
LOGS = {"ORDERS_LOG_FORMAT": "json"}
KEEPER_SCRIPT = Path(__file__).with_name("keeper.py")


@dataclass(frozen=True)
class Plan:
    """What programs are made from: settings, and the modules of the Celery app and Dagster's definitions."""

    settings: Settings
    celery_app: str = CELERY_APP
    definitions: str = DEFINITIONS

    @property
    def layout(self) -> Layout:
        return Layout(self.settings.home)

    @cached_property
    def environment(self) -> dict[str, str]:
        """Variables of the programs that run the project's code."""
        return LOGS | variables(self.settings) | {CODE_VARIABLE: code_version()}


def make_program(name: str, plan: Plan) -> Program:
    """The program of this name; the Redis server must not be running when its program is made."""
    return MAKERS[name](plan)


def is_redis_embedded(settings: Settings) -> bool:
    """Whether this home runs a Redis of its own: for the cache, or as the broker."""
    return not settings.redis_url


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


def _worker(name: str, plan: Plan) -> Program:
    return Program(
        name=name,
        command=worker_command(name, plan.settings, plan.celery_app),
        directory=str(PROJECT_ROOT),
        environment=plan.environment,
        priority=20,
        stop_seconds=plan.settings.stop_seconds,
    )


def _code_server(plan: Plan) -> Program:
    port = Port(plan.settings.code_server_port, "ORDERS_CODE_SERVER_PORT")
    listen = ["-h", "127.0.0.1", "-p", str(port.number), "--use-python-environment-entry-point"]
    code = ["-m", plan.definitions, "-d", str(PROJECT_ROOT), "--location-name", "definitions"]
    # It ends when it cannot load, and is started again; `dagster code-server` would serve the error for ever.
    command = ["dagster", "api", "grpc", *listen, *code]
    return _dagster(CODE_SERVER, plan, command, priority=30, port=port)


def _webserver(plan: Plan) -> Program:
    port = Port(plan.settings.webserver_port, "ORDERS_WEBSERVER_PORT")
    return _dagster(WEBSERVER, plan, _web(port, plan), priority=40, port=port)


def _viewer(plan: Plan) -> Program:
    port = Port(plan.settings.viewer_port, "ORDERS_VIEWER_PORT")
    return _dagster(VIEWER, plan, [*_web(port, plan), "--read-only"], priority=41, port=port)


def _web(port: Port, plan: Plan) -> list[str]:
    return ["dagster-webserver", "-h", "127.0.0.1", "-p", str(port.number), "-w", _workspace(plan)]


def _daemon(plan: Plan) -> Program:
    command = ["dagster-daemon", "run", "-w", _workspace(plan)]
    return _dagster(DAEMON, plan, command, priority=50)


def _api(plan: Plan) -> Program:
    port = Port(plan.settings.api_port, "ORDERS_API_PORT")
    listen = ["--host", "127.0.0.1", "--port", str(port.number), "--no-server-header"]
    command = [sys.executable, "-m", "uvicorn", "--factory", "cli.api:app", *listen]
    return Program(API, command, str(PROJECT_ROOT), plan.environment, priority=45, port=port)


def _flower(plan: Plan) -> Program:
    port = Port(plan.settings.flower_port, "ORDERS_FLOWER_PORT")
    listen = ["--address=127.0.0.1", f"--port={port.number}"]
    command = [sys.executable, "-m", "celery", "-A", plan.celery_app, "flower", *listen]
    # Whoever lists the machine's processes would read them among the arguments.
    secrets = {"FLOWER_BASIC_AUTH": flower_login(plan.settings)}
    if api := plan.settings.flower_broker_api:
        secrets["FLOWER_BROKER_API"] = api
    return Program(FLOWER, command, str(plan.layout.run), plan.environment | secrets, priority=46, port=port)


def _keeper(plan: Plan) -> Program:
    command = [sys.executable, "-I", "-S", str(KEEPER_SCRIPT)]
    return Program(KEEPER, command, str(plan.layout.run), priority=90, death_signal="SIGKILL")


def _dagster(name: str, plan: Plan, told: list[str], *, priority: int, port: Port | None = None) -> Program:
    """One of Dagster's servers, away from the project's `.env`: it would win over the settings."""
    command = [sys.executable, "-m", "cli.dagster_server", *told]
    directory = str(plan.layout.run)
    return Program(name, command, directory, plan.environment, priority=priority, stop_group=True, port=port)


def _workspace(plan: Plan) -> str:
    """With the location name of the project's workspace.yaml: sensors keep their state by it."""
    server = {"host": "127.0.0.1", "port": plan.settings.code_server_port, "location_name": "definitions"}
    plan.layout.workspace.write_text(json.dumps({"load_from": [{"grpc_server": server}]}))
    return str(plan.layout.workspace)


MAKERS: Mapping[str, Callable[[Plan], Program]] = {
    REDIS: _redis,
    **{name: partial(_worker, name) for name in (WORKER, WORKER_ORDERS, WORKER_DEFAULT)},
    CODE_SERVER: _code_server,
    WEBSERVER: _webserver,
    VIEWER: _viewer,
    DAEMON: _daemon,
    API: _api,
    FLOWER: _flower,
    KEEPER: _keeper,
}
