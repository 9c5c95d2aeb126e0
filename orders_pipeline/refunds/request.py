"""Requests for refunds: what is left is checked and taken in one transaction, before any gateway is asked."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

import polars as pl
from sqlalchemy import Connection, Engine, cast, func, select
from sqlalchemy.dialects.postgresql import REGCLASS
from sqlalchemy.exc import IntegrityError

from orders_pipeline.access.audit import record_action
from orders_pipeline.base.clock import now_us, to_datetime
from orders_pipeline.base.collecting import uncollected
from orders_pipeline.base.currency import minor_digits
from orders_pipeline.base.model import PaymentMethod, RefundKind, RefundStatus
from orders_pipeline.base.settings import Settings
from orders_pipeline.refunds.asked import RefundAsked, RefundRefused
from orders_pipeline.refunds.completion import complete, take
from orders_pipeline.refunds.decide import Decided, decide, nothing_left, one_order
from orders_pipeline.refunds.refundable import FoundOrder, Refundable, find_orders, find_refundable
from orders_pipeline.store.bulk import insert_frame
from orders_pipeline.store.engine import reading
from orders_pipeline.store.many_values import among, parts
from orders_pipeline.store.planner import by_keys
from orders_pipeline.store.schema import refund_lines, refunds

REQUESTS_AT_ONCE = 5_000
PENDING, PROCESSING = RefundStatus.PENDING, RefundStatus.PROCESSING
RANDOM_BYTES = 12
_NUMBERS = ("id", "order_id", "attempt", "amount", "shipping", "fee", "requested_at", "round", "tries")
_FLAGS = ("restock", "needs_approval", "boards_due")
_TEXTS = ("refund_id", "kind", "method", "reason", "requested_by", "request_key", "request_digest", "status")
ROW = {
    **dict.fromkeys(_NUMBERS, pl.Int64),
    **dict.fromkeys(_FLAGS, pl.Boolean),
    **dict.fromkeys(_TEXTS, pl.String),
}
LINE = dict.fromkeys(("refund", "line", "quantity", "amount"), pl.Int64)
TAKEN = dict.fromkeys(("order_id", "attempt", "amount"), pl.Int64)


@dataclass(frozen=True, slots=True)
class RefundTerms:
    """The rules for refunds of a home.

    Attributes:
        zone: time zone of the KPI days.
        limit: in major units; a larger refund waits for another operator's approval. None: there is no limit.
    """

    zone: ZoneInfo
    limit: Decimal | None = None

    @classmethod
    def of(cls, settings: Settings) -> RefundTerms:
        """The terms of a home."""
        return cls(settings.zone, settings.refund_limit)

    def is_above_limit(self, amount: int, currency: str) -> bool:
        """Whether an amount in minor units needs an approval."""
        return self.limit is not None and amount > self.limit.scaleb(minor_digits(currency))

    def day_of(self, at: int) -> date:
        """The KPI day of a time in microseconds."""
        return to_datetime(at).astimezone(self.zone).date()


class Requested(NamedTuple):
    """A refund that was entered in the store, or entered before under the same key."""

    id: int
    refund_id: str
    known: bool = False


Answer = Requested | RefundRefused


class Planned(NamedTuple):
    """What a request refunds, to be entered as a row of `refunds`."""

    asked: RefundAsked
    left: Refundable
    decided: Decided

    @property
    def is_settled(self) -> bool:
        """Whether there is nothing to ask the gateway: it was paid elsewhere, taken back, or is nothing."""
        dispute = self.asked.kind is RefundKind.DISPUTE
        return dispute or self.asked.recorded or not self.decided.amount

    @property
    def method(self) -> PaymentMethod:
        """Whether the gateway gives it back."""
        recorded = self.asked.recorded or self.left.method is PaymentMethod.RECORDED
        return PaymentMethod.RECORDED if recorded else PaymentMethod.GATEWAY

    def needs_approval(self, terms: RefundTerms) -> bool:
        """Whether another operator has to approve it."""
        return terms.is_above_limit(self.decided.amount, self.left.order.currency) and not self.is_settled


def rows_of(rows: Sequence[Planned], terms: RefundTerms) -> pl.DataFrame:
    """What rows of `refunds` have of requests. What they all have in common is missing, and their ids."""
    asked, decided = [row.asked for row in rows], [row.decided for row in rows]
    columns = {
        "refund_id": _random_ids(len(rows)),
        "order_id": [row.left.order.id for row in rows],
        "attempt": [row.left.attempt for row in rows],
        "kind": [one.kind for one in asked],
        "method": [row.method for row in rows],
        "amount": [one.amount for one in decided],
        "shipping": [one.shipping for one in decided],
        "fee": [one.fee for one in decided],
        "restock": [one.restock for one in asked],
        "reason": [one.reason for one in asked],
        "request_key": [one.key for one in asked],
        "request_digest": [one.digest if one.key else None for one in asked],
        "needs_approval": [row.needs_approval(terms) for row in rows],
        "status": [PROCESSING if row.is_settled else PENDING for row in rows],
    }
    return pl.DataFrame(columns, schema={name: ROW[name] for name in columns})


def request_refunds(
    engine: Engine, asked: Sequence[RefundAsked], terms: RefundTerms, actor: str
) -> list[Answer]:
    """Enters refunds, thousands at once, in transactions of its own. Each is entered or refused alone.

    A refund by the gateway is pending afterwards: `settle.py` asks the gateway. A dispute, and what was given
    back elsewhere, is completed at once.

    Args:
        actor: who asked for it, as in the audit trail.
    """
    answers: list[Answer] = []
    with uncollected():
        for start in range(0, len(asked), REQUESTS_AT_ONCE):
            part = asked[start : start + REQUESTS_AT_ONCE]
            try:
                answers += _enter(engine, part, terms, actor)
            except IntegrityError:
                # Another process entered one of the keys at the same moment; now it is known.
                answers += _enter(engine, part, terms, actor)
    return answers


def preview_refunds(engine: Engine, asked: Sequence[RefundAsked]) -> list[Planned | RefundRefused]:
    """What requests would refund. Changes nothing."""
    with reading(engine) as connection, by_keys(connection):
        left = _Left.of(connection, asked, lock=False)
    return [_decision(one, left) for one in asked]


def _enter(engine: Engine, asked: Sequence[RefundAsked], terms: RefundTerms, actor: str) -> list[Answer]:
    with engine.begin() as connection, by_keys(connection):
        left = _Left.of(connection, asked, lock=True)
        # After the locks: requests with one key, for one order, wait for each other.
        known = _known(connection, [one.key for one in asked if one.key])
        answers = [_answer_of_known(one, known) or _decision(one, left) for one in asked]
        rows = [answer for answer in answers if isinstance(answer, Planned)]
        entered = iter(_insert(connection, rows, terms, actor))
        return [next(entered) if isinstance(answer, Planned) else answer for answer in answers]


@dataclass(slots=True)
class _Left:
    """The orders that requests name, and what is left of them, from the first request to the last."""

    found: Mapping[str, list[FoundOrder]]
    refundable: Mapping[int, Refundable]

    @classmethod
    def of(cls, connection: Connection, asked: Sequence[RefundAsked], *, lock: bool) -> _Left:
        found = find_orders(connection, (one.order for one in asked))
        orders = [order for of_number in found.values() for order in of_number]
        return cls(found, find_refundable(connection, orders, lock=lock))


def _decision(asked: RefundAsked, left: _Left) -> Planned | RefundRefused:
    try:
        order = one_order(asked, left.found.get(asked.order, []))
        refundable = left.refundable.get(order.id)
        if refundable is None:
            raise nothing_left(asked)
        decided = decide(asked, refundable)
    except RefundRefused as refused:
        return refused
    if asked.kind is RefundKind.DISPUTE:
        refundable.disputed += decided.amount
    else:
        refundable.take(decided.amount, decided.shipping, decided.lines)
    return Planned(asked, refundable, decided)


def _known(connection: Connection, keys: Sequence[str]) -> dict[str, tuple[str, Requested]]:
    columns = (refunds.c.request_key, refunds.c.request_digest, refunds.c.id, refunds.c.refund_id)
    return {
        key: (digest, Requested(refund, refund_id, known=True))
        for part in parts(keys)
        for key, digest, refund, refund_id in connection.execute(
            select(*columns).where(among(connection, refunds.c.request_key, part))
        ).all()
    }


def _answer_of_known(asked: RefundAsked, known: Mapping[str, tuple[str, Requested]]) -> Answer | None:
    if asked.key is None or asked.key not in known:
        return None
    digest, requested = known[asked.key]
    if digest == asked.digest:
        return requested
    return RefundRefused(
        "key_reused",
        f"The key {asked.key!r} was used for another request.",
        "Use the same key only for the same request, and a new key for another request.",
    )


def _insert(
    connection: Connection, rows: Sequence[Planned], terms: RefundTerms, actor: str
) -> list[Requested]:
    if not rows:
        return []
    now = now_us()
    frame = rows_of(rows, terms).with_columns(
        id=pl.Series(_new_ids(connection, len(rows))),
        requested_at=pl.lit(now),
        requested_by=pl.lit(actor),
        round=pl.lit(1),
        tries=pl.lit(0),
        boards_due=pl.lit(False),
    )
    insert_frame(connection, refunds, frame)
    ids = frame["id"].to_list()
    of_lines = [
        (refund, line.line, line.quantity, line.amount)
        for refund, row in zip(ids, rows, strict=True)
        for line in row.decided.lines
    ]
    insert_frame(connection, refund_lines, pl.DataFrame(of_lines, schema=LINE, orient="row"))
    take(connection, frame.filter(pl.col("kind") == RefundKind.REFUND).select(*TAKEN))
    _complete_settled(
        connection, [(ids[at], row.asked) for at, row in enumerate(rows) if row.is_settled], now, terms
    )
    _record(connection, rows, frame["refund_id"][0], actor)
    return list(map(Requested, ids, frame["refund_id"]))


def _random_ids(count: int) -> list[str]:
    drawn = secrets.token_hex(RANDOM_BYTES * count)
    return [drawn[start : start + 2 * RANDOM_BYTES] for start in range(0, len(drawn), 2 * RANDOM_BYTES)]


def _new_ids(connection: Connection, count: int) -> list[int]:
    """Ids of rows that are about to be inserted. Nobody else gets them."""
    if connection.dialect.name == "postgresql":
        sequence = cast(func.pg_get_serial_sequence(refunds.name, refunds.c.id.name), REGCLASS)
        drawn = func.nextval(select(sequence).scalar_subquery())
        return list(connection.scalars(select(drawn).select_from(func.generate_series(1, count))))
    # SQLite has only one writer.
    last: int = connection.execute(select(func.coalesce(func.max(refunds.c.id), 0))).scalar_one()
    return list(range(last + 1, last + 1 + count))


def _complete_settled(
    connection: Connection, settled: Sequence[tuple[int, RefundAsked]], now: int, terms: RefundTerms
) -> None:
    by_day: dict[date | None, dict[int, str | None]] = defaultdict(dict)
    for refund, told in settled:
        day = None if told.on_order_day else told.day or terms.day_of(now)
        by_day[day][refund] = told.reference
    for day, of_day in by_day.items():
        complete(connection, of_day, now, day)


def _record(connection: Connection, rows: Sequence[Planned], refund_id: str, actor: str) -> None:
    if len(rows) == 1:
        (row,) = rows
        order = row.left.order
        told = {"order": order.number, "source": order.source, "amount": row.decided.amount}
        told |= {"currency": order.currency, "kind": row.asked.kind}
        record_action(connection, actor, "refunds.request", refund_id, **told)
    else:
        record_action(connection, actor, "refunds.request", refunds=len(rows))
