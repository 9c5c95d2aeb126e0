"""What the payment provider booked on a day, after fees, and what it paid out, by currency."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, tzinfo

from sqlalchemy import BigInteger, Case, ColumnElement, Connection, case, cast, func, select

from orders_pipeline.base.clock import end_of_day, start_of_day
from orders_pipeline.base.model import MovementKind
from orders_pipeline.store.schema import payout_lines, payouts

PARTS = {
    "charges": (MovementKind.CHARGE,),
    "refunds": (MovementKind.REFUND, MovementKind.REFUND_REVERSED),
    "disputes": (MovementKind.DISPUTE, MovementKind.DISPUTE_REVERSED),
    "other": (MovementKind.OTHER,),
}
# Amounts that reduce the shop's balance are shown without a sign.
OUTGOING = ("refunds", "disputes")


def payout_figures(connection: Connection, day: date, zone: tzinfo) -> dict[str, dict[str, int]]:
    """Returns figures by currency, in minor units: `charges - refunds - disputes - fees + other = net`."""
    found: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(names(), 0))
    between = start_of_day(day, zone), end_of_day(day, zone)
    line, p = payout_lines.c, payouts.c
    sums = [_sum(case((line.kind.in_(kinds), line.gross), else_=0)) for kinds in PARTS.values()]
    fees = _sum(line.fee + case((line.kind == MovementKind.FEE, -line.gross), else_=0))
    # Of a payout's own line, only its fee.
    net = _sum(case((line.kind == MovementKind.PAYOUT, -line.fee), else_=line.net))
    booked = select(line.currency, *sums, fees, net).where(line.booked_at.between(*between))
    for currency, *amounts in connection.execute(booked.group_by(line.currency)):
        found[currency] |= dict(zip((*PARTS, "fees", "net"), map(int, amounts), strict=True))
        found[currency] |= {name: -found[currency][name] for name in OUTGOING}
    item = payout_lines.alias()
    itemised = select(item.c.id).where(item.c.payout_id == p.id, item.c.kind != MovementKind.PAYOUT)
    paid = (
        select(p.currency, func.count(p.id.distinct()), net)
        .join_from(payouts, payout_lines, line.payout_id == p.id)
        .where(p.paid_at.between(*between), itemised.exists())
        .group_by(p.currency)
    )
    for currency, number, amount in connection.execute(paid):
        found[currency] |= {"payout_count": number, "paid_out": int(amount)}
    return dict(found)


def names() -> Sequence[str]:
    """Returns the names of the figures."""
    return (*PARTS, "fees", "net", "payout_count", "paid_out")


def _sum(value: ColumnElement[int] | Case[int]) -> ColumnElement[int]:
    return cast(func.sum(value), BigInteger)
