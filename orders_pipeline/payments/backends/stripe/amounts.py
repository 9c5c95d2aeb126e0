"""Amounts in the units of Stripe, which differ from those of ISO 4217 for some currencies.

Source: docs.stripe.com/currencies, "Zero-decimal currencies", "Three-decimal currencies" and "Special cases".
"""

from __future__ import annotations

from orders_pipeline.base.amounts.currency import MINOR_DIGITS

# Stripe uses two decimals, which must be zero, for these currencies without decimals.
HUNDREDTHS_OF_WHOLE = frozenset({"ISK", "UGX"})
# Stripe uses no decimals for this currency, although ISO 4217 has two.
WHOLE_OF_HUNDREDTHS = frozenset({"MGA"})
THREE_DECIMALS = 3


class AmountRefused(ValueError):
    """Stripe does not accept this amount."""


def to_stripe(amount: int, currency: str) -> int:
    """Returns an amount in Stripe's unit.

    Args:
        amount: in the minor unit of ISO 4217.

    Raises:
        AmountRefused: Stripe accepts only amounts with fewer decimals.
    """
    if currency in HUNDREDTHS_OF_WHOLE:
        return amount * 100
    if currency in WHOLE_OF_HUNDREDTHS:
        if amount % 100:
            raise AmountRefused(f"an amount in {currency} has to be whole")
        return amount // 100
    if MINOR_DIGITS[currency] == THREE_DECIMALS and amount % 10:
        raise AmountRefused(f"the last decimal of an amount in {currency} has to be 0")
    return amount


def from_stripe(amount: int, currency: str) -> int:
    """Converts an amount in Stripe's unit to the minor unit of ISO 4217."""
    if currency in WHOLE_OF_HUNDREDTHS:
        return amount * 100
    return amount // 100 if currency in HUNDREDTHS_OF_WHOLE else amount
