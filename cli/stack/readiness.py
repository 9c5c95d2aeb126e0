"""Waits until the background processes are ready, and reports why one is not."""

from __future__ import annotations

import http
import json
import os
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

from cli.stack.errors import StackError
from cli.stack.layout import Layout
from cli.stack.programs.program import Program
from cli.stack.supervision.supervisor import Condition, Supervisor
from cli.webserver.links import make_link

# Seconds after which a process counts as hanging, even on a busy machine. Processes that die are noticed at
# once.
STARTUP_SECONDS = 300
POLL_SECONDS = 0.05
LOG_TAIL_LINES = 20
FAILED = {"BACKOFF", "FATAL"}
LOCATIONS = """{ workspaceOrError { ... on Workspace { locationEntries {
    locationOrLoadError { __typename ... on PythonError { message } } } } } }"""
# The error that the webserver reports until the code server listens.
UNREACHABLE = "DagsterUserCodeUnreachableError"


def wait_for_program(layout: Layout, name: str, ready: Callable[[], bool]) -> None:
    """Waits until a program of the running supervisor is ready.

    Raises:
        StackError: the program ended or took too long; the message has the end of its log. Or the supervisor
            was killed.
    """
    deadline = time.monotonic() + STARTUP_SECONDS
    pids: set[int] = set()
    while not ready():
        supervisor = Supervisor(layout)
        if supervisor.condition() is not Condition.RUNNING:
            raise StackError(
                "supervisor_killed",
                f"The supervisor was killed while the {name} started",
                "Run the command again.",
            )
        program = supervisor.states()[name]
        pids |= {program.pid} if program.pid else set()
        # A different process id means that the program died and was restarted.
        if program.state in FAILED or len(pids) > 1 or time.monotonic() > deadline:
            raise StackError(
                "process_not_ready",
                f"The {name} does not start. Its log ends with:\n{_tail(layout, name)}",
                f"The complete log is {layout.log(name)}",
            )
        time.sleep(POLL_SECONDS)


def redis_answers(url: str) -> bool:
    """Whether the Redis at this URL answers and accepts the password."""
    import redis  # noqa: PLC0415 commands that ask for none of it start sooner

    try:
        ask_redis(url)
    except (redis.ConnectionError, redis.TimeoutError):
        return False
    return True


def ask_redis(url: str) -> None:
    """Sends a PING to the Redis at this URL.

    Raises:
        RedisError: it does not answer within seconds, or does not accept the password.
    """
    import redis  # noqa: PLC0415 commands that ask for none of it start sooner

    with redis.Redis.from_url(url, socket_connect_timeout=2, socket_timeout=2, retry=None) as client:
        client.ping()


def port_accepts(port: int) -> bool:
    """Whether a process listens on this port of 127.0.0.1."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def socket_accepts(folder: Path, name: str) -> bool:
    """Returns whether a process listens on this Unix socket. The path of the folder may have any length."""
    try:
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return False
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            return probe.connect_ex(f"/proc/self/fd/{opened}/{name}") == 0
        finally:
            os.close(opened)


def listens(layout: Layout, program: Program) -> bool:
    """Returns whether a program listens on its port and socket. True for programs that have neither."""
    if program.socket and not socket_accepts(layout.run, program.socket):
        return False
    return program.port is None or port_accepts(program.port.number)


def local_access(layout: Layout) -> dict[str, str]:
    """Returns HTTP headers with which a command of this home is signed in to the webserver once.

    They do not contain the home's key, because another process may listen on the port of a webserver that
    died.
    """
    return {"Authorization": f"Bearer {make_link(layout.run)}"} if layout.guarded.exists() else {}


def is_guarded(webserver: str) -> bool:
    """Returns whether this webserver answers and refuses requests without a sign-in."""
    try:
        with urllib.request.urlopen(f"{webserver}/server_info", timeout=30):  # noqa: S310 - a URL of our own
            return False
    except urllib.error.HTTPError as error:
        return error.code == http.HTTPStatus.UNAUTHORIZED
    except OSError:
        return False


def definitions_are_loaded(webserver: str, access: Mapping[str, str]) -> bool:
    """Whether this Dagster webserver answers and has loaded the definitions from the code server.

    Raises:
        StackError: the definitions cannot be loaded.
    """
    request = urllib.request.Request(  # noqa: S310 - a URL of our own
        f"{webserver}/graphql",
        json.dumps({"query": LOCATIONS}).encode(),
        {"Content-Type": "application/json", **access},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 - a URL of our own
            entries = json.load(response)["data"]["workspaceOrError"]["locationEntries"]
    except OSError:
        return False
    results = [entry["locationOrLoadError"] or {} for entry in entries]
    for error in [result["message"] for result in results if "message" in result]:
        if UNREACHABLE not in error:
            raise StackError("definitions_do_not_load", f"Dagster cannot load the definitions: {error}")
    return all(result.get("__typename") == "RepositoryLocation" for result in results)


def _tail(layout: Layout, name: str) -> str:
    try:
        lines = layout.log(name).read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return "(there is no log)"
    return "\n".join(lines[-LOG_TAIL_LINES:])
