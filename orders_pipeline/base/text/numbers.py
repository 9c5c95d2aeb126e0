"""Numbers in sentences for people."""

from __future__ import annotations

from decimal import Decimal

Number = int | float | Decimal


def number(value: Number) -> str:
    """Formats a number with separators, such as `40,000`, and up to three decimals if it has any."""
    exact = Decimal(str(value))
    return f"{exact:,.0f}" if exact == exact.to_integral() else f"{exact.normalize():,f}"


def counted(many: Number, one: str, several: str = "") -> str:
    """Formats a number with its noun: `1 order`, `3 orders`."""
    return f"{number(many)} {one if many == 1 else several or one + 's'}"
