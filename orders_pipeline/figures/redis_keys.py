"""Names of the Redis keys of figures."""

from __future__ import annotations


def currency_suffix(currency: str, default: str) -> str:
    """Suffix of a key: empty for the default currency, `:{CUR}` for others."""
    return "" if currency == default else f":{currency}"
