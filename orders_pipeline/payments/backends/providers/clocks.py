"""How far back a provider's list is read, although its clock and the one of this machine may differ."""

from __future__ import annotations

import time

CLOCKS_DIFFER_SECONDS = 3_600


def read_back_to(since: float, newest: float) -> float:
    """Returns the time, by the provider's clock, down to which its list has to be read.

    A clock of this machine that is a day ahead would else end the reading before the payments that are looked
    for, which would then be made again. So the time that has passed since is reckoned from the newest entry.

    Args:
        since: seconds since 1970, by the clock of this machine.
        newest: when the newest entry was made, by the provider's clock.
    """
    passed = time.time() - since
    if passed < 0:
        return 0.0
    return min(since, newest - passed) - CLOCKS_DIFFER_SECONDS
