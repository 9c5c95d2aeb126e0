"""The times at which failed requests are sent again, and for how long failing endpoints are paused."""

from __future__ import annotations

SECOND_US = 1_000_000
HOUR = 3_600
# Seconds before each further try, as Standard Webhooks recommends: three days in total.
WAITS = (5, 300, 1_800, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR)
GIVEN_UP_AFTER_US = sum(WAITS) * SECOND_US
# With this many failures in a row, the endpoint is at fault and not a single event.
FAILURES_OF_ENDPOINT = 10
LONGEST_PAUSE_SECONDS = 300


def next_try_at(tries: int, now: int) -> int | None:
    """Returns the time of the next try after this number of failed tries; None if there is none."""
    return now + WAITS[tries - 1] * SECOND_US if tries <= len(WAITS) else None


def paused_until(failures: int, now: int) -> int | None:
    """Returns until when an endpoint is paused after this number of failures in a row; None: it is not."""
    if failures < FAILURES_OF_ENDPOINT:
        return None
    doubled = 1 << min(failures - FAILURES_OF_ENDPOINT, 20)
    return now + min(doubled, LONGEST_PAUSE_SECONDS) * SECOND_US
