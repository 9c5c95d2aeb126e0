"""A cache of values that all pages and streams of this process share."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar, cast

LOOK_SECONDS = 1.0
# The largest number of values in the cache. Hardly more distinct periods and currencies are shown within
# seconds.
MOST = 300
Value = TypeVar("Value")


class SharedState:
    """Cached values by name.

    The first request that finds a value too old reads it again; others wait for it.
    """

    def __init__(self) -> None:
        self._kept: dict[str, tuple[float, Any]] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def kept(self, name: str, seconds: float = LOOK_SECONDS) -> Any:
        """Returns a cached value that is not older than `seconds`; None if there is none."""
        read_at, value = self._kept.get(name, (0.0, None))
        return value if read_at and time.monotonic() - read_at < seconds else None

    def newest(self, name: str, read: Callable[[], Value], seconds: float = LOOK_SECONDS) -> Value:
        """Returns a value that is not older than `seconds`, reading it if needed.

        The value must not be None.
        """
        with self._lock_of(name):
            value = self.kept(name, seconds)
            if value is None:
                value = read()
                self._kept[name] = time.monotonic(), value
            return cast(Value, value)

    def _lock_of(self, name: str) -> threading.Lock:
        with self._lock:
            if len(self._locks) > MOST:
                self._kept.clear()
                self._locks.clear()
            return self._locks.setdefault(name, threading.Lock())
