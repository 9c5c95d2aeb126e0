"""Inserts decided refunds with their lines, and subtracts their amounts from what is left of the payments."""

from __future__ import annotations

import secrets

import polars as pl
from sqlalchemy import Connection, cast, func, select
from sqlalchemy.dialects.postgresql import REGCLASS

from orders_pipeline.base.clock import now_us
from orders_pipeline.base.model import RefundKind
from orders_pipeline.refunds.outcomes.completion import take
from orders_pipeline.store.schema import refund_lines, refunds
from orders_pipeline.store.statements.bulk import insert_frame

# An id has 96 bits: the time and a random part.
TIME_DIGITS, RANDOM_DIGITS = 12, 12
_NUMBERS = ("id", "order_id", "attempt", "amount", "shipping", "fee")
_FLAGS = ("restock", "needs_approval")
_TEXTS = ("refund_id", "kind", "method", "reason", "request_key", "request_digest", "status")
ROW = {
    **dict.fromkeys(_NUMBERS, pl.Int64),
    **dict.fromkeys(_FLAGS, pl.Boolean),
    **dict.fromkeys(_TEXTS, pl.String),
}
LINE = dict.fromkeys(("refund", "line", "quantity", "amount"), pl.Int64)


def draw_names(connection: Connection, count: int) -> pl.DataFrame:
    """Returns new values of `id` and `refund_id` for refunds; no other process gets the same ones."""
    names = {"id": _ids(connection, count), "refund_id": _refund_ids(count)}
    return pl.DataFrame(names, {name: ROW[name] for name in names})


def enter(connection: Connection, rows: pl.DataFrame, lines: pl.DataFrame, actor: str, at: int) -> None:
    """Inserts refunds; the transaction must hold the locks of their payments.

    Args:
        rows: with the columns of `ROW`.
        lines: with the columns of `LINE`.
        actor: who requested the refunds.
        at: time of the request, in microseconds since 1970.
    """
    new = {"requested_at": at, "requested_by": actor, "round": 1, "tries": 0, "boards_due": False}
    frame = rows.select(*ROW, *(pl.lit(value).alias(name) for name, value in new.items())).sort("id")
    insert_frame(connection, refunds, frame)
    insert_frame(connection, refund_lines, lines.sort("refund", "line"))
    take(connection, frame.filter(pl.col("kind") == RefundKind.REFUND))


def _refund_ids(count: int) -> list[str]:
    """Returns ids that start with the time and continue at random.

    Ascending ids make index inserts cheaper.
    """
    time, drawn = f"{now_us() // 1000:0{TIME_DIGITS}x}", secrets.token_hex(RANDOM_DIGITS // 2 * count)
    return sorted(time + drawn[at : at + RANDOM_DIGITS] for at in range(0, len(drawn), RANDOM_DIGITS))


def _ids(connection: Connection, count: int) -> list[int]:
    if connection.dialect.name == "postgresql":
        sequence = cast(func.pg_get_serial_sequence(refunds.name, refunds.c.id.name), REGCLASS)
        drawn = func.nextval(select(sequence).scalar_subquery())
        return list(connection.scalars(select(drawn).select_from(func.generate_series(1, count))))
    # SQLite has only one writer, so no lock is needed.
    last: int = connection.execute(select(func.coalesce(func.max(refunds.c.id), 0))).scalar_one()
    return list(range(last + 1, last + 1 + count))
