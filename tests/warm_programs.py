"""A supervisor whose programs are forked from a process that has loaded their code (`tests.warm_processes`).

Where the real one executes Python once more, a program begins in the forked process, with its own arguments,
environment, signals and exit handlers; /proc shows its command and environment. Other programs are executed.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import logging
import os
import runpy
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from multiprocessing import util
from pathlib import Path
from typing import Any, NoReturn

from supervisor import supervisord
from supervisor.options import ServerOptions

from cli.stack import tether
from cli.stack.programs.program import RUN_MODULE

# Fields of /proc/PID/stat, counted after the program's name: start and end of arguments and environment.
ARGUMENTS, ENVIRONMENT = slice(45, 47), slice(47, 49)
FORKSERVER = "from multiprocessing.forkserver import main"
UNBUFFERED = "-u"  # for pytest-xdist; writes nothing that waits in a buffer
execute, execute_python = os.execvpe, util.spawnv_passfds


def supervise() -> None:
    """Runs `supervisord` in this process."""
    ServerOptions.execve = _begin
    supervisord.main()


def run_python() -> NoReturn:
    """Runs code or a module as `python` does."""
    _, option, what, *sys.argv[1:] = (word for word in sys.argv if word != UNBUFFERED)
    sys.argv[0] = option
    sys.path[0] = str(Path.cwd())
    if option == "-m":
        to_the_end(lambda: runpy.run_module(what, run_name="__main__", alter_sys=True))
    to_the_end(lambda: exec(what, {"__name__": "__main__"}))  # noqa: S102 as `python -c` does


def show(command: Iterable[str], environment: Mapping[str, str]) -> None:
    """Makes /proc show this command and environment for this process."""
    _overwrite(ARGUMENTS, command)
    _overwrite(ENVIRONMENT, (f"{name}={value}" for name, value in environment.items()))


def _overwrite(place: slice, strings: Iterable[str]) -> None:
    start, end = map(int, Path("/proc/self/stat").read_text().rpartition(")")[2].split()[place])
    shown = b"".join(os.fsencode(string) + b"\0" for string in strings)[: end - start]
    ctypes.memmove(start, shown.ljust(end - start, b"\0"), end - start)


def _begin(_: ServerOptions, file: str, arguments: list[str], environment: dict[str, str]) -> None:
    """Replaces `execve` in a process that the supervisor has forked."""
    if str(tether.__file__) not in arguments:
        os.execve(file, arguments, environment)  # noqa: S606 as the supervisor does
    _take(environment)
    os.execvpe = _begin_module
    to_the_end(lambda: tether.main(arguments[-1]))


def _begin_module(file: str, command: list[str], environment: dict[str, str]) -> None:
    """Replaces `execvpe` in the tether."""
    os.execvpe = execute
    if tuple(command[: len(RUN_MODULE)]) != RUN_MODULE:
        execute(file, command, environment)
    _take(environment)
    show(command, environment)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    signal.signal(signal.SIGUSR2, signal.SIG_DFL)
    gc.enable()
    util.spawnv_passfds = _fork_template
    *_, runner = RUN_MODULE
    sys.argv = [str(import_module(runner).__file__), *command[len(RUN_MODULE) :]]
    for name in (runner, sys.argv[1]):
        if not hasattr(sys.modules.get(name), "__path__"):
            sys.modules.pop(name, None)  # it runs as `__main__`
    runpy.run_module(runner, run_name="__main__", alter_sys=True)


def _take(environment: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)


def _fork_template(path: bytes, arguments: list[Any], descriptors: Iterable[int]) -> int:
    """Forks the process from which runs are forked, which otherwise loads the definitions when it starts."""
    code = str(arguments[-1])
    if not code.startswith(FORKSERVER) or threading.active_count() > 1:
        return execute_python(path, arguments, descriptors)
    if pid := os.fork():
        return pid
    logging.root.handlers.clear()
    show(map(os.fsdecode, arguments), os.environ)
    _close_all_but(descriptors)
    to_the_end(lambda: exec(code, {}))  # noqa: S102 as `python -c` does


def _close_all_but(descriptors: Iterable[int]) -> None:
    kept = sorted({0, 1, 2, *descriptors})
    for low, high in zip(kept, [*kept[1:], os.sysconf("SC_OPEN_MAX")], strict=True):
        os.closerange(low + 1, high)


def to_the_end(run: Callable[[], object]) -> NoReturn:
    """Runs a process's work, and ends it as Python would."""
    code = 1
    try:
        run()
        code = 0
    except SystemExit as ended:
        code = _exit_code(ended.code)
    except BaseException as error:  # noqa: BLE001 as Python does at its end
        sys.excepthook(type(error), error, error.__traceback__)
    threading._shutdown()
    atexit._run_exitfuncs()
    os._exit(code)


def _exit_code(given: Any) -> int:
    if given is None or isinstance(given, int):
        return given or 0
    sys.stderr.write(f"{given}\n")
    return 1
