"""Whether a service answers: while it does not, callers fail at once, and one thread asks it again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from orders_pipeline.base.clock import now_us

ASK_AGAIN_SECONDS = 1.0
Answer = TypeVar("Answer")


class Outage:
    """An outage of a service, if there is one.

    It begins with the first call that gets no answer. Until the service answers again, callers do not wait.

    Args:
        ask: asks the service. It raises an exception while there is no answer.
        error: what callers get during the outage.
        errors: the exceptions that mean that there is no answer.
    """

    def __init__(self, ask: Callable[[], object], error: type[Exception], *errors: type[Exception]) -> None:
        self._ask, self._error, self._errors = ask, error, (error, *errors)
        self._since: int | None = None
        self._lock = threading.Lock()
        self._closed = threading.Event()

    @property
    def since(self) -> int | None:
        """Time of the first call without an answer, in microseconds since 1970; None without an outage."""
        return self._since

    def guard(self, call: Callable[[], Answer]) -> Answer:
        """Calls the service, unless it is known to be down.

        Raises:
            Exception: `error` or one of `errors`: there is no answer.
        """
        if self._since is not None:
            raise self._error("it has not answered, and is asked again in the background")
        try:
            return call()
        except self._errors:
            self._begin()
            raise

    def close(self) -> None:
        """Stops asking."""
        self._closed.set()

    def _begin(self) -> None:
        with self._lock:
            if self._since is None:
                self._since = now_us()
                threading.Thread(target=self._ask_until_it_answers, daemon=True, name="outage").start()

    def _ask_until_it_answers(self) -> None:
        while not self._answers():
            if self._closed.wait(ASK_AGAIN_SECONDS):
                return
        self._since = None

    def _answers(self) -> bool:
        try:
            self._ask()
        except Exception:  # noqa: BLE001 whatever it is, nobody else would ask again
            return False
        return True
