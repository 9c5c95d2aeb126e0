"""Programs that start at once, forked from a process that has loaded what they need.

Loading takes a process one to four seconds of processor time, and taking everything apart at the end takes
one. A forked process has the arguments, the environment, the folder and the standard streams of the program.
`supervisord` forks its programs, too (`tests.warm_programs`).
"""

from __future__ import annotations

import atexit
import gc
import marshal
import os
import pkgutil
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module
from importlib.metadata import entry_points
from multiprocessing import get_context
from multiprocessing.context import ForkProcess
from pathlib import Path

from cli.stack.supervision import supervisor
from orders_pipeline.base.settings import PROJECT_ROOT

FORK = get_context("fork")
PACKAGES = ("cli", "assets", "resources", "jobs")
# These have side effects when imported, or belong to the process from which runs are forked.
NOT_LOADED = {"jobs.run_template", "jobs.warm_template"}
# Modules that background programs load when they start.
SERVERS = (
    "celery.apps.worker",
    "celery.bin.celery",
    "celery.concurrency.prefork",
    "supervisor.supervisord",
    "uvicorn.main",
)
# Imports little, because that is most of what it takes.
PROGRAM = """#!{python} -ISE
import marshal, posix, sys
from _signal import SIG_DFL, SIGINT, SIGTERM, signal
from _socket import AF_UNIX, SCM_RIGHTS, SOL_SOCKET, socket
server = socket(AF_UNIX)
server.connect({address!r})
asked = marshal.dumps(({name!r}, sys.argv[1:], posix.getcwd(), posix.environ))
streams = b"".join(number.to_bytes(4, sys.byteorder) for number in (0, 1, 2))
server.sendmsg([len(asked).to_bytes(4, "big")], [(SOL_SOCKET, SCM_RIGHTS, streams)])
server.sendall(asked)
for number in (SIGINT, SIGTERM):
    signal(number, lambda number, _: server.send(bytes([number])))
try:
    code = server.recv(16)
except ConnectionResetError:
    code = b""
if code.startswith(b"-"):
    signal(-int(code), SIG_DFL) if code != b"-9" else None
    posix.kill(posix.getpid(), -int(code))
sys.exit(int(code) if code else "the command did not end")
"""
NAMES = ("orders", "python", "supervisord")
SOCKET = "socket"
# The environment variable with the folder of programs that another process has started.
SHARED = "WARM_PROGRAMS"
# Room for the command and environment that the forked process shows in /proc.
ROOM = "-" * 60_000
# The program as it is outside the tests.
cold_supervisord = supervisor.supervisord_command


def warm_orders() -> Path:
    """The program `orders`."""
    return _programs() / "orders"


def warm_python() -> Path:
    """The program `python`, for `-c CODE ARGUMENT...` and `-m MODULE ARGUMENT...`."""
    return _programs() / "python"


def warm_supervisord() -> list[str]:
    """The command that starts `supervisord`."""
    return [str(_programs() / "supervisord")]


def share_programs() -> None:
    """Lets the test processes that this one starts use the same programs."""
    os.environ[SHARED] = str(_programs())


@cache
def _programs() -> Path:
    """The programs' folder. The process behind them starts with the first call and ends with this process."""
    return Path(os.environ[SHARED]) if SHARED in os.environ else start_programs(NAMES, __name__)


def start_programs(names: Sequence[str], module: str, *arguments: str) -> Path:
    """A folder of programs, which a new process forks from itself.

    Args:
        names: of the programs; see `_run`.
        module: what the process runs. Its arguments: the number of a listening socket, the folder, and these.
    """
    folder = Path(tempfile.mkdtemp(prefix="orders-warm-"))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / SOCKET))
        listener.listen()
        server = subprocess.Popen(
            [sys.executable, "-m", module, str(listener.fileno()), folder, *arguments, ROOM],
            cwd=PROJECT_ROOT,
            env=os.environ | {"ROOM": ROOM},
            stdin=subprocess.PIPE,
            pass_fds=[listener.fileno()],
        )
    atexit.register(shutil.rmtree, folder)
    atexit.register(server.communicate)
    for name in names:
        program = folder / name
        program.write_text(PROGRAM.format(python=sys.executable, address=str(folder / SOCKET), name=name))
        program.chmod(0o755)
    return folder


