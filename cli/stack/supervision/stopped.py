"""Interrupts a command when another one, such as `orders down`, stops its workers."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from cli.stack.errors import StackError
from cli.stack.layout import Layout
from cli.stack.supervision.supervisor import Condition, Supervisor
from orders_pipeline.base.meanwhile import meanwhile

LOOK_SECONDS = 1.0


@contextmanager
def ended_with_the_stack(layout: Layout) -> Iterator[None]:
    """Interrupts the work within the context when the processes of the home are stopped.

    Raises:
        StackError: the processes were stopped.
    """
    supervisor = Supervisor(layout)
    if supervisor.condition() is not Condition.RUNNING:
        yield
        return
    stopped = threading.Event()

    def watch(finished: threading.Event) -> None:
        while not finished.wait(LOOK_SECONDS):
            if supervisor.condition() is not Condition.RUNNING:
                stopped.set()
                os.kill(os.getpid(), signal.SIGINT)
                return

    # A command that a shell starts in the background ignores SIGINT by default.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with meanwhile(watch):
            yield
    except BaseException:
        if stopped.is_set():
            raise workers_stopped() from None
        raise
    finally:
        signal.signal(signal.SIGINT, before)


def workers_stopped() -> StackError:
    """Returns the error of a command whose workers were stopped."""
    return StackError(
        "workers_stopped",
        "The workers were stopped during the import. Finished work is kept",
        "To continue the import, run `orders up` or import the file again.",
    )
