"""`orders up --foreground`: runs the processes of a home until this process ends.

For systemd and containers.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from cli.stack.errors import StackError
from cli.stack.layout import Layout
from cli.stack.lifecycle import Say
from cli.stack.stack import start_all, stop_all
from cli.stack.supervision.supervisor import Condition, Supervisor
from orders_pipeline.base.settings import Settings

LOOK_SECONDS = 0.5
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StopRequested(BaseException):
    """The process received SIGTERM or SIGINT. A BaseException, so that no error handler catches it."""


def run_in_foreground(settings: Settings, only: Sequence[str], guarded: bool | None, say: Say) -> None:
    """Runs the stack until SIGTERM, SIGINT or `orders down`.

    Raises:
        StackError: the stack does not start, or its supervisor was killed.
    """
    supervisor = Supervisor(Layout(settings.home))
    with _stopping_at_signals():
        try:
            start_all(settings, only, guarded=guarded, say=say)
            say("Running until SIGTERM")
            while supervisor.condition() is not Condition.GONE:
                time.sleep(LOOK_SECONDS)
        except StopRequested:
            stop_all(settings, say=say)
            return
    if supervisor.was_killed():
        raise StackError("supervisor_killed", "The supervisor and its programs were killed")


@contextmanager
def _stopping_at_signals() -> Iterator[None]:
    """Raises `StopRequested` at the first signal and ignores later ones."""

    def tell(_number: int, _frame: FrameType | None) -> None:
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        raise StopRequested

    before = {number: signal.signal(number, tell) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
