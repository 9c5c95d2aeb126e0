"""The sums of each kind of amount in a file, by currency."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from orders_pipeline.order_files.orders.owed import KINDS

DISCOUNT = "discount"
# Sum of each kind of amount by currency, in 1/10,000.
Sums = dict[str, dict[str, int]]


def amount_sums(orders: pl.DataFrame, lines: pl.DataFrame) -> Sums:
    """Adds up the amounts of settled orders, with the discounts of their lines; empty if they have none."""
    if not set(KINDS) <= set(orders.columns):
        return {}
    grouped = orders.group_by("currency").agg(pl.col(KINDS).sum()).sort("currency")
    sums: Sums = {row.pop("currency"): row for row in grouped.to_dicts()}
    if DISCOUNT in lines.columns:
        of_lines = lines.join(orders.select("position", "currency"), on="position")
        for currency, discount in of_lines.group_by("currency").agg(pl.col(DISCOUNT).sum()).iter_rows():
            sums[currency][DISCOUNT] += discount
    return sums


def add_sums(parts: Iterable[Sums]) -> Sums:
    """Adds up sums; kinds with the sum zero are left out."""
    added: Sums = {}
    for part in parts:
        for currency, amounts in part.items():
            of = added.setdefault(currency, {})
            for kind, amount in amounts.items():
                of[kind] = of.get(kind, 0) + amount
    return {
        currency: {kind: amount for kind, amount in amounts.items() if amount}
        for currency, amounts in sorted(added.items())
    }
