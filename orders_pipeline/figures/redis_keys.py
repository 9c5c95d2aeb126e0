"""How keys of figures in Redis are named."""

from __future__ import annotations


def currency_suffix(currency: str, default: str) -> str:
    """End of a key: nothing for the default currency, `:{CUR}` for others."""
    return "" if currency == default else f":{currency}"
