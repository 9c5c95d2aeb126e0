"""Processes that run while a command runs, under a real supervisor, Redis and Celery."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cli.stack.dagster_home import PREPARED
from cli.stack.errors import StackError
from cli.stack.layout import HOME_MARK, Layout
from cli.stack.programs.programs import REDIS
from cli.stack.programs.workers import WORKER
from cli.stack.stack import kept_stopped, running_redis, running_workers, stack_status, stop_all
from cli.stack.supervision.leftovers import find_leftovers
from cli.stack.supervision.supervisor import is_alive
from cli.stack.supervision.supervisord_conf import ROTATION
from orders_pipeline.base.settings import PROJECT_ROOT, Settings
from orders_pipeline.services.redis_server import embedded_redis_url
from tests.integration.stack.followed_task import Task
from tests.services import free_port
from tests.waiting import eventually
from tests.warm_processes import warm_python

APP = "tests.integration.stack.fake_worker"
# Enters the context and reports it; leaves it when its standard input ends.
MEMBER = f"""
import sys
from cli.stack.stack import running_workers
from orders_pipeline.base.settings import load_settings
with running_workers(load_settings(), celery_app="{APP}"):
    print("joined", flush=True)
    sys.stdin.read()
"""

# The same as a command that works on an import.
IMPORTER = f"""
import sys
from cli.stack.errors import StackError
from cli.stack.layout import Layout
from cli.stack.stack import running_workers
from cli.stack.supervision.stopped import ended_with_the_stack
from orders_pipeline.base.settings import load_settings
settings = load_settings()
try:
    with running_workers(settings, celery_app="{APP}"), ended_with_the_stack(Layout(settings.home)):
        print("joined", flush=True)
        sys.stdin.read()
except StackError as error:
    print(error.code, error.hint)
"""


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """Settings of a home whose processes are ended after the test, whatever happened."""
    settings = Settings(home=tmp_path / "home", worker_processes=1)
    skip_dagster(settings)
    yield settings
    stop_all(settings)
    assert find_leftovers(settings.home) == []


def skip_dagster(settings: Settings) -> None:
    """Makes the home look as if Dagster's stores existed; no test here opens them."""
    Layout(settings.home).prepare()
    (Layout(settings.home).run / PREPARED).write_text(f"{settings.dagster_home}\n")