def main(listener: socket.socket, load: Callable[[], None]) -> None:
    """Runs commands, several at a time, until the standard input ends.

    Args:
        load: loads what they need. Called for the first one.
    """
    gc.disable()
    loaded = False
    waiting: dict[int | socket.socket, Command] = {}
    while sys.stdin not in (ready := select.select([listener, sys.stdin, *waiting], [], [])[0]):
        if not loaded:
            load()
            gc.freeze()  # what is loaded stays in memory that all commands share
        loaded = True
        for command in {waiting[one] for one in ready if one in waiting}:
            if command.goes_on():
                continue
            del waiting[command.ended], waiting[command.program]
            command.close()
        if listener in ready and (started := _start(listener.accept()[0])):
            waiting |= {started.ended: started, started.program: started}
    os._exit(0)


@dataclass(frozen=True, slots=True, eq=False)
class Command:
    """A forked process that runs a command.

    Attributes:
        program: the connection with the program whose command this is.
        ended: can be read as soon as the process has ended.
    """

    process: ForkProcess
    program: socket.socket
    ended: int

    def goes_on(self) -> bool:
        """Passes on the signals of the program, with which it ends; or tells its exit code."""
        if not select.select([self.ended], [], [], 0)[0]:
            received = self.program.recv(1)
            signal.pidfd_send_signal(self.ended, received[0] if received else signal.SIGKILL)
            if received:
                return True
        self.process.join()
        with suppress(OSError):
            self.program.sendall(str(self.process.exitcode).encode())
        return False

    def close(self) -> None:
        self.program.close()
        os.close(self.ended)


def _start(program: socket.socket) -> Command | None:
    """Starts the command that a program asks for, unless it was killed before."""
    size, streams, _, _ = socket.recv_fds(program, 4, 3)
    if not size:
        return None
    asked = marshal.loads(program.recv(int.from_bytes(size, "big"), socket.MSG_WAITALL))  # noqa: S302 our own
    process = FORK.Process(target=_run, args=(streams, *asked))
    process.start()
    for stream in streams:
        os.close(stream)
    return Command(process, program, os.pidfd_open(process.pid or 0))


def _load(folder: Path) -> None:
    from jobs.dagster_seams.warm_runs import PRELOADED
    from tests.new_stores import create_at_once, learn

    for name in PACKAGES:
        for found in pkgutil.walk_packages(import_module(name).__path__, f"{name}."):
            if found.name not in NOT_LOADED:
                import_module(found.name)
    for name in {*SERVERS, *PRELOADED} - NOT_LOADED:
        import_module(name)
    for name in ("dagster", "dagster-daemon", "dagster-webserver"):
        next(iter(entry_points(group="console_scripts", name=name))).load()
    supervisor.supervisord_command = lambda: [str(folder / "supervisord")]
    create_at_once()
    learn()


def _run(
    streams: list[int], name: str, arguments: list[str], folder: str, environment: dict[bytes, bytes]
) -> None:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.closerange(3, 256)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 it lasts as long as the process
    os.chdir(folder)
    os.environb.clear()
    os.environb.update(environment)
    gc.enable()
    gc.set_threshold(100_000)  # as in the tests
    sys.argv = [name, *arguments]
    # These modules record when a command starts, or fork programs.
    from cli.main import app
    from tests import warm_programs

    warm_programs.show(sys.argv, os.environ)
    {"orders": app, "python": warm_programs.run_python, "supervisord": warm_programs.supervise}[name]()


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])), partial(_load, Path(sys.argv[2])))
