"""Quantities: whole units, or units with up to three decimals for goods by weight; stored in 1/1,000."""

from __future__ import annotations

from decimal import Decimal

QUANTITY_DIGITS = 3
QUANTITY_SCALE = 10**QUANTITY_DIGITS
Units = int | Decimal


def units_of(stored: int) -> Units:
    """The units that the store holds as 1/1,000: an integer if they are whole, else an exact decimal."""
    whole, rest = divmod(stored, QUANTITY_SCALE)
    return Decimal(stored).scaleb(-QUANTITY_DIGITS).normalize() if rest else whole


def stored_units(units: Units) -> int:
    """Units in 1/1,000, as the store holds them.

    Raises:
        ValueError: they have more decimals.
    """
    if not is_countable(units):
        raise ValueError(f"{units} has more than {QUANTITY_DIGITS} decimals")
    return int(units * QUANTITY_SCALE)


def is_countable(units: Units) -> bool:
    """Whether units have at most three decimals."""
    return bool(units * QUANTITY_SCALE % 1 == 0)


def quantity_number(units: Units) -> int | float:
    """Units as a JSON number, without decimals if they are whole."""
    return int(units) if units == int(units) else float(units)
