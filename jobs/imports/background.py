"""Runs work in a thread of its own, for sensors: Dagster gives up a tick after a minute."""

from collections.abc import Callable
from concurrent.futures import Future, wait
from threading import Thread


class Background:
    """Runs one piece of work at a time."""

    def __init__(self) -> None:
        self._running: Future[None] | None = None

    def attend(self, work: Callable[[], None], seconds: float) -> bool:
        """Starts the work, unless it runs already, and waits for it; returns whether it is done.

        Args:
            seconds: how long to wait. The work goes on after that.

        Raises:
            Exception: what the work raised, now or since the last call.
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
    # A daemon thread ends with its process, however much is left to do.
    Thread(target=_run, args=(work, future), name="inbox", daemon=True).start()
    return future


def _run(work: Callable[[], None], future: Future[None]) -> None:
    try:
        work()
    except BaseException as error:  # noqa: BLE001 handed to the caller
        future.set_exception(error)
    else:
        future.set_result(None)
