"""The journal: each movement of money as a double entry, computed from the store for each export."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, String, bindparam, text

from orders_pipeline.base.clock import to_datetime
from orders_pipeline.payouts.periods import Period, bounds_of, sql_of
from orders_pipeline.store.statements.planner import join_all_by_hash

ROWS_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class JournalLine:
    """One side of an entry. Money is in minor units; either `debit` or `credit` is None."""

    day: date
    account: str
    debit: int | None
    credit: int | None
    currency: str
    reference: str
    what: str


def journal(
    connection: Connection, period: Period, accounts: Mapping[str, str], currency: str | None = None
) -> Iterator[JournalLine]:
    """Yields the debit and the credit of each entry, oldest first.

    Args:
        accounts: the account in the bookkeeping of each name in `journal_accounts`.
        currency: only entries in this currency; None: all. An entry has only one currency.
    """
    join_all_by_hash(connection)
    query = text(sql_of("payout_ties", "journal")).bindparams(bindparam("currency", type_=String))
    bound = bounds_of(connection, period, always=True) | {"currency": currency}
    rows = connection.execution_options(yield_per=ROWS_AT_ONCE).execute(query, bound)
    for row in rows.mappings():
        yield from _entry(dict(row), accounts, period)


def _entry(row: Mapping[str, Any], accounts: Mapping[str, str], period: Period) -> Iterator[JournalLine]:
    amount = int(row["amount"])
    # For a negative amount, debit and credit are exchanged.
    sides = (row["debit"], row["credit"]) if amount > 0 else (row["credit"], row["debit"])
    day = to_datetime(row["at"]).astimezone(period.zone).date()
    reference = f"{row['source']}/{row['reference']}"
    for name, debit, credit in ((sides[0], abs(amount), None), (sides[1], None, abs(amount))):
        yield JournalLine(day, accounts[name], debit, credit, row["currency"], reference, row["what"])
