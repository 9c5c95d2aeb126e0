"""Checks that the opening balance of a bank statement and its entries add up to the closing balance."""

from __future__ import annotations

from collections.abc import Iterable

from orders_pipeline.base.amounts.money import with_currency
from orders_pipeline.base.refusals import FileRefused


def require_adds_up(
    name: str, opening: tuple[str, int], entries: Iterable[int], closing: tuple[str, int]
) -> None:
    """Checks that no entry is missing.

    Args:
        opening: currency, and balance in minor units; the same for `closing`.

    Raises:
        FileRefused: opening balance and entries add up to another balance.
    """
    currency, begin = opening
    end = begin + sum(entries)
    if (currency, end) == closing:
        return
    message = (
        f"{name} does not add up: opening balance and entries make {with_currency(end, currency)}, but the "
        f"closing balance is {with_currency(closing[1], closing[0])}."
    )
    raise FileRefused("statement_incomplete", message, "Download the statement from the bank again.")
