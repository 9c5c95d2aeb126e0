"""The supervisor of one home: a daemon (supervisord), controlled over its Unix socket."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
import xmlrpc.client as xmlrpc
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from cli.stack.errors import StackError
from cli.stack.layout import HOME_MARK, Layout
from cli.stack.programs.program import Program, load_programs, save_programs
from cli.stack.supervision.supervisord_conf import SOCKET_NAME, supervisord_conf
from orders_pipeline.base.process_fields import process_fields

POLL_SECONDS = 0.02
SHUTDOWN_STATE, ALREADY_STARTED, NOT_RUNNING = 6, 60, 70
ENDED = {"STOPPED", "EXITED", "FATAL"}
# Index of the number of threads in /proc/PID/stat, counted after the program's name.
THREADS = 17


class Condition(StrEnum):
    """The state of a supervisor."""

    RUNNING = "running"
    STOPPING = "stopping"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class ProgramState:
    """The state of a program, from the supervisor; `uptime` is in seconds."""

    name: str
    state: str
    pid: int | None
    uptime: int
    detail: str


class Supervisor:
    """The supervisor of one home, running or not. The caller of a change holds the home's start lock."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def condition(self) -> Condition:
        """Returns whether the supervisor is running, stopping or gone."""
        try:
            self._call("getState")
        except (FileNotFoundError, ConnectionError):
            return Condition.STOPPING if self._is_alive(self._pid()) else Condition.GONE
        except xmlrpc.Fault as fault:
            if fault.faultCode == SHUTDOWN_STATE:
                return Condition.STOPPING
            raise
        return Condition.RUNNING

    def wait_if_stopping(self) -> None:
        """Waits while the supervisor is stopping."""
        pid = self._pid()
        while self.condition() is Condition.STOPPING:
            time.sleep(POLL_SECONDS)
        while self.condition() is Condition.GONE and self._is_alive(pid):
            time.sleep(POLL_SECONDS)

    def launch(self, programs: Iterable[Program]) -> None:
        """Starts the supervisor with these programs; none of them runs yet."""
        self._configure(programs)
        command = [*supervisord_command(), "-c", str(self._layout.config)]
        environment = os.environ | {HOME_MARK: str(self._layout.home)}
        done = subprocess.run(  # noqa: S603
            command, cwd=self._layout.run, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise StackError(
                "supervisor_failed", f"The supervisor does not start: {done.stdout}{done.stderr}"
            )

    def add(self, programs: Iterable[Program]) -> None:
        """Adds programs to the running supervisor."""
        new = {program.name: program for program in programs}
        self._configure((self.programs() | new).values())
        self._call("reloadConfig")
        for name in new:
            self._call("addProcessGroup", name)

    def remove(self, names: Iterable[str]) -> None:
        """Stops programs at the same time and removes them."""
        gone = set(names)
        self.stop(gone)
        for name in gone:
            self._call("removeProcessGroup", name)
        self._configure(program for program in self.programs().values() if program.name not in gone)

    def programs(self) -> dict[str, Program]:
        """Returns the supervisor's programs, by name."""
        return load_programs(self._layout.programs)

    def start(self, name: str) -> None:
        """Starts a program unless it is running; waits for a program that is stopping."""
        # In the state BACKOFF, the next start can be up to a quarter of an hour away.
        if self.states()[name].state == "BACKOFF":
            self._change("stopProcess", name)
        while (state := self.states()[name].state) == "STOPPING":
            time.sleep(POLL_SECONDS)
        if state in ENDED:
            self._change("startProcess", name)

    def stop(self, names: Iterable[str]) -> None:
        """Stops programs at the same time and waits; the supervisor kills programs that take too long."""
        waiting = set(names)
        for name in waiting:
            if self.states()[name].state not in ENDED:
                self._change("stopProcess", name)
        while any(self.states()[name].state not in ENDED for name in waiting):
            time.sleep(POLL_SECONDS)

    def states(self) -> dict[str, ProgramState]:
        """Returns the states of the programs, by name."""
        return {info["name"]: _state(info) for info in self._call("getAllProcessInfo")}

    def shutdown(self) -> None:
        """Stops every program and the supervisor, and waits until the supervisor has ended."""
        self._call("shutdown")
        self.wait_if_stopping()

    def _change(self, method: str, name: str) -> None:
        try:
            self._call(method, name, False)
        except xmlrpc.Fault as fault:
            # The program ended or was started since its state was read.
            if fault.faultCode not in (ALREADY_STARTED, NOT_RUNNING):
                raise

    def _configure(self, programs: Iterable[Program]) -> None:
        programs = list(programs)
        save_programs(self._layout.programs, programs)
        self._layout.config.write_text(supervisord_conf(programs))

    def was_killed(self) -> bool:
        """Whether the last supervisor was killed."""
        return bool(self._pid()) and self.condition() is Condition.GONE

    def _pid(self) -> int:
        """Returns the process id of the last supervisor; 0 if it ended normally."""
        try:
            return int((self._layout.run / "supervisord.pid").read_text())
        except (FileNotFoundError, ValueError):
            return 0

    def _is_alive(self, pid: int) -> bool:
        """Whether this process runs and is the supervisor of this home."""
        try:
            working_folder = Path(f"/proc/{pid}/cwd").readlink()
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return False
        return is_alive(pid) and working_folder == self._layout.run and b"supervisord" in command

    def _call(self, method: str, *arguments: object) -> Any:
        folder = os.open(self._layout.run, os.O_RDONLY | os.O_DIRECTORY)
        try:
            transport = _UnixTransport(f"/proc/self/fd/{folder}/{SOCKET_NAME}")
            with xmlrpc.ServerProxy("http://localhost", transport=transport) as server:
                return getattr(server.supervisor, method)(*arguments)
        finally:
            os.close(folder)


def supervisord_command() -> list[str]:
    """Returns the command that runs supervisord, without its options."""
    return [sys.executable, "-m", "supervisor.supervisord"]


def is_alive(pid: int) -> bool:
    """Whether a process is running; a zombie is not."""
    fields = process_fields(pid)
    # After a kill the main thread can be a zombie while other threads still hold files and ports.
    return bool(fields) and (fields[0] not in "ZX" or int(fields[THREADS]) > 1)


def _state(info: dict[str, Any]) -> ProgramState:
    running = info["pid"] != 0
    return ProgramState(
        name=info["name"],
        state=info["statename"],
        pid=info["pid"] or None,
        uptime=info["now"] - info["start"] if running else 0,
        detail=info["spawnerr"] or ("" if running else info["description"]),
    )


class _UnixTransport(xmlrpc.Transport):
    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        # The base class closes the connection that is stored here.
        connection = _UnixConnection(self._path)
        self._connection = host, connection
        return connection


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=30)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
