"""Amounts as Mollie writes them: decimal numbers in the currency's usual unit, such as `12.30` and `1230`."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from mollie.models import Amount

from orders_pipeline.base.amounts.currency import MINOR_DIGITS


def to_mollie(amount: int, currency: str) -> Amount:
    """Returns an amount in Mollie's format.

    Args:
        amount: in the currency's minor unit.
    """
    digits = MINOR_DIGITS[currency]
    return Amount(currency=currency, value=f"{Decimal(amount).scaleb(-digits):.{digits}f}")


def from_mollie(amount: Any) -> tuple[int, str]:
    """Returns an amount of Mollie (any of its client's types) in the minor unit, and its currency."""
    return int(Decimal(amount.value).scaleb(MINOR_DIGITS[amount.currency])), amount.currency
