"""`orders up`, `down` and `status`: every process, on real ports."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psutil
import psycopg2
import pytest
import requests
import typer
import yaml
from sqlalchemy import make_url
from typer.testing import CliRunner

from cli.commands.stack import register
from cli.stack import dagster_home
from cli.stack.dagster_home import prepare_dagster
from cli.stack.errors import StackError
from cli.stack.layout import HOME_MARK, Layout
from cli.stack.lifecycle import refuse_taken_ports
from cli.stack.programs.program import Program
from cli.stack.programs.programs import Plan
from cli.stack.readiness import definitions_are_loaded, port_accepts
from cli.stack.stack import (
    api_url,
    kept_stopped,
    restart_programs,
    running_workers,
    stack_status,
    start_all,
    stop_all,
    webserver_url,
)
from cli.stack.supervision import supervisor
from cli.stack.supervision.leftovers import find_leftovers
from cli.stack.supervision.supervisor import Supervisor
from orders_pipeline.base.settings import PROJECT_ROOT, Settings
from tests.services import free_port, wait_until
from tests.warm_processes import cold_supervisord, warm_python

APP, DEFINITIONS = "tests.integration.stack.fake_worker", "tests.integration.stack.fake_definitions"
ASSETS = "{ assetNodes { assetKey { path } } }"
LAUNCH = """mutation { launchRun(executionParams: {mode: "default", selector: {pipelineName: "say_nothing",
    repositoryLocationName: "definitions", repositoryName: "__repository__"}}) { __typename } }"""
DEAF_SERVER = """import signal, socket, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("listening", flush=True)
signal.pause()"""
LOOPBACK = "0100007F"
ALL = ["api", "code-server", "daemon", "events", "redis", "webserver", "worker-default", "worker-orders"]


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """Settings of a home and a Dagster home of this test; all processes are ended after it."""
    dagster_home = tmp_path / "dagster"
    dagster_home.mkdir()
    shutil.copy(PROJECT_ROOT / "dagster.yaml", dagster_home)
    settings = Settings(
        home=tmp_path / "home",
        worker_processes=1,
        webserver_port=free_port(),
        api_port=free_port(),
    ).model_copy(update={"dagster_home": dagster_home})
    yield settings
    stop_all(settings)
    assert find_leftovers(settings.home) == []


@pytest.fixture
def cold_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs start as they do outside the tests."""
    monkeypatch.setattr(supervisor, "supervisord_command", cold_supervisord)


def listening_addresses(pids: list[int]) -> list[str]:
    """Addresses, in the kernel's notation, on which these processes listen."""
    links = [os.readlink(link) for pid in pids for link in Path(f"/proc/{pid}/fd").iterdir() if link.exists()]
    rows = [
        line.split()
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{name}").read_text().splitlines()
    ]
    return [row[1].split(":")[0][-8:] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in links]


def up(settings: Settings, *only: str) -> list[str]:
    stack = start_all(settings, only, celery_app=APP, definitions=DEFINITIONS)
    return sorted(program.name for program in stack.programs if program.state in {"RUNNING", "STARTING"})


def pids(settings: Settings) -> dict[str, int | None]:
    return {program.name: program.pid for program in stack_status(settings).programs}


def launches(settings: Settings) -> bool:
    """Whether a run can be launched, for which the webserver asks the code server."""
    answer = requests.post(f"{webserver_url(settings)}/graphql", json={"query": LAUNCH}, timeout=60).json()
    return bool(answer["data"]["launchRun"]["__typename"] == "LaunchRunSuccess")


def only_the_full_webserver_launches(settings: Settings) -> None:
    answers = {}
    for name in ("webserver_port", "viewer_port"):
        url = f"http://127.0.0.1:{getattr(settings, name)}/graphql"
        assert "greeting" in requests.post(url, json={"query": ASSETS}, timeout=60).text
        answers[name] = requests.post(url, json={"query": LAUNCH}, timeout=60).json()["data"]["launchRun"]
    assert answers["webserver_port"]["__typename"] == "LaunchRunSuccess"
    assert answers["viewer_port"]["__typename"] == "UnauthorizedError"


