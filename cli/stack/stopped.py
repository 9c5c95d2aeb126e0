"""What happens to a command whose workers are stopped by another command, such as `orders down`."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from cli.stack.errors import StackError
from cli.stack.layout import Layout
from cli.stack.supervisor import Condition, Supervisor

LOOK_SECONDS = 1.0


@contextmanager
def ended_with_the_stack(layout: Layout) -> Iterator[None]:
    """Interrupts the work of this process when the processes of its home are stopped meanwhile.

    Raises:
        StackError: that happened.
    """
    supervisor = Supervisor(layout)
    if supervisor.condition() is not Condition.RUNNING:
        yield
        return
    finished, stopped = threading.Event(), threading.Event()

    def watch() -> None:
        while not finished.wait(LOOK_SECONDS):
            if supervisor.condition() is not Condition.RUNNING:
                stopped.set()
                os.kill(os.getpid(), signal.SIGINT)
                return

    watcher = threading.Thread(target=watch, daemon=True)
    # A shell that starts a command in the background lets it ignore the signal.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    watcher.start()
    try:
        yield
    except BaseException:
        if stopped.is_set():
            raise workers_stopped() from None
        raise
    finally:
        finished.set()
        watcher.join()
        signal.signal(signal.SIGINT, before)


def workers_stopped() -> StackError:
    """What a command tells whose workers were stopped."""
    return StackError(
        "workers_stopped",
        "The workers were stopped meanwhile; what was done is kept",
        "`orders up` goes on with the import by itself, and so does importing the file again.",
    )
