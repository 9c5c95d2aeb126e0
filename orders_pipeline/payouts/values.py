"""Reads amounts, currencies and times in files about payouts, exactly."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal, InvalidOperation, Overflow

from orders_pipeline.base.amounts.currency import UnknownCurrencyError, currency_code, minor_digits
from orders_pipeline.base.clock import to_microseconds
from orders_pipeline.payouts.lines import LineRejected

MOST_MINOR_UNITS = 10**15
LONGEST_ID = 255
YEARS = range(1990, 2100)


def read_currency(text: str) -> str:
    """Reads an ISO 4217 code.

    Raises:
        LineRejected: there is no such currency.
    """
    try:
        return currency_code(text)
    except UnknownCurrencyError as error:
        raise LineRejected("currency_unknown", f"{error}.") from None


def read_amount(text: str, currency: str, column: str) -> int:
    """Converts an amount such as `-12.50` to minor units; a blank text is 0.

    Raises:
        LineRejected: the text is not an amount, or has more decimals than the currency.
    """
    if not text.strip():
        return 0
    try:
        units = Decimal(text.strip()).scaleb(minor_digits(currency))
    except (InvalidOperation, Overflow):
        units = Decimal("NaN")
    if not units.is_finite() or units != units.to_integral_value() or abs(units) > MOST_MINOR_UNITS:
        raise LineRejected("amount_invalid", f"{column} {text!r} is not an amount in {currency}.")
    return int(units)


def read_time(text: str, zone: tzinfo, column: str) -> int:
    """Converts a time such as `2025-11-10 12:00:00`, or a date, to microseconds since 1970.

    Raises:
        LineRejected: the text is neither a time nor a date.
    """
    moment = _moment(text, column)
    return to_microseconds(moment if moment.tzinfo else moment.replace(tzinfo=zone))


def with_offset(seconds: int) -> tzinfo:
    """Returns the time zone with this offset in seconds east of UTC."""
    return timezone(timedelta(seconds=seconds)) if seconds else UTC


def read_day(text: str, column: str) -> date:
    """Reads a day such as `2025-11-10`, or the day of a time.

    Raises:
        LineRejected: the text is neither a day nor a time.
    """
    return _moment(text, column).date()


def read_id(text: str, column: str) -> str | None:
    """Returns an id, or None if it is blank.

    Raises:
        LineRejected: the text is too long for an id, or has characters that cannot be printed.
    """
    value = text.strip()
    if len(value) > LONGEST_ID or not value.isprintable():
        raise LineRejected("id_invalid", f"{column} is not an id of up to {LONGEST_ID} characters.")
    return value or None


def _moment(text: str, column: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        moment = datetime.min  # noqa: DTZ901 of no year that is taken
    if moment.year not in YEARS:
        raise LineRejected("date_invalid", f"{column} {text!r} is not a date such as 2025-11-10.")
    return moment