def flower_shows_the_workers_to_those_who_log_in(settings: Settings) -> None:
    url = f"http://127.0.0.1:{settings.flower_port}/api/workers?refresh=1"
    login = Layout(settings.home).run / "flower.login"
    assert stat.S_IMODE(login.stat().st_mode) == 0o600
    user, _, password = login.read_text().partition(":")
    assert requests.get(url, timeout=60).status_code == 401
    assert requests.get(url, auth=(user, "guessed"), timeout=60).status_code == 401
    found = requests.get(url, auth=(user, password), timeout=60).json()
    assert {name.split("-")[1] for name in found} == {"orders", "default"}
    assert password not in " ".join(
        Path(f"/proc/{pid}/cmdline").read_text() for pid in find_leftovers(settings.home)
    )


def log_lines_are_json_objects(settings: Settings) -> None:
    for program in ("api", "code-server", "webserver", "viewer", "daemon"):
        for line in Layout(settings.home).log(program).read_text().splitlines():
            assert {"time", "level", "logger", "message"} <= json.loads(line).keys(), program


def dagster_wrote_into_the_home_only(settings: Settings, before: set[Path]) -> None:
    assert [path.name for path in settings.dagster_home.iterdir()] == ["dagster.yaml"]
    assert {path.name for path in set(PROJECT_ROOT.iterdir()) - before} <= {"__pycache__", ".pytest_cache"}
    assert (settings.home / "history" / "runs.db").exists()


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("cold_programs")
def test_everything_runs_on_loopback_only_and_writes_into_the_home_only_until_it_is_stopped(
    settings: Settings,
) -> None:
    before = set(PROJECT_ROOT.iterdir())
    settings = settings.model_copy(update={"viewer_port": free_port(), "flower_port": free_port()})
    assert up(settings) == sorted([*ALL, "viewer", "flower"])
    assert settings.inbox_folder.is_dir()
    assert definitions_are_loaded(webserver_url(settings), {})
    health = requests.get(f"{api_url(settings)}/health", timeout=60).json()
    assert health["services"]["redis"]["status"] == "healthy"
    assert stack_status(settings).persistent
    only_the_full_webserver_launches(settings)
    flower_shows_the_workers_to_those_who_log_in(settings)
    log_lines_are_json_objects(settings)
    listening = listening_addresses(find_leftovers(settings.home))
    assert len(listening) >= 4
    assert set(listening) == {LOOPBACK}
    assert stop_all(settings)
    assert find_leftovers(settings.home) == []
    assert not stop_all(settings)
    dagster_wrote_into_the_home_only(settings, before)


def test_up_while_a_command_runs_takes_its_work_over_and_stays(settings: Settings) -> None:
    workers = ["worker-default", "worker-orders"]
    with running_workers(settings, celery_app=APP):
        redis = pids(settings)["redis"]
        assert up(settings, *workers) == ["redis", *workers]
        assert pids(settings)["redis"] == redis
        running = pids(settings)
        with running_workers(settings, celery_app=APP) as joined:
            assert joined.other_settings == ()
            assert pids(settings) == running
    assert up(settings, *workers) == ["redis", *workers]
    assert pids(settings) == running
    assert stack_status(settings).persistent
    with pytest.raises(StackError, match=rf"redis \(process {redis}\), worker-default") as refused:
        kept_stopped(settings).__enter__()
    assert refused.value.hint == "Stop them first with `orders down`."


def test_only_some_programs_run_with_what_they_need_and_a_command_adds_what_it_misses(
    settings: Settings,
) -> None:
    assert up(settings, "worker-orders") == ["redis", "worker-orders"]
    with running_workers(settings, celery_app=APP):
        assert sorted(pids(settings)) == ["redis", "worker", "worker-orders"]
    assert up(settings, "worker-default") == ["redis", "worker-default", "worker-orders"]
    assert up(settings, "daemon") == ["code-server", "daemon", "redis", "worker-default", "worker-orders"]


