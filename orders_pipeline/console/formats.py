"""Formats values for pages: money, numbers, times, changes. All functions return plain text."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

from orders_pipeline.base.amounts.currency import MINOR_DIGITS
from orders_pipeline.base.clock import to_datetime
from orders_pipeline.base.text.numbers import Number, number

Moment = str | datetime | int
Day = str | date
NOTHING = TO = "\N{EN DASH}"
MINUTE, HOUR, DAY = 60, 3600, 86_400


def digits(currency: str) -> int:
    """Returns the number of decimals of a currency."""
    return MINOR_DIGITS.get(currency, 2)


def money(amount: Number | str, currency: str) -> str:
    """Formats an amount with the decimals of its currency, without its code: `1,234.50`."""
    shown = f"{Decimal(str(amount)):,.{digits(currency)}f}"
    return shown if shown.strip("-0.,") else shown.removeprefix("-")


def short(value: Number) -> str:
    """Formats a large number in few characters: `1.2M`."""
    size = Decimal(str(value))
    for limit, sign in ((1_000_000_000, "B"), (1_000_000, "M"), (10_000, "k")):
        if abs(size) >= limit:
            return f"{size / (1000 if sign == 'k' else limit):.1f}".removesuffix(".0") + sign
    return number(size.quantize(Decimal("0.01"), ROUND_HALF_UP)) if size % 1 else number(size)


def percent(share: Number | None) -> str:
    """Formats a share (0 to 1) as a percentage: `4.5 %`."""
    return NOTHING if share is None else f"{Decimal(str(share)) * 100:.1f}".removesuffix(".0") + " %"


def signed_percent(share: Number) -> str:
    """Formats a change as a percentage with its sign: `+12.5 %`."""
    percent = Decimal(str(share)) * 100
    return f"{percent:+,.1f} %" if abs(percent) < 1000 else f"{percent:+,.0f} %"


def words(code: str) -> str:
    """Converts a code such as `out_of_stock` to words."""
    return code.replace("_", " ")


def sentence(code: str) -> str:
    """Converts a code such as `out_of_stock` to words that start a sentence."""
    return code.replace("_", " ").capitalize()


def readable(value: object) -> str:
    """Formats a value of a JSON document: lists and tables without brackets and quotes."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {readable(one)}" for name, one in value.items())
    return ", ".join(map(readable, value)) if isinstance(value, list) else str(value)


def coded(text: str) -> Markup:
    """Marks the parts of a text between backticks as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 escaped


def day(value: Day) -> str:
    """Formats a day: `30 Nov 2026`."""
    found = date.fromisoformat(value) if isinstance(value, str) else value
    return f"{found.day} {found:%b %Y}"


def month(value: date) -> str:
    """Formats the month of a day: `Nov 2026`."""
    return f"{value:%b %Y}"


def days(first: date, last: date) -> str:
    """Formats a range of days as short as possible: `1-30 Nov 2026`."""
    if first == last:
        return day(first)
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}{TO}{day(last)}"
    if first.year == last.year:
        return f"{first.day} {first:%b} {TO} {day(last)}"
    return f"{day(first)} {TO} {day(last)}"


def moment(value: Moment) -> datetime:
    """Converts a time in a document (ISO 8601) or in the store (microseconds since 1970) to UTC."""
    if isinstance(value, int):
        return to_datetime(value)
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    return found.astimezone(UTC)


def local_time(value: Moment, zone: ZoneInfo) -> str:
    """Formats a time in the shop's time zone, to the minute: `30 Nov 2026, 14:05`."""
    found = moment(value).astimezone(zone)
    return f"{found.day} {found:%b %Y, %H:%M}"


def exact_time(value: Moment, zone: ZoneInfo) -> str:
    """Formats a time to the millisecond, in the shop's time zone and in UTC."""
    found = moment(value)
    local = found.astimezone(zone)
    shown = f"{local:%Y-%m-%d %H:%M:%S}.{local.microsecond // 1000:03} {local:%Z}"
    return shown if local.utcoffset() == found.utcoffset() else f"{shown} ({found:%Y-%m-%d %H:%M:%S} UTC)"


def duration(seconds: Number) -> str:
    """Formats a length of time with its two largest units: `2 h 5 min`."""
    left = int(seconds)
    if left < MINUTE:
        return f"{left} s"
    if left < HOUR:
        return f"{left // MINUTE} min {left % MINUTE} s"
    if left < DAY:
        return f"{left // HOUR} h {left % HOUR // MINUTE} min"
    return f"{left // DAY} d {left % DAY // HOUR} h"
