"""Imports under `orders up`: by a thin command, from the inbox, and with the launcher killed."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest
import requests

from cli.stack.layout import Layout
from cli.stack.programs.programs import API, CODE_SERVER, DAEMON
from cli.stack.programs.workers import WORKER_DEFAULT, WORKER_ORDERS
from cli.stack.stack import api_url, stack_status, start_all, stop_all
from orders_pipeline.access.api_keys import create_key
from orders_pipeline.api.callers.access import api_key
from orders_pipeline.base.launch_socket import LaunchSocket, connected
from orders_pipeline.base.model import ImportStatus, Scope
from orders_pipeline.base.settings import PROJECT_ROOT, Settings
from orders_pipeline.imports.import_row import Import, list_imports
from orders_pipeline.store.engine import open_engine, reading
from orders_pipeline.store.kpi_days import dirty_days
from tests import waiting
from tests.e2e.orders_command import ORDERS, environment, orders, orders_process, start
from tests.import_bench import many_orders, write_orders
from tests.services import free_port

PATIENCE_SECONDS = 240
IMPORT = """
import sys
from cli.main import app
try:
    app(["import", sys.argv[1], "--json"])
finally:
    heavy = {"dagster", "celery", "duckdb", "alembic", "polars", "redis"}
    print("loaded:", *heavy.intersection(sys.modules), file=sys.stderr)
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A home in which the programs for imports and HTTP run."""
    settings = Settings(
        home=tmp_path_factory.mktemp("launched") / "home",
        payment_success_rate=1,
        payment_delay_min=2,
        payment_delay_max=2,
        worker_processes=1,
        api_port=free_port(),
        rate_limit=0,
        upload_limit_mb=1,
    )
    start_all(settings, [WORKER_ORDERS, WORKER_DEFAULT, DAEMON, API])
    eventually(LaunchSocket(Layout(settings.home).run).is_there)
    yield settings
    stop_all(settings)


eventually = partial(waiting.eventually, patience_seconds=PATIENCE_SECONDS)


def ten_orders(folder: Path, name: str) -> Path:
    return write_orders(folder / f"{name}.csv", many_orders(10, f"{name}-"))


def found(settings: Settings, file: str) -> Import | None:
    engine = open_engine(settings.store_url)
    with reading(engine) as connection:
        imports = [one for one in list_imports(connection, 100) if one.file_name == file]
    engine.dispose()
    return imports[0] if imports else None


def is_finished(settings: Settings, file: str) -> bool:
    one = found(settings, file)
    return one is not None and one.status is ImportStatus.FINISHED


def pid_of(settings: Settings, program: str) -> int:
    (pid,) = [one.pid for one in stack_status(settings).programs if one.name == program]
    assert pid
    return pid


def launched_by_launcher(settings: Settings, key: str) -> bool:
    """Whether the launcher, not a sensor, launched the import's run."""
    query = """SELECT count(*) FROM run_tags key, run_tags launcher WHERE key.run_id = launcher.run_id
        AND key.key = 'dagster/partition' AND key.value = ? AND launcher.key = 'orders/launched_by'"""
    with closing(sqlite3.connect(settings.home / "history" / "runs.db")) as runs:
        return bool(runs.execute(query, (key,)).fetchone()[0])


def test_a_command_settles_and_publishes_and_loads_no_dagster(stack: Settings, tmp_path: Path) -> None:
    file = ten_orders(tmp_path, "thin")
    done = subprocess.run(
        [sys.executable, "-c", IMPORT, str(file)],
        env=os.environ | environment(stack),
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)["statuses"]["completed"] == 10
    assert done.stderr.splitlines()[-1].strip() == "loaded:"
    engine = open_engine(stack.store_url)
    assert dirty_days(engine) == []
    engine.dispose()


def test_a_refused_file_is_an_error_of_the_command(stack: Settings, tmp_path: Path) -> None:
    file = write_orders(tmp_path / "refused.csv", many_orders(10, "refused-"))
    file.write_text(file.read_text() + "half a line\n")
    refused = orders_process(stack, "import", file, "--max-rejects", "0", "--json")
    assert refused.error["code"] == "too_many_rejects"


def test_a_file_that_is_moved_into_the_inbox_is_imported_without_a_sensor(
    stack: Settings, tmp_path: Path
) -> None:
    ten_orders(tmp_path, "dropped").rename(stack.inbox_folder / "dropped.csv")
    eventually(lambda: is_finished(stack, "dropped.csv"))
    one = found(stack, "dropped.csv")
    assert one
    assert launched_by_launcher(stack, one.key)
    assert (stack.inbox_folder / "done" / "dropped.csv").exists()


def send(settings: Settings, content: Any, key: str | None = None, **query: Any) -> requests.Response:
    shown = key or api_key("", settings.home)
    headers = {"Authorization": f"Bearer {shown}"}
    return requests.post(f"{api_url(settings)}/files", params=query, headers=headers, timeout=60, **content)


def test_a_file_that_is_sent_over_http_is_imported(stack: Settings, tmp_path: Path) -> None:
    sent = ten_orders(tmp_path, "sent").read_bytes()
    answer = send(stack, {"data": sent}, name="sent.csv", source="shop", options='{"date_format": "YMD"}')
    assert answer.status_code == 202, answer.text
    assert answer.json()["data"]["partition"].startswith("sent.csv-")
    content = ten_orders(tmp_path, "form").read_bytes()
    form = send(stack, {"files": {"file": ("any.csv", content)}}, name="form.csv")
    assert (form.status_code, form.json()["data"]["file"]) == (202, "form.csv")
    eventually(lambda: is_finished(stack, "sent.csv") and is_finished(stack, "form.csv"))
    one = found(stack, "sent.csv")
    assert one
    assert one.source == "shop"
    assert launched_by_launcher(stack, one.key)
    again = send(stack, {"data": sent}, name="sent.csv", source="shop", options='{"date_format": "YMD"}')
    assert again.json()["data"]["status"] == "finished"
    assert list((stack.home / "staging").glob(".incoming-*")) == []


