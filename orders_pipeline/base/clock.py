"""Time as the stores keep it: microseconds since 1970 in UTC."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta, tzinfo
from datetime import time as time_of_day
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def now_us() -> int:
    """The present, in microseconds."""
    return time.time_ns() // 1000


def to_datetime(microseconds: int) -> datetime:
    """An aware time in UTC."""
    return EPOCH + timedelta(microseconds=microseconds)


def shown_time(microseconds: int | None) -> str | None:
    """A time as ISO 8601 in UTC, with milliseconds; None if there is none."""
    return None if microseconds is None else to_datetime(microseconds).isoformat(timespec="milliseconds")


def to_microseconds(time: datetime) -> int:
    """An aware time, in microseconds."""
    return duration_us(time - EPOCH)


def duration_us(period: timedelta) -> int:
    """A length of time, in microseconds."""
    return period // timedelta(microseconds=1)


def start_of_day(day: date, zone: tzinfo) -> int:
    """Midnight of a calendar day in a time zone, in microseconds since 1970. Days can have 23 or 25 hours."""
    return to_microseconds(datetime.combine(day, time_of_day.min, zone))


def end_of_day(day: date, zone: tzinfo) -> int:
    """The last microsecond of a calendar day in a time zone, since 1970."""
    return to_microseconds(datetime.combine(day, time_of_day.max, zone))


def today(zone: ZoneInfo) -> date:
    """The calendar day in a time zone."""
    return datetime.now(zone).date()