@pytest.mark.parametrize(
    ("name", "code"), [("workers", "unknown_program"), ("flower", "program_is_off"), ("redis", None)]
)
def test_a_program_that_cannot_run_is_refused_by_its_name(
    settings: Settings, name: str, code: str | None
) -> None:
    own = settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{free_port()}/0"})
    with pytest.raises(StackError, match=name) as error:
        up(own, name)
    assert error.value.code == (code or "program_is_off")
    assert not stack_status(settings).running


def test_up_restarts_what_has_other_settings_now_and_nothing_else(settings: Settings) -> None:
    up(settings, "worker-orders", "api")
    before = pids(settings)
    moved = settings.model_copy(update={"api_port": free_port()})
    assert up(moved, "worker-orders", "api") == ["api", "redis", "worker-orders"]
    assert port_accepts(moved.api_port)
    assert not port_accepts(settings.api_port)
    assert pids(settings)["redis"] == before["redis"]
    assert pids(settings)["api"] != before["api"]
    restart_programs(moved, ["worker-orders"], celery_app=APP, definitions=DEFINITIONS)
    with pytest.raises(StackError, match="daemon"):
        restart_programs(moved, ["daemon"], celery_app=APP, definitions=DEFINITIONS)


def test_commands_that_meet_in_a_new_home_leave_dagster_stores_that_open(settings: Settings) -> None:
    Layout(settings.home).prepare()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: prepare_dagster(settings), range(4)))
    stores = list(settings.home.rglob("*.db"))
    assert sorted(store.name for store in stores) == ["index.db", "runs.db", "schedules.db"]
    for store in stores:
        with closing(sqlite3.connect(store)) as connection:
            assert connection.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)


@pytest.mark.parametrize("opened", [False, True], ids=["before its stores are made", "after"])
def test_a_command_killed_while_it_prepares_dagster_leaves_stores_that_open(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, *, opened: bool
) -> None:
    Layout(settings.home).prepare()
    make = dagster_home._open_once

    def die(given: Settings) -> None:
        if opened:
            make(given)
        os._exit(137)

    monkeypatch.setattr(dagster_home, "_open_once", die)
    if (child := os.fork()) == 0:
        prepare_dagster(settings)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 137
    monkeypatch.undo()
    prepare_dagster(settings)
    assert (Layout(settings.home).run / dagster_home.PREPARED).read_text() == f"{settings.dagster_home}\n"
    for store in settings.home.rglob("*.db"):
        with closing(sqlite3.connect(store)) as connection:
            assert connection.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)


def test_the_configuration_for_postgresql_makes_its_stores_there(
    settings: Settings, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_DATABASE_URL", postgres_url)
    deployed = settings.model_copy(update={"dagster_home": PROJECT_ROOT / "deploy"})
    before = set(deployed.dagster_home.iterdir())
    Layout(deployed.home).prepare()
    prepare_dagster(deployed)
    with closing(psycopg2.connect(postgres_url.replace("+psycopg2", ""))) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT count(*) FROM runs")
        assert cursor.fetchone() == (0,)
    assert not list(deployed.home.rglob("*.db"))
    assert set(deployed.dagster_home.iterdir()) == before


def test_both_dagster_configurations_differ_in_their_stores_only() -> None:
    embedded, deployed = (
        yaml.safe_load((PROJECT_ROOT / name).read_text()) for name in ("dagster.yaml", "deploy/dagster.yaml")
    )
    assert embedded.pop("storage") != deployed.pop("storage")
    assert embedded == deployed


def test_an_unusable_dagster_configuration_is_an_error(settings: Settings) -> None:
    (settings.dagster_home / "dagster.yaml").write_text("storage: {nowhere: {}}")
    with pytest.raises(StackError, match=r"dagster\.yaml"):
        up(settings)
    assert not stack_status(settings).running


@pytest.mark.parametrize("name", ["webserver_port", "api_port"])
def test_a_taken_port_is_refused_with_the_name_of_its_setting_and_nothing_is_started(
    settings: Settings, name: str
) -> None:
    with socket.create_server(("127.0.0.1", getattr(settings, name))), pytest.raises(StackError) as error:
        up(settings)
    assert f"ORDERS_{name.upper()}" in error.value.hint
    assert not stack_status(settings).running


def test_up_takes_the_ports_back_from_what_a_killed_supervisor_left_behind(settings: Settings) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", DEAF_SERVER, str(settings.api_port)],
        env=os.environ | {HOME_MARK: str(settings.home)},
        stdout=subprocess.PIPE,
    ) as left:
        assert left.stdout
        left.stdout.readline()
        assert "api" in up(settings, "api")
    assert left.returncode == -signal.SIGKILL


