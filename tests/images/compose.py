"""Runs deploy/compose.yaml from what `make images` built: docker-compose speaks to podman's socket."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orders_pipeline.base.settings import PROJECT_ROOT

DEPLOY = PROJECT_ROOT / "deploy"
CONTAINERS_CONF = PROJECT_ROOT / "tests" / "images" / "containers.conf"
PROJECT = "orders-images-test"
MARK = f"label=com.docker.compose.project={PROJECT}"
LOGIN = ("alice", "a-long-password")
SECRETS = {"POSTGRES_PASSWORD": "p1", "REDIS_PASSWORD": "p2", "RABBITMQ_PASSWORD": "p3"}
HEALTHY_WITHIN_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Compose:
    """The services of a compose file in a folder of the test."""

    folder: Path

    def __call__(self, *arguments: str, check: bool = True) -> str:
        """Output of one docker-compose command."""
        command = ["docker-compose", "-p", PROJECT, "-f", str(self.folder / "compose.yaml"), *arguments]
        environment = os.environ | SECRETS | {"DOCKER_HOST": f"unix://{self.folder}/podman.sock"}
        # It gives each request to the socket this time, and starts are slow where cores are few.
        environment["COMPOSE_HTTP_TIMEOUT"] = "600"
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"{arguments} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def orders(self, *arguments: str) -> Any:
        """What a command of `orders` prints as JSON in the code server's container."""
        return json.loads(self("exec", "-T", "code-server", "orders", *arguments, "--json"))

    def python(self, service: str, code: str) -> str:
        """What Python prints in a service's container."""
        return self("exec", "-T", service, "python", "-c", code).strip()

    def container(self, service: str) -> dict[str, Any]:
        """Podman's description of a service's only container."""
        (name,) = self("ps", "-q", service).split()
        (inspected,) = json.loads(podman("inspect", name))
        return dict(inspected)


def podman(*arguments: str, check: bool = True) -> str:
    """Output of one podman command, both streams."""
    environment = os.environ | {"CONTAINERS_CONF": str(CONTAINERS_CONF)}
    done = subprocess.run(
        ["podman", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if arguments[0] == "logs" else subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == 0 or not check, (arguments, done.stdout, done.stderr)
    return done.stdout


def unhealthy() -> list[str]:
    """Names of the stack's containers that do not run or whose health check does not pass."""
    names = podman("ps", "--all", "--quiet", "--filter", MARK).split()
    inspected = json.loads(podman("inspect", *names, check=False) or "[]") if names else []
    return [one["Name"] for one in inspected if not _is_healthy(one)]


def _is_healthy(inspected: dict[str, Any]) -> bool:
    """Without a health check: whether it runs, or has ended well."""
    state, check = inspected["State"], inspected["Config"].get("Healthcheck") or {"Test": ["NONE"]}
    if check["Test"] == ["NONE"]:
        return bool(state["Running"]) or state["ExitCode"] == 0
    return bool(state["Health"]["Status"] == "healthy")


@contextmanager
def running_stack(folder: Path) -> Iterator[Compose]:
    """The whole compose file, healthy; containers and volumes are removed afterwards."""
    compose = Compose(folder)
    _prepare(folder)
    with _podman_socket(folder), _health_checks():
        try:
            compose("up", "-d", "--no-build")
            _wait_until_healthy()
            yield compose
        finally:
            _remove()


def _remove() -> None:
    """Containers, volumes and network of the stack, by podman: docker-compose 1 leaves the proxy."""
    for kind, removal in (
        ("ps --all", "rm --force --depend --volumes --time 5"),
        ("volume ls", "volume rm --force"),
        ("network ls", "network rm --force"),
    ):
        if found := podman(*kind.split(), "--quiet", "--filter", MARK).split():
            podman(*removal.split(), *found, check=False)


def _prepare(folder: Path) -> None:
    """The files that the services mount, with a login for the proxy."""
    for name in ("compose.yaml", "create-dagster-database.sql"):
        shutil.copy(DEPLOY / name, folder)
    environment = os.environ | {"NGINX_FOLDER": str(folder / "nginx")}
    subprocess.run([DEPLOY / "proxy" / "install.sh", "localhost"], env=environment, check=True)
    user = [DEPLOY / "proxy" / "user.sh", LOGIN[0], "operator"]
    subprocess.run(user, env=environment, input=f"{LOGIN[1]}\n", text=True, check=True)
    (folder / "nginx" / "orders" / "users.htpasswd").chmod(0o644)


@contextmanager
def _podman_socket(folder: Path) -> Iterator[None]:
    socket = folder / "podman.sock"
    command = ["podman", "system", "service", "--time=0", f"unix://{socket}"]
    environment = os.environ | {"CONTAINERS_CONF": str(CONTAINERS_CONF)}
    with (folder / "podman.log").open("wb") as log:
        service = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        while not socket.exists():
            assert service.poll() is None, (folder / "podman.log").read_text()
            time.sleep(0.1)
        yield
    finally:
        service.terminate()
        service.wait()


@contextmanager
def _health_checks() -> Iterator[None]:
    """Runs the health checks of all containers in turn: podman leaves that to systemd, if there is one."""
    ended = threading.Event()
    checker = threading.Thread(target=_check_until, args=(ended,))
    checker.start()
    try:
        yield
    finally:
        ended.set()
        checker.join()


def _check_until(ended: threading.Event) -> None:
    while not ended.wait(1):
        for name in unhealthy():
            if not ended.is_set():
                podman("healthcheck", "run", name, check=False)


def _wait_until_healthy() -> None:
    deadline = time.monotonic() + HEALTHY_WITHIN_SECONDS
    while names := unhealthy():
        logs = {name: podman("logs", "--tail", "20", name, check=False) for name in names}
        assert time.monotonic() < deadline, logs
        time.sleep(1)
