"""Amounts in minor units as amounts in 1/10,000, within a statement."""

from __future__ import annotations

from sqlalchemy import ColumnElement, case

from orders_pipeline.base.amounts.currency import MINOR_DIGITS
from orders_pipeline.base.amounts.money import LINE_DIGITS

_USUAL_DIGITS = 2


def in_line_units(minor_units: ColumnElement[int], currency: ColumnElement[str]) -> ColumnElement[int]:
    """An amount in minor units of its currency, as line totals are stored: in 1/10,000 of the major unit."""
    unusual = {
        code: 10 ** (LINE_DIGITS - digits) for code, digits in MINOR_DIGITS.items() if digits != _USUAL_DIGITS
    }
    return minor_units * case(unusual, value=currency, else_=10 ** (LINE_DIGITS - _USUAL_DIGITS))