def test_up_starts_again_what_a_killed_down_is_still_stopping(settings: Settings) -> None:
    quick = settings.model_copy(update={"stop_seconds": 3})
    up(quick, "worker-orders")
    before = pids(quick)["worker-orders"]
    assert before
    # A stopped process does not end at once.
    os.kill(before, signal.SIGSTOP)
    Supervisor(Layout(settings.home))._call("stopProcess", "worker-orders", False)
    assert "worker-orders" in up(quick, "worker-orders")
    assert pids(quick)["worker-orders"] != before


def test_a_port_is_waited_for_while_a_killed_process_still_holds_it(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", settings.api_port)) as held:
        freeing = threading.Timer(1, held.close)
        freeing.start()
        refuse_taken_ports(Plan(settings), ["api"])
        freeing.join()
    assert not port_accepts(settings.api_port)


def test_an_inbox_that_cannot_be_made_is_refused_with_the_name_of_its_setting(
    settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "a file").touch()
    with pytest.raises(StackError) as refused:
        start_all(settings.model_copy(update={"inbox": tmp_path / "a file" / "inbox"}))
    assert refused.value.code == "inbox_unusable"
    assert "ORDERS_INBOX" in refused.value.hint
    assert not stack_status(settings).running


def test_definitions_that_do_not_load_are_an_error_and_nothing_stays(settings: Settings) -> None:
    with pytest.raises(StackError) as error:
        start_all(settings, ["webserver"], celery_app=APP, definitions="missing_definitions")
    assert "missing_definitions" in error.value.message
    assert not stack_status(settings).running


def test_what_failed_to_start_is_started_at_once_where_a_person_asks_for_it(settings: Settings) -> None:
    layout = Layout(settings.home)
    layout.prepare()
    supervisor, needed = Supervisor(layout), layout.run / "needed"
    command = ["/bin/sh", "-c", f"test -e {needed} && exec sleep 600"]
    supervisor.launch([Program("late", command, str(layout.run))])
    supervisor.start("late")
    wait_until(lambda: supervisor.states()["late"].state == "BACKOFF", lambda: True, layout.log("late"))
    needed.touch()
    supervisor.start("late")
    assert supervisor.states()["late"].state in {"STARTING", "RUNNING"}


def test_a_code_server_that_could_not_load_is_started_until_it_can(settings: Settings) -> None:
    up(settings, "webserver")
    storage = settings.home / "history" / "runs.db"
    kept = storage.rename(storage.with_name("kept.db"))
    storage.write_text("This is no database, however often it is opened. " * 100)
    psutil.Process(pids(settings)["code-server"]).kill()
    log = Layout(settings.home).log("code-server")
    wait_until(lambda: "file is not a database" in log.read_text(), lambda: True, log)
    kept.replace(storage)
    wait_until(lambda: launches(settings), lambda: True, log)


@pytest.fixture
def orders(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    """The three commands, on the home of the test."""
    monkeypatch.setenv("ORDERS_HOME", str(settings.home))
    app = typer.Typer()
    register(app)
    return app


def test_commands_say_that_nothing_runs(orders: typer.Typer, settings: Settings) -> None:
    status = CliRunner().invoke(orders, ["status", "--json"])
    down = CliRunner().invoke(orders, ["down", "--json"])
    assert (status.exit_code, down.exit_code) == (0, 0)
    assert json.loads(status.stdout) == {
        "running": False,
        "persistent": False,
        "home": str(settings.home),
        "webserver": "http://127.0.0.1:3000",
        "api": "http://127.0.0.1:8000/api",
        "programs": [],
        "intake": {"paused": False, "since": None, "by": None, "because": None},
        "alerts": [],
        "absent_services": [],
    }
    assert json.loads(down.stdout) == {"stopped": False, "home": str(settings.home)}


OTHER = "other"
ABSENT = {
    "DATABASE": ("store_unavailable", "postgresql+psycopg2://orders@127.0.0.1:{port}/orders"),
    "REDIS": ("redis_unavailable", "redis://127.0.0.1:{port}/0"),
    "BROKER": ("broker_unavailable", "amqp://guest:guest@127.0.0.1:{port}//"),
}


def test_services_that_do_not_answer_are_named_with_the_way_out(
    orders: typer.Typer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, (_, url) in ABSENT.items():
        monkeypatch.setenv(f"ORDERS_{name}_URL", url.format(port=free_port()))
    absent = json.loads(CliRunner().invoke(orders, ["status", "--json"]).stdout)["absent_services"]
    assert [one["code"] for one in absent] == [code for code, _ in ABSENT.values()]
    shown = CliRunner().invoke(orders, ["status"]).stdout.replace("\n", " ")
    for one, name in zip(absent, ABSENT, strict=True):
        assert one["message"].replace("\n", " ") in shown
        assert one["hint"] == f"Check ORDERS_{name}_URL and that the service runs."
    refused = json.loads(CliRunner().invoke(orders, ["up", "--json"]).stdout)
    assert refused["error"] == absent[1]


def test_a_broker_that_refuses_the_password_is_named_beside_what_runs(
    orders: typer.Typer, monkeypatch: pytest.MonkeyPatch, rabbitmq_url: str
) -> None:
    wrong = make_url(rabbitmq_url).set(password=OTHER)
    monkeypatch.setenv("ORDERS_BROKER_URL", wrong.render_as_string(hide_password=False))
    done = CliRunner().invoke(orders, ["status", "--json"])
    (absent,) = json.loads(done.stdout)["absent_services"]
    assert done.exit_code == 0
    assert absent["code"] == "broker_unavailable"
    assert absent["message"].startswith("The broker refuses the user or the password")


def test_commands_show_and_stop_what_runs(orders: typer.Typer, settings: Settings) -> None:
    with running_workers(settings, celery_app=APP):
        shown = json.loads(CliRunner().invoke(orders, ["status", "--json"]).stdout)
        assert [program["name"] for program in shown["programs"]] == ["keeper", "redis", "worker"]
        assert (shown["running"], shown["persistent"]) == (True, False)
        assert "worker" in CliRunner().invoke(orders, ["status"]).stdout
        assert json.loads(CliRunner().invoke(orders, ["down", "--json"]).stdout)["stopped"]
    assert not stack_status(settings).running


def test_dagster_commands_need_no_exports_besides_the_env_file(tmp_path: Path) -> None:
    shutil.copy(PROJECT_ROOT / "dagster.yaml", tmp_path)
    shutil.copy(
        PROJECT_ROOT / "tests" / "integration" / "stack" / "fake_definitions.py", tmp_path / "definitions.py"
    )
    subprocess.run(["make", "-f", PROJECT_ROOT / "Makefile", "-C", tmp_path, ".env"], check=True)
    environment = {
        name: value for name, value in os.environ.items() if name not in {"DAGSTER_HOME", "ORDERS_HOME"}
    }
    command = [warm_python(), "-m", "dagster", "job", "execute", "-m", "definitions", "-j", "say_nothing"]
    exported = environment | {"ORDERS_HOME": str(tmp_path / "exported")}
    for variables, home in ((environment, "var"), (exported, "exported")):
        subprocess.run(command, cwd=tmp_path, env=variables, check=True, capture_output=True)
        assert (tmp_path / home / "history" / "runs.db").exists()
    written = {path.name for path in tmp_path.iterdir()}
    assert written <= {".env", "dagster.yaml", "definitions.py", "var", "exported", "__pycache__"}
