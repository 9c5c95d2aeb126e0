"""Other users of a machine can reach neither the code server nor a guarded Dagster webserver."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from cli.stack.code_server import LOCK_NAME, SocketTakenError, alone
from cli.stack.layout import CODE_SOCKET, Layout
from cli.stack.readiness import definitions_are_loaded, local_access, socket_accepts
from cli.stack.stack import stack_status, start_all, stop_all, webserver_url
from cli.stack.supervision.leftovers import find_leftovers
from orders_pipeline.base.settings import PROJECT_ROOT, Settings
from tests.services import free_port, require_service

APP, DEFINITIONS = "tests.integration.stack.fake_worker", "tests.integration.stack.fake_definitions"
VERSION = {"query": "{ version }"}
CONNECT = """import socket, sys
socket.socket(socket.AF_UNIX).connect(sys.argv[1])"""
HOLD = """import fcntl, sys
file = open(sys.argv[1], "a")
fcntl.lockf(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def settings(home: Path, tmp_path: Path) -> Iterator[Settings]:
    dagster_home = tmp_path / "dagster"
    dagster_home.mkdir()
    shutil.copy(PROJECT_ROOT / "dagster.yaml", dagster_home)
    ports = {name: free_port() for name in ("webserver_port", "api_port")}
    settings = Settings(home=home, worker_processes=1, **ports)
    yield settings.model_copy(update={"dagster_home": dagster_home})
    stop_all(settings)
    assert find_leftovers(settings.home) == []


def up(settings: Settings, *only: str, guarded: bool | None = None) -> None:
    start_all(settings, only, guarded=guarded, celery_app=APP, definitions=DEFINITIONS)


def tcp_listeners(name: str, settings: Settings) -> int:
    """How many TCP sockets a program and its children listen on."""
    programs = {program.name: program.pid for program in stack_status(settings).programs}
    listed = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=True).stdout
    return listed.count(f"pid={programs[name]},")


@pytest.mark.timeout(900)
def test_the_code_server_has_no_port_and_no_other_user_reaches_its_socket(settings: Settings) -> None:
    require_service(
        "another user", os.geteuid() == 0 and shutil.which("setpriv"), "this needs root and setpriv"
    )
    up(settings, "webserver", "daemon")
    assert tcp_listeners("code-server", settings) == 0
    assert tcp_listeners("webserver", settings) == 1
    run = Layout(settings.home).run
    assert socket_accepts(run, CODE_SOCKET)
    # Even if every parent folder is accessible, as after a careless chmod.
    for folder in (run, *run.parents):
        folder.chmod(folder.stat().st_mode | 0o755)
    other = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    command = [*other, "/usr/bin/python3", "-c", CONNECT, str(run / CODE_SOCKET)]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "PermissionError" in refused.stderr
    up(settings, "webserver")
    assert run.stat().st_mode & 0o077 == 0


@pytest.mark.timeout(900)
def test_the_code_server_is_reached_in_a_home_of_a_long_and_odd_name(settings: Settings, home: Path) -> None:
    odd = settings.model_copy(update={"home": home.parent / ("a b #\"c'" + "long" * 40)})
    try:
        up(odd, "webserver")
        assert definitions_are_loaded(webserver_url(odd), {})
    finally:
        stop_all(odd)


def test_a_code_server_leaves_the_socket_of_a_living_one_alone(home: Path) -> None:
    home.mkdir()
    lock = home / LOCK_NAME
    command = [sys.executable, "-c", HOLD, str(lock)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as held:
        assert held.stdout
        held.stdout.readline()
        with pytest.raises(SocketTakenError, match=LOCK_NAME), alone(lock, seconds=0):
            pass
        held.communicate()
    with alone(lock, seconds=0):
        pass


@pytest.mark.timeout(900)
def test_a_guarded_webserver_asks_who_comes_until_it_is_opened_again(settings: Settings) -> None:
    up(settings, "webserver", guarded=True)
    url, key = webserver_url(settings), (settings.home / "run" / "api.key").read_text()
    for path in ("/", "/runs", "/server_info", "/logs/x", "/favicon.png"):
        assert requests.get(url + path, timeout=60).status_code == 401
    assert requests.post(f"{url}/graphql", json=VERSION, timeout=60).status_code == 401
    shown = {"Authorization": f"Bearer {key}"}
    assert requests.post(f"{url}/graphql", json=VERSION, headers=shown, timeout=60).ok
    assert definitions_are_loaded(url, local_access(Layout(settings.home)))
    up(settings, "webserver")
    assert requests.get(url, timeout=60).status_code == 401
    up(settings, "webserver", guarded=False)
    assert requests.get(url, timeout=60).status_code == 200
    no_other_site_changes_anything(f"{url}/graphql")


def no_other_site_changes_anything(url: str) -> None:
    answers = [
        requests.get(url, {"query": "mutation { reloadWorkspace { __typename } }"}, timeout=60),
        requests.post(url, data="{}", headers={"Content-Type": "text/plain"}, timeout=60),
        requests.post(url, json=VERSION, headers={"Origin": "https://evil.example.com"}, timeout=60),
        requests.post(url, json=VERSION, headers={"Host": "evil.example.com"}, timeout=60),
        requests.post(url.replace("graphql", "report_asset_materialization/greeting"), timeout=60),
    ]
    assert [answer.status_code for answer in answers] == [405, 415, 403, 421, 405]
    assert requests.post(url, json=VERSION, timeout=60).json()["data"]["version"]
