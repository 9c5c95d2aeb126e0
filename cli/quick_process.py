"""Makes a process start and end faster, as in `python -m cli.quick_process MODULE ARGUMENT...`.

Loading Dagster and Celery creates half a million objects that exist until the process ends. By default,
Python searches them for garbage repeatedly while they are loaded, and frees each of them at the end. Together
this takes nearly as much processor time as the loading itself.
"""

from __future__ import annotations

import atexit
import gc
import os
import runpy
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

# Number of new objects after which Python runs the garbage collector; the default is 700.
GARBAGE_AFTER = 100_000


@contextmanager
def quick_process() -> Iterator[None]:
    """Runs the whole work of a process.

    The process then ends without freeing its objects. Threads and exit handlers end as usual.
    """
    gc.set_threshold(GARBAGE_AFTER)
    code = 1  # of an exception that nobody handles

    def end() -> None:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):  # nobody reads it, or it is closed
                stream.flush()
        os._exit(code)

    # Exit handlers run in reverse order, so it is the last one.
    atexit.register(end)
    try:
        yield
        code = 0
    except SystemExit as ended:
        code = _exit_code(ended.code)
        raise


def orders() -> None:
    """The command `orders`."""
    with quick_process():
        from cli.main import app  # noqa: PLC0415 it loads as part of the quick process

        app()


def _exit_code(given: Any) -> int:
    """Returns the exit code that Python makes of the argument of `sys.exit`."""
    if given is None:
        return 0
    return given & 0xFF if isinstance(given, int) else 1


if __name__ == "__main__":
    del sys.argv[0]
    with quick_process():
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
