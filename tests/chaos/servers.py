"""Servers that the chaos suite starts on free ports, and can kill and restart with their data."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import psycopg2

from tests.services import Account, RabbitServer, accepts, free_port, postgres_answers, postgres_bin

PATIENCE_SECONDS = 90


class Server(Protocol):
    """A server that can be restarted while programs use it."""

    def restart(self) -> None: ...

    def stop(self) -> None: ...


@dataclass(slots=True)
class Child:
    """A server process in its own process group; its log is in the folder."""

    command: list[str]
    folder: Path
    ready: Callable[[], bool]
    uid: int | None = None
    env: dict[str, str] | None = None
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=self.env,
                user=self.uid,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.command[0]} does not start; see {self.folder / 'server.log'}")
            time.sleep(0.1)

    def end(self, *numbers: signal.Signals) -> None:
        """Signals the group until its leader has ended."""
        assert self._process is not None
        for number in (*numbers, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=20)


class Postgres:
    """A PostgreSQL server with few connections."""

    def __init__(self) -> None:
        account, programs = Account.unprivileged(), postgres_bin()
        self.folder = Path(tempfile.mkdtemp(prefix="chaos-postgres-"))
        if account.uid is not None:
            os.chown(self.folder, account.uid, -1)
        self.port, data = free_port(), self.folder / "data"
        make = [str(programs / "initdb"), "-D", str(data), "-U", "orders", "-A", "trust", "-E", "UTF8"]
        subprocess.run(make, check=True, capture_output=True, user=account.uid, cwd=self.folder)
        command = [str(programs / "postgres"), "-D", str(data), "-k", str(self.folder), "-p", str(self.port)]
        command += ["-c", "listen_addresses=127.0.0.1", "-c", "max_connections=60"]
        self._child = Child(command, self.folder, lambda: postgres_answers(self.port), account.uid)
        self._child.start()

    def database(self, name: str) -> str:
        """SQLAlchemy URL of a new database."""
        connection = self.connect()
        connection.autocommit = True
        connection.cursor().execute(f"CREATE DATABASE {name}")
        connection.close()
        return f"postgresql+psycopg2://orders@127.0.0.1:{self.port}/{name}"

    def connect(self) -> psycopg2.extensions.connection:
        return psycopg2.connect(host="127.0.0.1", port=self.port, user="orders", dbname="postgres")

    def restart(self) -> None:
        """Closes every connection and restarts from the log, as after a crash."""
        self._child.end(signal.SIGQUIT)
        self._child.start()

    def stop(self) -> None:
        self._child.end(signal.SIGINT)
        shutil.rmtree(self.folder, ignore_errors=True)


class Rabbit:
    """A RabbitMQ node with its own epmd."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="chaos-rabbit-"))
        self._node = RabbitServer(self.folder, free_port(), free_port(), free_port())
        (self.folder / "epmd").mkdir()
        epmd = ["epmd", "-address", "127.0.0.1", "-port", str(self._node.epmd_port)]
        self._epmd = Child(epmd, self.folder / "epmd", lambda: accepts(self._node.epmd_port))
        program = "/usr/lib/rabbitmq/bin/rabbitmq-server"
        environment = self._node.environment()
        self._child = Child([program], self.folder, lambda: accepts(self._node.port), None, environment)
        self._epmd.start()
        self._child.start()
        self._node.control("await_startup")

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self._node.port}//"

    def restart(self) -> None:
        self._child.end(signal.SIGTERM)
        self._child.start()

    def stop(self) -> None:
        self._child.end(signal.SIGTERM)
        self._epmd.end(signal.SIGTERM)
        shutil.rmtree(self.folder, ignore_errors=True)
