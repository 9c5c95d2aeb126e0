"""Forks runs from a process in which the definitions are already loaded.

For: speed. Dagster's code server starts each run in a new Python process, which first loads modules for
seconds.
Without it: everything works, but each run starts seconds later.
Instead: an option of `dagster api grpc` that chooses the start method of `multiprocessing`.
"""

from __future__ import annotations

import ctypes
import gc
import logging
import multiprocessing
import os
import signal
import sys
from multiprocessing import forkserver
from multiprocessing.context import ForkServerProcess, SpawnProcess
from types import SimpleNamespace
from typing import Any

from dagster._grpc import server

# The first module prepares the process from which runs are forked; the others are those that a run loads.
PRELOADED = ("jobs.run_template", "dagster._grpc.impl")
# This module must be loaded after the definitions.
WARMED = ("jobs.warm_template",)
# From <sys/prctl.h>: sets the signal that a process gets when its parent ends.
PR_SET_PDEATHSIG = 1

logger = logging.getLogger(__name__)


def fork_runs(definitions: str) -> None:
    """Makes the code server in this process fork its runs from a process that has loaded this module.

    That process is started now and loads modules while the code server does the same. If it ends, the next
    run starts another one. If that fails, the run is started in Dagster's own way.
    """
    forkserver.set_forkserver_preload([*PRELOADED, definitions, *WARMED])
    forkserver.ensure_running()
    vars(server)["multiprocessing"] = SimpleNamespace(get_context=lambda _: RunContext(definitions))


class RunContext:
    """The part of a `multiprocessing` context that the code server uses.

    Runs expect this module to be loaded.
    """

    def __init__(self, definitions: str) -> None:
        context = multiprocessing.get_context("forkserver")
        self.Queue, self.Event = context.Queue, context.Event
        self._definitions = definitions

    def Process(self, target: Any, args: Any) -> RunProcess:
        """Returns a process that is not started yet."""
        process = RunProcess(target=target, args=args)
        process.definitions = self._definitions
        return process


class RunProcess(ForkServerProcess):
    """The process of a run: forked if possible, otherwise started in Dagster's own way.

    It ends together with the process from which it was forked. Only that process knows when a run ends, so
    without it, Dagster would report the run as failed while it continues.
    """

    definitions: str

    @staticmethod
    def _Popen(process: Any) -> Any:
        try:
            return ForkServerProcess._Popen(process)
        except (OSError, EOFError) as error:
            logger.warning("a run starts without a fork: %s", error or type(error).__name__)
            return SpawnProcess._Popen(process)

    def run(self) -> None:
        """The code that the new process executes."""
        if forkserver.get_inherited_fds() is not None:
            # Objects that are frozen before the fork stay in memory that all runs share.
            gc.freeze()
            gc.enable()
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            _end_with_parent()
            if self.definitions not in sys.modules:
                logger.warning("%s was not loaded before the fork, so runs begin late", self.definitions)
        super().run()


def _end_with_parent() -> None:
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)
