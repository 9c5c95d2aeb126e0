"""A program `orders` whose commands start at once: a process that has loaded what they need forks for each.

Loading takes two to four seconds of processor time, and taking everything apart at the end takes one. A
forked command has the arguments, the environment, the folder and the standard streams of the program.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import pkgutil
import select
import shutil
import socket
import subprocess
import sys
import tempfile
from functools import cache
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path

from orders_pipeline.base.settings import PROJECT_ROOT

FORK = get_context("fork")
PACKAGES = ("cli.commands", "assets", "resources", "jobs")
PROGRAM = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    socket.send_fds(server, [b" "], [0, 1, 2])
    server.sendall(json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode())
    server.shutdown(socket.SHUT_WR)
    code = server.recv(16)
sys.exit(int(code) if code else "the command did not end")
"""


@cache
def warm_orders() -> Path:
    """The program; the process behind it starts with the first call, and ends with this process."""
    folder = Path(tempfile.mkdtemp(prefix="orders-warm-"))
    address, program = str(folder / "socket"), folder / "orders"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        server = subprocess.Popen(
            [sys.executable, "-m", __name__, str(listener.fileno())],
            cwd=PROJECT_ROOT,
            stdin=subprocess.PIPE,
            pass_fds=[listener.fileno()],
        )
    atexit.register(shutil.rmtree, folder)
    atexit.register(server.communicate)
    program.write_text(PROGRAM.format(python=sys.executable, address=address))
    program.chmod(0o755)
    return program


def main(listener: socket.socket) -> None:
    """Runs commands, several at a time, until the standard input ends."""
    gc.disable()
    for name in PACKAGES:
        for found in pkgutil.walk_packages(import_module(name).__path__, f"{name}."):
            import_module(found.name)
    gc.freeze()  # what is loaded stays in memory that all commands share
    while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
        connection, _ = listener.accept()
        with connection:
            FORK.Process(target=_attend, args=(connection,)).start()
    os._exit(0)


def _attend(connection: socket.socket) -> None:
    """Runs a command, and tells its exit code."""
    _, streams, _, _ = socket.recv_fds(connection, 1, 3)
    request = json.loads(b"".join(iter(lambda: connection.recv(65536), b"")))
    command = FORK.Process(target=_run, args=(streams, *request))
    command.start()
    command.join()
    connection.sendall(str(command.exitcode).encode())


def _run(streams: list[int], arguments: list[str], folder: str, environment: dict[str, str]) -> None:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    gc.enable()
    sys.argv = ["orders", *arguments]
    # It notes the time at which a command starts.
    from cli.main import app

    app()


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
