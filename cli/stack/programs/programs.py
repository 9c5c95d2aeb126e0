"""The background programs of the pipeline.

They listen only on 127.0.0.1 or on a Unix socket in the home. They get the caller's settings as environment
variables, whether the caller has them from its environment, from `.env` or from options.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from cli.stack.layout import CODE_SOCKET, HOME_MARK, Layout, in_own_folder
from cli.stack.programs.code_version import code_version
from cli.stack.programs.flower_login import flower_login
from cli.stack.programs.program import RUN_MODULE, Port, Program
from cli.stack.programs.workers import WORKER, WORKER_DEFAULT, WORKER_ORDERS, worker_command
from cli.webserver.links import OPEN
from orders_pipeline.base.model import Scope
from orders_pipeline.base.settings import PROJECT_ROOT, Settings
from orders_pipeline.services.redis_server import prepare_server
from orders_pipeline.store.revisions import OURS, Migrations

REDIS, KEEPER = "redis", "keeper"
CODE_SERVER, WEBSERVER, VIEWER, DAEMON = "code-server", "webserver", "viewer", "daemon"
API, EVENTS, FLOWER = "api", "events", "flower"
CELERY_APP, DEFINITIONS = "jobs.celery_app", "definitions"
CODE_VARIABLE = "ORDERS_CODE_VERSION"
# The default for background programs, whose logs are usually read by machines. Settings override it.
LOGS = {"ORDERS_LOG_FORMAT": "json"}
# The argument that makes the webserver require no sign-in.
KEEPER_SCRIPT = Path(__file__).parents[1] / "keeper.py"


@dataclass(frozen=True)
class Plan:
    """The input for making programs: settings, modules of the Celery app and the definitions, migrations."""

    settings: Settings
    celery_app: str = CELERY_APP
    definitions: str = DEFINITIONS
    migrations: Migrations = OURS

    @property
    def layout(self) -> Layout:
        return Layout(self.settings.home)

    @cached_property
    def environment(self) -> dict[str, str]:
        """Environment variables of the programs that run the project's code."""
        return LOGS | variables(self.settings) | {CODE_VARIABLE: code_version()}


def make_program(name: str, plan: Plan) -> Program:
    """Makes a program by name. The Redis server must not be running when its program is made."""
    return MAKERS[name](plan)


def is_redis_embedded(settings: Settings) -> bool:
    """Whether this home runs its own Redis server."""
    return not settings.redis_url


def variables(settings: Settings) -> dict[str, str]:
    """Returns environment variables that give another process the same settings."""
    values = settings.model_dump(mode="json", exclude_unset=True, exclude={"home", "dagster_home"})
    given = {f"ORDERS_{name.upper()}": str(value) for name, value in values.items()}
    return given | {
        "ORDERS_HOME": str(settings.home),
        "DAGSTER_HOME": str(settings.dagster_home),
        # Telemetry is off in dagster.yaml. Without this variable it still creates two folders.
        "DAGSTER_DISABLE_TELEMETRY": "1",
        HOME_MARK: str(settings.home),
    }


def _redis(plan: Plan) -> Program:
    # Redis has no state to save, so SIGKILL is safe and makes sure that it does not outlive its supervisor.
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
    code = ["-m", plan.definitions, "-d", str(PROJECT_ROOT), "--location-name", "definitions"]
    # If it cannot load the definitions, it exits and is restarted. `dagster code-server` would keep serving
    # the error.
    command = ["cli.stack.code_server", "--use-python-environment-entry-point", *code]
    return _dagster(CODE_SERVER, plan, command, priority=30, socket=CODE_SOCKET)


def _webserver(plan: Plan) -> Program:
    port = Port(plan.settings.webserver_port, "ORDERS_WEBSERVER_PORT")
    return _dagster(WEBSERVER, plan, _web(Scope.OPERATE, port, plan), priority=40, port=port)


def _viewer(plan: Plan) -> Program:
    port = Port(plan.settings.viewer_port, "ORDERS_VIEWER_PORT")
    command = [*_web(Scope.READ, port, plan), "--read-only"]
    return _dagster(VIEWER, plan, command, priority=41, port=port)


def _web(scope: Scope, port: Port, plan: Plan) -> list[str]:
    door = scope if plan.layout.guarded.exists() else OPEN
    listen = ["-h", "127.0.0.1", "-p", str(port.number)]
    return ["cli.webserver.serve", door, *listen, "-w", _workspace(plan)]


def _daemon(plan: Plan) -> Program:
    command = ["cli.dagster_server", "dagster-daemon", "run", "-w", _workspace(plan)]
    return _dagster(DAEMON, plan, command, priority=50)


def _api(plan: Plan) -> Program:
    port = Port(plan.settings.api_port, "ORDERS_API_PORT")
    listen = ["--host", "127.0.0.1", "--port", str(port.number), "--no-server-header"]
    # The API itself decides which proxies it trusts.
    listen.append("--no-proxy-headers")
    command = [*RUN_MODULE, "uvicorn", "--factory", "cli.api:app", *listen]
    return Program(API, command, str(PROJECT_ROOT), plan.environment, priority=45, port=port)


def _events(plan: Plan) -> Program:
    command = [*RUN_MODULE, "cli.events"]
    return Program(EVENTS, command, str(PROJECT_ROOT), plan.environment, priority=47)


def _flower(plan: Plan) -> Program:
    port = Port(plan.settings.flower_port, "ORDERS_FLOWER_PORT")
    listen = ["--address=127.0.0.1", f"--port={port.number}"]
    command = [*RUN_MODULE, "celery", "-A", plan.celery_app, "flower", *listen]
    # As arguments, the secrets would be visible in the process list.
    secrets = {"FLOWER_BASIC_AUTH": flower_login(plan.settings)}
    if api := plan.settings.flower_broker_api:
        secrets["FLOWER_BROKER_API"] = api
    return Program(FLOWER, command, str(plan.layout.run), plan.environment | secrets, priority=46, port=port)


def _keeper(plan: Plan) -> Program:
    command = [sys.executable, "-I", "-S", str(KEEPER_SCRIPT)]
    return Program(KEEPER, command, str(plan.layout.run), priority=90, death_signal="SIGKILL")


def _dagster(
    name: str, plan: Plan, module: list[str], *, priority: int, port: Port | None = None, socket: str = ""
) -> Program:
    """Makes a Dagster server that runs outside the project folder, whose `.env` would override settings."""
    return Program(
        name=name,
        command=[*RUN_MODULE, *module],
        directory=str(plan.layout.run),
        environment=plan.environment,
        priority=priority,
        stop_group=True,
        port=port,
        socket=socket,
    )


def _workspace(plan: Plan) -> str:
    """Writes the workspace file.

    The location name is that of the project's workspace.yaml, because sensors keep their state under it.
    """
    server = {"socket": in_own_folder(CODE_SOCKET), "location_name": "definitions"}
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
    EVENTS: _events,
    FLOWER: _flower,
    KEEPER: _keeper,
}
