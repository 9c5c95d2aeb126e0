"""The background processes of a home: started, joined, watched and stopped.

A command that needs them joins them, starting what is absent, and the last one to leave stops them; `orders
up` makes them stay until `orders down`. A keeper runs beside processes that are not to stay, and stops them
when every command that needed them was killed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cli.stack.dagster_home import prepare_dagster
from cli.stack.errors import StackError
from cli.stack.layout import Layout
from cli.stack.leftovers import find_leftovers
from cli.stack.lifecycle import (
    Say,
    ensure,
    is_unused,
    missing_workers,
    running_programs,
    stop,
    wait_for_workers,
)
from cli.stack.locks import has_members, membership, start_lock
from cli.stack.programs import (
    CELERY_APP,
    CODE_VARIABLE,
    DEFINITIONS,
    KEEPER,
    REDIS,
    Plan,
    is_redis_embedded,
)
from cli.stack.readiness import redis_answers
from cli.stack.roles import roles
from cli.stack.supervisor import Condition, ProgramState, Supervisor
from cli.stack.up import bring_up, renew
from cli.stack.workers import QUEUES_OF
from orders_pipeline.base.settings import Settings
from orders_pipeline.services.redis_server import broker_url, redis_url


def silent(_: str) -> None:
    """Says nothing."""


@dataclass(frozen=True, slots=True)
class RunningWorkers:
    """Workers that a command may use.

    `other_settings`: variables that these workers were started with and that differ from the command's own.
    `other_code`: they run another version of the code.
    """

    other_settings: tuple[str, ...] = ()
    other_code: bool = False


@dataclass(frozen=True, slots=True)
class StackStatus:
    """The processes of a home. `persistent`: they stay until `orders down`."""

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
    """Redis and Celery workers that serve every queue, for as long as the context lasts.

    Workers that run already are used, and those of other machines where the Redis is not this home's own.
    `meanwhile` is called while they start.

    Raises:
        StackError: a configured service does not answer, or the worker does not start; then the message holds
            the end of its log.
    """
    _refuse_absent_services(settings)
    Layout(settings.home).prepare()
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


@contextmanager
def running_redis(settings: Settings, *, say: Say = silent) -> Iterator[str]:
    """URL of a Redis that answers for as long as the context lasts.

    Raises:
        StackError: it does not start or answer.
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
    say: Say = silent,
    celery_app: str = CELERY_APP,
    definitions: str = DEFINITIONS,
) -> StackStatus:
    """Start every process that is absent, or the named ones, and let them stay until `stop_all`.

    Running ones whose settings or code have changed are restarted. Returns when all are ready.

    Raises:
        StackError: a port is taken, or a process does not start; then all that was started is stopped.
    """
    plan = Plan(settings, celery_app, definitions)
    names = roles(settings, only)
    _refuse_absent_services(settings)
    plan.layout.prepare()
    _make_inbox(settings.inbox_folder)
    with start_lock(plan.layout.run, say):
        was_running = Supervisor(plan.layout).condition() is Condition.RUNNING
        try:
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
    """Restart these running processes, or all but Redis, gracefully; returns when they are ready.

    Raises:
        StackError: one of them does not run, or does not start again.
    """
    plan = Plan(settings, celery_app, definitions)
    plan.layout.prepare()
    with start_lock(plan.layout.run, say):
        renew(plan, names, say)
    return stack_status(plan.settings)


def stop_all(settings: Settings, *, say: Say = silent) -> bool:
    """Stop every process; a worker ends its batch first. False when nothing was running."""
    layout = Layout(settings.home)
    layout.prepare()
    with start_lock(layout.run, say):
        return stop(layout, say)


def stack_status(settings: Settings) -> StackStatus:
    """What runs; processes whose supervisor is gone show as `LEFT OVER`."""
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
    """Address of the Dagster webserver."""
    return f"http://127.0.0.1:{settings.webserver_port}"


def api_url(settings: Settings) -> str:
    """Address of the HTTP API."""
    return f"http://127.0.0.1:{settings.api_port}/api"


@contextmanager
def _joined(plan: Plan, names: Callable[[], Sequence[str]], say: Say) -> Iterator[None]:
    """Programs, running, until the last command that joined them leaves; asked for under the start lock."""
    run = plan.layout.run
    plan.layout.prepare()
    try:
        with membership(run):
            with start_lock(run, say):
                ensure(plan, names(), say)
            yield
    finally:
        with start_lock(run, say):
            if not has_members(run) and is_unused(plan.layout):
                stop(plan.layout, say)


def _make_inbox(folder: Path) -> None:
    """Whoever drops a file finds the folder there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StackError(
            "inbox_unusable",
            f"The inbox {folder} cannot be made: {error.strerror}.",
            "Set ORDERS_INBOX to a folder that this user can make.",
        ) from error


def _refuse_absent_services(settings: Settings) -> None:
    if settings.redis_url and not redis_answers(settings.redis_url):
        raise StackError("redis_unreachable", "The Redis of ORDERS_REDIS_URL does not answer")
    if settings.broker_url and not _broker_answers(settings):
        raise StackError("broker_unreachable", "The broker of ORDERS_BROKER_URL does not answer")


def _broker_answers(settings: Settings) -> bool:
    from cli.stack.broker import broker_answers  # noqa: PLC0415 loads Celery

    return broker_answers(broker_url(settings))


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
