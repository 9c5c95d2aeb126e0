"""When a request is sent again that failed, and when an endpoint that fails is left alone for a while."""

from __future__ import annotations

SECOND_US = 1_000_000
HOUR = 3_600
# Seconds before each further try, as Standard Webhooks recommends: three days in all.
WAITS = (5, 300, 1_800, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR)
GIVEN_UP_AFTER_US = sum(WAITS) * SECOND_US
# So many failures in a row are the endpoint's, not a single event's.
FAILURES_OF_ENDPOINT = 10
LONGEST_PAUSE_SECONDS = 300


def next_try_at(tries: int, now: int) -> int | None:
    """When to try again after so many tries that failed; None: never."""
    return now + WAITS[tries - 1] * SECOND_US if tries <= len(WAITS) else None


def paused_until(failures: int, now: int) -> int | None:
    """Until when an endpoint is left alone after so many failures in a row; None: not at all."""
    if failures < FAILURES_OF_ENDPOINT:
        return None
    doubled = 1 << min(failures - FAILURES_OF_ENDPOINT, 20)
    return now + min(doubled, LONGEST_PAUSE_SECONDS) * SECOND_US
