"""Offsets from UTC as files write them: numbers, and abbreviations such as PDT and CEST."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_tz
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

_NUMBER = re.compile(r"(?:UTC|GMT)?([+-])([0-9]{2}):?([0-9]{2})?")
_ZERO = {"Z", "UTC", "UT", "GMT"}
_YEARS = range(1990, 2038)


@cache
def offset_seconds(text: str, zone: str) -> int | None:
    """Returns the seconds east of UTC that an offset or an abbreviation stands for; None if unknown.

    An abbreviation is looked up in this order: in `zone`, in RFC 5322 (such as `PDT`), and in all time zones
    that use it. If these time zones disagree, as for `IST`, it is unknown.
    """
    if number := _NUMBER.fullmatch(text):
        sign, hours, minutes = number.groups()
        return (int(hours) * 60 + int(minutes or 0)) * (-60 if sign == "-" else 60)
    if text.upper() in _ZERO:
        return 0
    for known in (_abbreviations(zone), _mail_abbreviations(text), _all_abbreviations()):
        if text in known:
            [offset, *others] = known[text]
            return None if others else offset
    return None


def _mail_abbreviations(text: str) -> dict[str, set[int]]:
    parsed = parsedate_tz(f"1 Jan 2001 00:00:00 {text}") if text.isalpha() else None
    # An unknown name has the offset 0.
    return {text: {parsed[9]}} if parsed and parsed[9] else {}


@cache
def _abbreviations(zone: str) -> dict[str, set[int]]:
    """Returns the offsets that each abbreviation has had in any time zone since 1990."""
    found: dict[str, set[int]] = {}
    for year in _YEARS:
        for month in (1, 4, 7, 10):
            moment = datetime(year, month, 1, tzinfo=UTC).astimezone(ZoneInfo(zone))
            name, offset = moment.tzname(), moment.utcoffset()
            if name and offset is not None and name.isalpha():
                found.setdefault(name, set()).add(int(offset.total_seconds()))
    return found


@cache
def _all_abbreviations() -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for zone in sorted(available_timezones()):
        for name, offsets in _abbreviations(zone).items():
            found.setdefault(name, set()).update(offsets)
    return found


@cache
def is_zone(name: str) -> bool:
    """Whether a text is the IANA name of a time zone, such as `America/Los_Angeles`."""
    return "/" in name and name in available_timezones()