@pytest.mark.parametrize(
    ("content", "query", "status"),
    [
        (b"no order file", {"name": "a.csv"}, 422),
        (b"", {"name": "a.csv"}, 422),
        (b"x", {}, 422),
        (b"x", {"name": "a.csv", "profile": "/etc/passwd"}, 422),
        (b"x", {"name": "a.csv", "options": '{"companion": "/etc/passwd"}'}, 422),
        (b"x", {"name": "a.csv", "options": '{"header_line": "one"}'}, 422),
        (b"x", {"name": "a.csv", "options": "not JSON"}, 422),
        (b"x" * (1024 * 1024 + 1), {"name": "a.csv"}, 413),
    ],
)
def test_what_cannot_be_imported_is_refused_over_http(
    stack: Settings, content: bytes, query: dict[str, str], status: int
) -> None:
    answer = send(stack, {"data": content}, **query)
    assert (answer.status_code, answer.json()["success"]) == (status, False)


def test_a_file_is_sent_with_the_scope_to_operate_only(stack: Settings, tmp_path: Path) -> None:
    engine = open_engine(stack.store_url)
    with engine.begin() as connection:
        reader = create_key(connection, "reader", Scope.READ, None)
    engine.dispose()
    content = {"data": ten_orders(tmp_path, "forbidden").read_bytes()}
    assert send(stack, content, key=reader, name="forbidden.csv").status_code == 403
    assert send(stack, content, key="wrong", name="forbidden.csv").status_code == 401
    assert found(stack, "forbidden.csv") is None


def test_many_small_files_at_once_are_imported_although_one_is_damaged(
    stack: Settings, tmp_path: Path
) -> None:
    names = [f"many{number}" for number in range(16)]
    (stack.inbox_folder / "damaged.csv").write_bytes(b"\x00\x01 nothing to read")
    for name in names:
        ten_orders(tmp_path, name).rename(stack.inbox_folder / f"{name}.csv")
    eventually(lambda: all(is_finished(stack, f"{name}.csv") for name in names))
    eventually((stack.inbox_folder / "quarantine" / "damaged.csv").exists)


def interrupted(stack: Settings, file: Path, times: int) -> dict[str, str]:
    """The error of `orders import` after Ctrl-C, while the gateway is slow."""
    variables = os.environ | environment(stack)
    command = subprocess.Popen(
        [*ORDERS, "import", str(file), "--json"],
        env=variables,
        cwd=PROJECT_ROOT,
        stdout=PIPE,
        stderr=PIPE,
        text=True,
    )
    eventually(lambda: (one := found(stack, file.name)) is not None and one.run_id is not None)
    command.send_signal(signal.SIGINT)
    assert command.stderr
    while times > 1 and "Press Ctrl-C again" not in command.stderr.readline():
        pass
    for _ in range(times - 1):
        command.send_signal(signal.SIGINT)
    out, _ = command.communicate(timeout=PATIENCE_SECONDS)
    assert command.returncode == 1
    error: dict[str, str] = json.loads(out)["error"]
    return error


def test_ctrl_c_leaves_the_import_going(stack: Settings, tmp_path: Path) -> None:
    error = interrupted(stack, ten_orders(tmp_path, "left"), times=1)
    assert (error["code"], "orders cancel --file" in error["hint"]) == ("left_running", True)
    eventually(lambda: is_finished(stack, "left.csv"))


def test_a_second_ctrl_c_cancels_it_and_the_same_command_goes_on(stack: Settings, tmp_path: Path) -> None:
    file = ten_orders(tmp_path, "canceled")
    assert interrupted(stack, file, times=2)["code"] == "canceled"
    assert orders_process(stack, "import", file, "--json").code == 0
    assert is_finished(stack, "canceled.csv")


def test_an_import_outlives_the_launcher_and_the_runs_that_it_forked(stack: Settings, tmp_path: Path) -> None:
    command = start(stack, "import", ten_orders(tmp_path, "killed"), "--json")
    eventually(lambda: found(stack, "killed.csv") is not None)
    os.kill(pid_of(stack, CODE_SERVER), signal.SIGKILL)
    ten_orders(tmp_path, "meanwhile").rename(stack.inbox_folder / "meanwhile.csv")
    out, errors = command.communicate(timeout=240)
    assert command.returncode == 0, errors
    assert json.loads(out)["statuses"]["completed"] == 10
    eventually(lambda: is_finished(stack, "meanwhile.csv"))
    assert orders(stack, "verify", "--json").document["ok"]


def test_no_other_user_reaches_the_launcher(stack: Settings) -> None:
    run = Layout(stack.home).run
    eventually(LaunchSocket(run).is_there)
    assert stat.S_IMODE(run.stat().st_mode) == 0o700
    assert stat.S_IMODE((run / "launcher.sock").stat().st_mode) == 0o600
    with connected(run) as connection:
        connection.sendall(b'{"ask": "anything else"}\n')
        assert json.loads(connection.recv(1000)) == {"error": "unknown question"}
    with connected(run) as connection:
        connection.sendall(b"not JSON\n")
        connection.shutdown(socket.SHUT_WR)
        assert "error" in json.loads(connection.recv(1000))
