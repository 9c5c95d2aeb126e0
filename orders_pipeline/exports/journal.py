"""The journal of double entries as a table, for accounting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlalchemy import Connection

from orders_pipeline.exports.columns_of_orders import CURRENCY
from orders_pipeline.exports.table import Column, ExportTable, Kind, Row
from orders_pipeline.payouts.journal import journal
from orders_pipeline.payouts.periods import Period

JOURNAL = ExportTable(
    "journal",
    "Double entries of payments, refunds, disputes, fees, payouts and their arrival at the bank. An entry is"
    " two rows, first the debit.",
    (
        Column("date", Kind.DAY, "Day of the entry, in ORDERS_TIMEZONE.", "2025-11-10"),
        Column("account", Kind.TEXT, "Account, by ORDERS_JOURNAL_ACCOUNTS.", "payment provider"),
        Column("debit", Kind.MONEY, "Debit; empty for the credit of an entry.", 51.0),
        Column("credit", Kind.MONEY, "Credit; empty for the debit of an entry.", None),
        CURRENCY,
        Column(
            "reference",
            Kind.TEXT,
            "Source and order number, or the provider and its id of the line or payout.",
            "default/1001",
        ),
        Column(
            "text",
            Kind.TEXT,
            "payment, refund, dispute, fee, other, conversion, payout, or arrival at the bank.",
            "payment",
        ),
    ),
)


def journal_rows(
    connection: Connection, period: Period, accounts: Mapping[str, str], currency: str | None
) -> Iterator[Row]:
    """Yields the rows of `JOURNAL`. The arguments are those of `journal`."""
    lines = journal(connection, period, accounts, currency)
    return JOURNAL.rows(
        (one.day, one.account, one.debit, one.credit, one.currency, one.reference, one.what) for one in lines
    )
