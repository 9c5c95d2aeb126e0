"""Computes how far back a provider's list must be read if its clock differs from this machine's clock."""

from __future__ import annotations

import time

CLOCKS_DIFFER_SECONDS = 3_600


def read_back_to(since: float, newest: float) -> float:
    """Returns the time, by the provider's clock, back to which its list must be read.

    If this machine's clock were a day ahead, reading back to `since` would end before the payments that are
    searched, and they would be made again. So the elapsed time is subtracted from the newest entry's time.

    Args:
        since: seconds since 1970, by this machine's clock.
        newest: time of the newest entry, by the provider's clock.
    """
    passed = time.time() - since
    if passed < 0:
        return 0.0
    return min(since, newest - passed) - CLOCKS_DIFFER_SECONDS
