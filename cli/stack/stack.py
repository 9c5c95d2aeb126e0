"""Starts, joins, watches and stops the background processes of a home.

A command that needs processes joins the running ones and starts missing ones; the last command that ends
stops them. After `orders up` they run until `orders down`. A keeper runs with temporary processes and stops
them if every command that needs them was killed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cli.context import require_same_conventions, require_usable_store
from cli.stack.absent_services import absent_queues
from cli.stack.dagster_home import prepare_dagster
from cli.stack.errors import StackError
from cli.stack.layout import Layout
from cli.stack.lifecycle import (
    Say,
    end_orphans,
    ensure,
    missing_workers,
    running_programs,
    stop,
    stop_unneeded,
    wait_for_workers,
)
from cli.stack.programs.programs import (
    CELERY_APP,
    CODE_SERVER,
    CODE_VARIABLE,
    DAEMON,
    DEFINITIONS,
    KEEPER,
    REDIS,
    Plan,
    is_redis_embedded,
)
from cli.stack.programs.roles import roles
from cli.stack.programs.workers import QUEUES_OF, WORKER_DEFAULT, WORKER_ORDERS
from cli.stack.supervision.leftovers import find_leftovers
from cli.stack.supervision.locks import membership, start_lock
from cli.stack.supervision.members import named_members
from cli.stack.supervision.supervisor import Condition, ProgramState, Supervisor
from cli.stack.up import bring_up, renew
from orders_pipeline.base.settings import Settings
from orders_pipeline.services.redis_server import broker_url, redis_url
from orders_pipeline.store.revisions import OURS, Migrations

if TYPE_CHECKING:
    from cli.stack.upgrade import Upgraded


def silent(_: str) -> None:
    """Prints nothing."""


@dataclass(frozen=True, slots=True)
class RunningWorkers:
    """Workers that a command can use.

    Attributes:
        other_settings: environment variables of the workers that differ from the command's own.
        other_code: whether the workers run another version of the code.
    """

    other_settings: tuple[str, ...] = ()
    other_code: bool = False


@dataclass(frozen=True, slots=True)
class StackStatus:
    """The processes of a home; `persistent` ones stay until `orders down`."""

    running: bool
    persistent: bool
    programs: tuple[ProgramState, ...]


@contextmanager
def running_workers(
    settings: Settings,
    *,
    say: Say = silent,
    meanwhile: Callable[[], object] = lambda: None,
    celery_app: str = CELERY_APP,
) -> Iterator[RunningWorkers]:
    """Provides Redis, and Celery workers that serve every queue, within the context.

    Uses running workers and, if Redis is not this home's own, workers on other machines.

    Args:
        meanwhile: called while the workers start.

    Raises:
        StackError: a configured service does not answer, or the worker does not start; then the message has
            the end of its log.
    """
    _refuse_absent_services(settings)
    Layout(settings.home).prepare()
    _claim_services(settings)
    if settings.redis_url and _others_serve_all_queues(settings):
        prepare_dagster(settings)
        meanwhile()
        yield RunningWorkers()
        return
    plan = Plan(settings, celery_app, DEFINITIONS)
    with _joined(plan, lambda: [*_redis_if_embedded(settings), *missing_workers(plan.layout)], say):
        prepare_dagster(settings)
        meanwhile()
        wait_for_workers(plan)
        yield _differences(plan)


def are_programs_serving(layout: Layout) -> bool:
    """Whether the programs of `orders up` that run imports are running."""
    return {WORKER_ORDERS, WORKER_DEFAULT, CODE_SERVER, DAEMON} <= running_programs(layout).keys()


def serving_workers(settings: Settings) -> RunningWorkers:
    """Returns how the workers of `orders up` differ from this command. Reads all code files."""
    return _differences(Plan(settings))


@contextmanager
def running_redis(settings: Settings, *, say: Say = silent) -> Iterator[str]:
    """Yields the URL of a running Redis, which is kept running within the context.

    Raises:
        StackError: Redis does not start or answer.
    """
    _refuse_absent_services(settings)
    if not is_redis_embedded(settings):
        yield settings.redis_url
        return
    with _joined(Plan(settings), lambda: [REDIS], say):
        yield redis_url(settings)


def start_all(
    settings: Settings,
    only: Sequence[str] = (),
    *,
    guarded: bool | None = None,
    say: Say = silent,
    celery_app: str = CELERY_APP,
    definitions: str = DEFINITIONS,
    migrations: Migrations = OURS,
) -> StackStatus:
    """Starts all processes, or the named ones, which then run until `stop_all`.

    Restarts running processes whose settings or code have changed. Upgrades an older SQLite store first, if
    all processes are to run. Returns when all are ready.

    Args:
        guarded: whether Dagster's webserver requires a sign-in from now on; None does not change this.

    Raises:
        StackError: a port is in use, or a process does not start; everything that was started is stopped.
        StoreRefused: the order store is of a newer version, or needs `orders upgrade`.
        SettingsError: time zone or currency differ from those of the store's orders.
    """
    plan = Plan(settings, celery_app, definitions, migrations)
    names = roles(settings, only)
    _refuse_absent_services(settings)
    plan.layout.prepare()
    _make_inbox(settings.inbox_folder)
    require_same_conventions(settings)
    _claim_services(settings)
    with start_lock(plan.layout.run, say):
        plan.layout.guard(guarded)
        was_running = Supervisor(plan.layout).condition() is Condition.RUNNING
        try:
            if not only and settings.store_url.startswith("sqlite"):
                _upgrade_store(plan, say)
            require_usable_store(settings, migrations)
            bring_up(plan, names, say)
        except BaseException:
            if not was_running:
                stop(plan.layout, say)
            raise
    return stack_status(plan.settings)


def restart_programs(
    settings: Settings,
    names: Sequence[str] = (),
    *,
    say: Say = silent,
    celery_app: str = CELERY_APP,
    definitions: str = DEFINITIONS,
) -> StackStatus:
    """Restarts running processes gracefully (default: all except Redis); returns when they are ready.

    Raises:
        StackError: a process is not running, or does not start again.
        StoreRefused: the order store is of another version.
    """
    plan = Plan(settings, celery_app, definitions)
    require_usable_store(settings)
    plan.layout.prepare()
    with start_lock(plan.layout.run, say):
        renew(plan, names, say)
    return stack_status(plan.settings)


def upgrade_home(
    settings: Settings,
    *,
    backed_up: bool = True,
    say: Say = silent,
    celery_app: str = CELERY_APP,
    definitions: str = DEFINITIONS,
    migrations: Migrations = OURS,
) -> Upgraded | None:
    """Upgrades the order store. Stops the running programs of this home first, and restarts them afterwards.

    Raises:
        StoreRefused, StackError, BackupError: as `upgrade_store` does.
    """
    plan = Plan(settings, celery_app, definitions, migrations)
    _refuse_absent_services(settings)
    plan.layout.prepare()
    with start_lock(plan.layout.run, say):
        made = _upgrade_store(plan, say, backed_up=backed_up)
        if made and made.stopped:
            bring_up(plan, made.stopped, say)
    return made


def stop_all(settings: Settings, *, say: Say = silent) -> bool:
    """Stops all processes; workers finish their current batch first. Returns False if nothing was running."""
    layout = Layout(settings.home)
    layout.prepare()
    with start_lock(layout.run, say):
        return stop(layout, say)


@contextmanager
def kept_stopped(settings: Settings, *, say: Say = silent) -> Iterator[None]:
    """Prevents processes of a home from running within the context.

    Ends processes that killed commands and a killed supervisor left behind.

    Raises:
        StackError: processes are running; the message names them.
    """
    layout = Layout(settings.home)
    layout.prepare()
    with start_lock(layout.run, say):
        end_orphans(layout, say)
        stop_unneeded(layout, say)
        _refuse_running(layout, stack_status(settings))
        yield


def stack_status(settings: Settings) -> StackStatus:
    """Returns the status of all processes; those whose supervisor is gone are `LEFT OVER`."""
    layout = Layout(settings.home)
    supervisor = Supervisor(layout)
    if supervisor.condition() is Condition.RUNNING:
        states = supervisor.states()
        return StackStatus(True, KEEPER not in states, tuple(states.values()))
    left = [
        ProgramState("?", "LEFT OVER", pid, 0, "`orders down` ends it") for pid in find_leftovers(layout.home)
    ]
    return StackStatus(False, False, tuple(left))


def webserver_url(settings: Settings) -> str:
    """Returns the address of the Dagster webserver."""
    return f"http://127.0.0.1:{settings.webserver_port}"


def api_url(settings: Settings) -> str:
    """Returns the address of the HTTP API."""
    return f"http://127.0.0.1:{settings.api_port}/api"


@contextmanager
def _joined(plan: Plan, names: Callable[[], Sequence[str]], say: Say) -> Iterator[None]:
    """Joins programs, starts missing ones, and stops all when the last command leaves.

    `names` is called under the start lock.
    """
    run = plan.layout.run
    plan.layout.prepare()
    try:
        with membership(run):
            with start_lock(run, say):
                ensure(plan, names(), say)
            yield
    finally:
        with start_lock(run, say):
            stop_unneeded(plan.layout, say)


def _refuse_running(layout: Layout, status: StackStatus) -> None:
    if status.running and not status.persistent:
        message = f"Commands of this home are running: {named_members(layout)}."
        raise StackError("home_in_use", message, "Wait until they have ended, then try again.")
    if status.programs:
        programs = ", ".join(f"{one.name} (process {one.pid})" for one in status.programs if one.pid)
        message = f"Processes of this home are running: {programs}."
        raise StackError("home_in_use", message, "Stop them first with `orders down`.")


def _claim_services(settings: Settings) -> None:
    from cli.stack.redis_claim import claim_services  # noqa: PLC0415 loads the Redis client

    claim_services(settings)


def _upgrade_store(plan: Plan, say: Say, *, backed_up: bool = True) -> Upgraded | None:
    from cli.stack.upgrade import upgrade_store  # noqa: PLC0415 loads the Redis client

    return upgrade_store(plan, say, backed_up=backed_up)


def _make_inbox(folder: Path) -> None:
    """Creates the inbox, so that users can drop files into it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StackError(
            "inbox_unusable",
            f"The inbox {folder} cannot be created: {error.strerror}.",
            "Set ORDERS_INBOX to a folder that this user can create.",
        ) from error


def _refuse_absent_services(settings: Settings) -> None:
    for absent in absent_queues(settings):
        raise absent


def _others_serve_all_queues(settings: Settings) -> bool:
    from cli.stack.broker import all_queues_are_served  # noqa: PLC0415 loads Celery

    return all_queues_are_served(broker_url(settings), seconds=2)


def _redis_if_embedded(settings: Settings) -> list[str]:
    return [REDIS] if is_redis_embedded(settings) else []


def _differences(plan: Plan) -> RunningWorkers:
    ours = plan.environment
    workers = [program for name, program in running_programs(plan.layout).items() if name in QUEUES_OF]
    other = {
        name
        for theirs in (worker.environment for worker in workers)
        for name in theirs.keys() | ours.keys()
        if theirs.get(name) != ours.get(name)
    }
    return RunningWorkers(tuple(sorted(other - {CODE_VARIABLE})), CODE_VARIABLE in other)
