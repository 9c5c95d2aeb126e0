"""Opens failed refunds again: reserves their amounts and units again, if enough is left.

A retry begins a new round. In the same round, the gateway is asked for the outcome, but for no other refund.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

import polars as pl
from sqlalchemy import BigInteger, Connection, select, type_coerce, update

from orders_pipeline.base.model import RefundStatus
from orders_pipeline.refunds.outcomes.completion import take
from orders_pipeline.refunds.requests.amounts import LineBack
from orders_pipeline.refunds.requests.asked import RefundRefused
from orders_pipeline.refunds.requests.refundable import Refundable, find_refundable, orders_with
from orders_pipeline.store.schema import refund_lines, refunds

NEW_ROUND = {
    "status": RefundStatus.PENDING,
    "round": refunds.c.round + 1,
    "tries": 0,
    "asked_at": None,
    "settled_at": None,
    "failure": None,
    "transaction_id": None,
    "boards_due": False,
}

# No process works on the refund, and only the gateway's own answer ends it.
ASK_AT_ONCE = 0
SAME_ROUND = {
    "status": RefundStatus.PROCESSING,
    "asked_at": ASK_AT_ONCE,
    "settled_at": None,
    "failure": None,
    "boards_due": False,
}


def retry(connection: Connection, ids: Collection[int]) -> dict[int, RefundRefused]:
    """failed -> pending, for locked refunds; returns the refusals of those for which too little is left.

    The new round has another key at the gateway, because the gateway would repeat its failure for the old
    key.
    """
    return _open_again(connection, ids, NEW_ROUND)


def ask_again(connection: Connection, ids: Collection[int]) -> dict[int, RefundRefused]:
    """failed -> processing, for locked refunds; returns the refusals of those for which too little is left.

    The gateway is asked whether it made the refund in this round after all.
    """
    return _open_again(connection, ids, SAME_ROUND)


def _open_again(
    connection: Connection, ids: Collection[int], values: Mapping[str, Any]
) -> dict[int, RefundRefused]:
    r = refunds.c
    query = select(r.id, r.refund_id, r.order_id, r.attempt, r.amount, r.shipping)
    rows = connection.execute(query.where(r.id.in_(ids)).order_by(r.id)).all()
    left = find_refundable(connection, orders_with(connection, {row.order_id for row in rows}), lock=True)
    lines = _lines(connection, ids)
    refused: dict[int, RefundRefused] = {}
    taken = []
    for row in rows:
        of_order = left[row.order_id]
        if refusal := _too_little(row.refund_id, row.amount, lines[row.id], of_order):
            refused[row.id] = refusal
            continue
        of_order.take(row.amount, row.shipping, lines[row.id])
        taken.append((row.order_id, row.attempt, row.amount))
    take(connection, pl.DataFrame(taken, schema=["order_id", "attempt", "amount"], orient="row"))
    again = r.id.in_([refund for refund in ids if refund not in refused])
    connection.execute(update(refunds).where(again, r.status == RefundStatus.FAILED).values(values))
    return refused


def _lines(connection: Connection, ids: Collection[int]) -> dict[int, list[LineBack]]:
    line = refund_lines.c
    query = select(line.refund, line.line, type_coerce(line.quantity, BigInteger), line.amount)
    found: dict[int, list[LineBack]] = defaultdict(list)
    for refund, number, quantity, amount in connection.execute(query.where(line.refund.in_(ids))):
        found[refund].append(LineBack(number, quantity, amount))
    return found


def _too_little(refund_id: str, amount: int, lines: list[LineBack], left: Refundable) -> RefundRefused | None:
    hint = "`orders show` lists the other refunds of its order."
    if amount > left.captured - left.refunded:
        message = f"Refund {refund_id} exceeds what is left of the captured amount."
        return RefundRefused("refund_exceeds_captured", message, hint)
    if any(line.quantity > left.left.lines[line.line].units_left for line in lines):
        return RefundRefused("units_exceeded", f"The units of refund {refund_id} are no longer left.", hint)
    return None
