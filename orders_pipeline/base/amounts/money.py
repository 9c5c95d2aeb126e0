"""Amounts as decimal strings: order totals from minor units, line totals from 1/10,000."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from orders_pipeline.base.amounts.currency import minor_digits

LINE_DIGITS = 4
LEAST_DIGITS = 2
# No amount or quantity of an order has more digits before or after the decimal point.
MOST_DIGITS = 18


def decimal_string(minor_units: int, currency: str) -> str:
    """An amount such as `1065.43`, with as many decimals as the currency has."""
    return str(Decimal(int(minor_units)).scaleb(-minor_digits(currency)))


def with_currency(minor_units: int, currency: str) -> str:
    """An amount with its currency, such as `1065.43 USD`."""
    return f"{decimal_string(minor_units, currency)} {currency}"


def read_decimal(text: str) -> Decimal | None:
    """Reads a number that a person wrote; None if it is none, or has an exponent that no amount has."""
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number.adjusted()) <= MOST_DIGITS else None


def json_money(minor_units: int, currency: str) -> float:
    """The same amount as a JSON number."""
    return float(decimal_string(minor_units, currency))


def line_amount(units: int, least_digits: int = LEAST_DIGITS) -> str:
    """A line total such as `51.00` or `0.4440`: with four decimals if `least_digits` would lose some."""
    exact = Decimal(int(units)).scaleb(-LINE_DIGITS)
    short = exact.quantize(Decimal(1).scaleb(-least_digits))
    return str(short if short == exact else exact)
