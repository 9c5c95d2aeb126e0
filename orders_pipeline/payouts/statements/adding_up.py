"""Whether the entries of a bank statement lead from its opening to its closing balance."""

from __future__ import annotations

from collections.abc import Iterable

from orders_pipeline.base.money import decimal_string
from orders_pipeline.base.refusals import FileRefused


def require_adds_up(
    name: str, opening: tuple[str, int], entries: Iterable[int], closing: tuple[str, int]
) -> None:
    """Makes sure that no entry is missing.

    Args:
        opening: currency, and balance in minor units; `closing` alike.

    Raises:
        FileRefused: the entries lead to another balance.
    """
    currency, begin = opening
    end = begin + sum(entries)
    if (currency, end) == closing:
        return
    told = (
        f"{name} does not add up: its entries lead to {decimal_string(end, currency)} {currency}, and its"
        f" closing balance is {decimal_string(closing[1], closing[0])} {closing[0]}."
    )
    raise FileRefused("statement_incomplete", told, "Download the statement from the bank again.")
