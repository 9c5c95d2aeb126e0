"""Runs the work of sensors in a separate thread, because Dagster aborts a tick after a minute."""

from collections.abc import Callable
from concurrent.futures import Future, wait
from threading import Thread


class Background:
    """Runs one piece of work at a time."""

    def __init__(self) -> None:
        self._running: Future[None] | None = None

    def attend(self, work: Callable[[], None], seconds: float) -> bool:
        """Starts the work, unless it is already running, and waits for it; returns whether it is done.

        Args:
            seconds: how long to wait. The work continues after that.

        Raises:
            Exception: the exception that the work raised, now or since the last call.
        """
        if self._running is None:
            self._running = _started(work)
        if not wait([self._running], seconds).done:
            return False
        ended, self._running = self._running, None
        ended.result()
        return True


def _started(work: Callable[[], None]) -> Future[None]:
    future: Future[None] = Future()
    # A daemon thread ends with its process, even if its work is not done.
    Thread(target=_run, args=(work, future), name="inbox", daemon=True).start()
    return future


def _run(work: Callable[[], None], future: Future[None]) -> None:
    try:
        work()
    except BaseException as error:  # noqa: BLE001 handed to the caller
        future.set_exception(error)
    else:
        future.set_result(None)