@contextmanager
def member(settings: Settings, *command: str, script: str = MEMBER) -> Iterator[subprocess.Popen[str]]:
    """Another command that needs the workers of this home; it is killed if it still runs at the end.

    Args:
        command: what starts it, in its own process.
    """
    environment = os.environ | {"ORDERS_HOME": str(settings.home), "ORDERS_WORKER_PROCESSES": "1"}
    # Processes that are killed by their id, or have a shell's signal handlers, are not forked.
    start = [*command, sys.executable if command else warm_python(), "-c", script]
    with subprocess.Popen(
        start, cwd=PROJECT_ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "joined\n"
            yield process
        finally:
            process.kill()


def leave(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait() == 0


def pids(settings: Settings) -> dict[str, int | None]:
    return {program.name: program.pid for program in stack_status(settings).programs}


def test_a_task_runs_while_the_context_lasts_and_nothing_is_left_after_it(
    settings: Settings, tmp_path: Path
) -> None:
    with running_workers(settings, celery_app=APP):
        task = Task(settings, tmp_path)
        processes = [pid for pid in pids(settings).values() if pid]
        task.release()
        eventually(task.done.exists)
    assert not any(is_alive(pid) for pid in processes)
    assert not stack_status(settings).running


def test_work_of_the_caller_is_done_while_the_worker_starts(settings: Settings) -> None:
    states: list[str] = []
    with running_workers(
        settings,
        celery_app=APP,
        meanwhile=lambda: states.extend(p.name for p in stack_status(settings).programs),
    ):
        assert WORKER in states


def test_a_second_command_joins_and_the_last_one_to_leave_stops_the_processes(settings: Settings) -> None:
    with member(settings) as first:
        before = pids(settings)
        with running_workers(settings, celery_app=APP):
            assert pids(settings) == before
            leave(first)
            assert pids(settings) == before
    assert not stack_status(settings).running


def test_commands_that_start_at_the_same_time_share_one_worker(settings: Settings) -> None:
    with member(settings), member(settings), running_workers(settings, celery_app=APP):
        assert sorted(pids(settings)) == ["keeper", "redis", "worker"]


def test_processes_of_a_killed_command_end_by_themselves(settings: Settings) -> None:
    with member(settings) as command:
        processes = [pid for pid in pids(settings).values() if pid]
        command.kill()
        eventually(lambda: not any(is_alive(pid) for pid in processes))
    eventually(lambda: find_leftovers(settings.home) == [])


def test_a_killed_command_does_not_stop_the_processes_of_another(settings: Settings) -> None:
    with running_workers(settings, celery_app=APP):
        before = pids(settings)
        with member(settings) as command:
            command.kill()
        with member(settings) as command:
            leave(command)
        assert pids(settings) == before


def test_stopping_lets_the_worker_end_its_task(settings: Settings, tmp_path: Path) -> None:
    with member(settings):
        task = Task(settings, tmp_path)
        with subprocess.Popen([warm_python(), "-c", _stop_script(settings)], cwd=PROJECT_ROOT) as stopping:
            eventually(lambda: stack_status_of(settings, WORKER) == "STOPPING")
            assert not task.done.exists()
            task.release()
            assert stopping.wait() == 0
        assert task.done.exists()
        assert not stack_status(settings).running


def test_an_import_that_waits_while_everything_is_stopped_ends_and_says_so(settings: Settings) -> None:
    with member(settings, script=IMPORTER) as command:
        assert stop_all(settings)
        assert command.stdout is not None
        assert command.stdout.read().startswith("workers_stopped To continue the import, run `orders up`")
        assert command.wait() == 0


def test_what_a_killed_command_left_is_stopped_for_a_restore(settings: Settings) -> None:
    with member(settings, "env") as command:
        command.kill()
        command.wait()
        with kept_stopped(settings):
            assert not stack_status(settings).running
            assert find_leftovers(settings.home) == []


def test_a_restore_is_refused_while_a_command_is_at_work_and_names_it(settings: Settings) -> None:
    with member(settings, "env") as command:
        with pytest.raises(StackError) as refused, kept_stopped(settings):
            pass
        assert (refused.value.code, refused.value.hint) == (
            "home_in_use",
            "Wait until they have ended, then try again.",
        )
        assert f"(process {command.pid})" in refused.value.message
        assert refused.value.message.count("process") == 1
        leave(command)


def _stop_script(settings: Settings) -> str:
    return (
        "from pathlib import Path; from orders_pipeline.base.settings import Settings;"
        f"from cli.stack.stack import stop_all; stop_all(Settings(home=Path({str(settings.home)!r})))"
    )


def stack_status_of(settings: Settings, name: str) -> str:
    return {program.name: program.state for program in stack_status(settings).programs}.get(name, "")


@pytest.mark.parametrize("name", [WORKER, REDIS])
def test_a_killed_program_is_started_again(settings: Settings, name: str) -> None:
    with running_workers(settings, celery_app=APP):
        before = pids(settings)[name]
        assert before is not None
        os.kill(before, signal.SIGKILL)
        eventually(lambda: pids(settings)[name] not in (None, before))
        with running_workers(settings, celery_app=APP):
            assert pids(settings)[name] != before


def test_when_the_supervisor_is_killed_a_running_task_ends_and_its_programs_follow_it(
    settings: Settings, tmp_path: Path
) -> None:
    with running_workers(settings, celery_app=APP):
        task = Task(settings, tmp_path)
        processes = [pid for pid in pids(settings).values() if pid]
        os.kill(int((Layout(settings.home).run / "supervisord.pid").read_text()), signal.SIGKILL)
        eventually(lambda: not stack_status(settings).running)
        assert {program.state for program in stack_status(settings).programs} == {"LEFT OVER"}
        task.release()
        eventually(lambda: not any(is_alive(pid) for pid in processes))
    assert task.done.exists()
    assert find_leftovers(settings.home) == []


def test_what_a_killed_supervisor_left_behind_is_ended_by_the_next_start(
    settings: Settings, tmp_path: Path
) -> None:
    with running_workers(settings, celery_app=APP):
        task = Task(settings, tmp_path)
        os.kill(int((Layout(settings.home).run / "supervisord.pid").read_text()), signal.SIGKILL)
        stuck = int(task.started.read_text())
        eventually(lambda: not stack_status(settings).running)
        with running_workers(settings, celery_app=APP):
            assert not is_alive(stuck)
            assert stack_status(settings).running


def test_a_worker_that_cannot_start_is_an_error_with_the_end_of_its_log(settings: Settings) -> None:
    with (
        pytest.raises(StackError, match="missing_app was not found") as error,
        running_workers(settings, celery_app="missing_app"),
    ):
        pass
    assert error.value.code == "process_not_ready"
    assert str(Layout(settings.home).log(WORKER)) in error.value.hint
    assert not stack_status(settings).running


def test_a_home_with_a_long_name_works(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / ("a long (name); " * 10) / "home")
    with running_redis(settings):
        assert stack_status(settings).running
    assert not stack_status(settings).running


def test_a_signal_that_the_callers_shell_ignores_does_not_keep_programs_from_stopping(
    settings: Settings,
) -> None:
    with member(settings, "sh", "-c", "trap '' INT TERM; exec \"$@\"", "sh") as command:
        worker = pids(settings)[WORKER]
        status = Path(f"/proc/{worker}/status").read_text()
        ignored = next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("SigIgn"))
        assert not ignored & (1 << signal.SIGINT - 1 | 1 << signal.SIGTERM - 1)
        leave(command)
    assert not stack_status(settings).running


def test_redis_alone_serves_a_command_and_an_import_that_joins_adds_a_worker(settings: Settings) -> None:
    with running_redis(settings) as url:
        assert sorted(pids(settings)) == ["keeper", "redis"]
        redis = pids(settings)[REDIS]
        with running_workers(settings, celery_app=APP):
            assert pids(settings)[REDIS] == redis
            assert embedded_redis_url(settings.home) == url
    assert not stack_status(settings).running


def test_a_log_that_has_grown_is_rotated(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ROTATION, "maxbytes", "100")
    log = Layout(settings.home).log(REDIS)
    with running_redis(settings):
        eventually(log.with_name("redis.log.1").exists)


def test_a_port_that_another_process_took_since_the_last_time_is_replaced(settings: Settings) -> None:
    with running_redis(settings) as url:
        before = urlsplit(url).port
    with socket.create_server(("127.0.0.1", before or 0)), running_redis(settings) as url:
        assert urlsplit(url).port != before


def test_a_redis_of_ones_own_is_used_and_none_is_started(settings: Settings, redis_url: str) -> None:
    own = settings.model_copy(update={"redis_url": redis_url})
    with running_redis(own) as url:
        assert url == redis_url
        assert not stack_status(own).running


@pytest.mark.parametrize(
    ("name", "scheme"), [("redis_url", "redis"), ("broker_url", "redis"), ("broker_url", "amqp")]
)
def test_a_configured_service_that_does_not_answer_is_an_error(
    settings: Settings, name: str, scheme: str
) -> None:
    own = settings.model_copy(update={name: f"{scheme}://127.0.0.1:{free_port()}/0"})
    with pytest.raises(StackError, match="cannot be used") as refused, running_workers(own, celery_app=APP):
        pass
    assert f"ORDERS_{name.upper()}" in refused.value.hint
    assert not stack_status(own).running


@pytest.mark.parametrize("broker", ["redis_url", "rabbitmq_url"])
def test_workers_of_other_machines_are_used_where_the_services_are_shared(
    tmp_path: Path, redis_url: str, broker: str, request: pytest.FixtureRequest
) -> None:
    shared = {"redis_url": redis_url, "broker_url": request.getfixturevalue(broker)}
    shared["database_url"] = f"sqlite:///{tmp_path}/shared.db"
    here, there = (Settings(home=tmp_path / name, worker_processes=1, **shared) for name in ("here", "there"))
    skip_dagster(here)
    skip_dagster(there)
    with running_workers(there, celery_app=APP):
        assert sorted(pids(there)) == ["keeper", "worker"]
        with running_workers(here, celery_app=APP):
            assert not stack_status(here).running


def test_a_command_hears_which_settings_the_running_workers_do_not_share(settings: Settings) -> None:
    other = Settings(home=settings.home, worker_processes=1, payment_success_rate=1)
    with running_workers(settings, celery_app=APP) as own:
        assert own.other_settings == ()
        with running_workers(other, celery_app=APP) as joined:
            assert joined.other_settings == ("ORDERS_PAYMENT_SUCCESS_RATE",)


def test_programs_keep_their_files_private(settings: Settings) -> None:
    secret = settings.model_copy(update={"database_url": "postgresql+psycopg2://user:secret@host/db"})
    with running_workers(secret, celery_app=APP):
        files = [file for file in secret.home.rglob("*") if file.is_file() and b"secret" in file.read_bytes()]
        assert files == [Layout(secret.home).programs]
        assert stat.S_IMODE(files[0].stat().st_mode) == 0o600
        assert stat.S_IMODE(files[0].parent.stat().st_mode) == 0o700


def test_programs_carry_the_mark_of_their_home(settings: Settings) -> None:
    with running_workers(settings, celery_app=APP):
        environment = Path(f"/proc/{pids(settings)[WORKER]}/environ").read_bytes().split(b"\0")
        assert f"{HOME_MARK}={settings.home}".encode() in environment
