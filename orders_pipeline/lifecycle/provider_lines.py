"""The lines about an order in the reports of a payment provider: fees and payouts."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, or_, select

from orders_pipeline.base.amounts.money import decimal_string
from orders_pipeline.base.clock import shown_time
from orders_pipeline.store.provider_ids import ids_of
from orders_pipeline.store.schema import payout_lines, payouts


def provider_lines_of(connection: Connection, order_id: int) -> list[dict[str, Any]]:
    """The lines of reports that name a payment, refund or dispute of the order, in the order of time."""
    line, ids = payout_lines.c, ids_of(order_id)
    query = (
        select(line.booked_at, line.kind, line.gross, line.fee, line.net, line.currency, payouts.c.reference)
        .outerjoin_from(payout_lines, payouts, payouts.c.id == line.payout_id)
        .where(or_(line.payment_ref.in_(ids), line.source_ref.in_(ids)))
        .order_by(line.booked_at, line.id)
    )
    return [
        {
            "booked_at": shown_time(row["booked_at"]),
            "kind": row["kind"],
            **{name: decimal_string(row[name], row["currency"]) for name in ("gross", "fee", "net")},
            "currency": row["currency"],
            "payout": row["reference"],
        }
        for row in connection.execute(query).mappings()
    ]
