"""Waits for what other processes and threads do."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

LOOK_SECONDS = 0.05


def eventually(found: Callable[[], Any], patience_seconds: float = math.inf) -> Any:
    """Waits until a call returns something true, and returns that.

    By default, only the time limit of the test ends an endless wait.
    """
    deadline = time.monotonic() + patience_seconds
    while not (result := found()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(LOOK_SECONDS)
    return result
