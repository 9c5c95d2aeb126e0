"""Requests refunds: checks and reserves what is left in one transaction, before the gateway is called."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

import polars as pl
from sqlalchemy import Connection, Engine, Select, select
from sqlalchemy.exc import IntegrityError

from orders_pipeline.access.audit import record_action
from orders_pipeline.base.clock import now_us
from orders_pipeline.base.collecting import uncollected
from orders_pipeline.base.model import PaymentMethod, RefundKind, RefundStatus
from orders_pipeline.refunds.outcomes.completion import complete
from orders_pipeline.refunds.requests.asked import RefundAsked, RefundRefused
from orders_pipeline.refunds.requests.decide import Decided, decide, nothing_left, one_order
from orders_pipeline.refunds.requests.entering import LINE, ROW, draw_names, enter
from orders_pipeline.refunds.requests.granting import Holdings, grant, plain_requests
from orders_pipeline.refunds.requests.refundable import (
    FoundOrder,
    Refundable,
    add_disputes,
    find_orders,
    find_refundable,
)
from orders_pipeline.refunds.requests.terms import RefundTerms
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import orders, refunds, sources
from orders_pipeline.store.statements.many_values import among, parts
from orders_pipeline.store.statements.planner import by_keys

REQUESTS_AT_ONCE = 20_000
PENDING, PROCESSING = RefundStatus.PENDING, RefundStatus.PROCESSING
# The values of a row before it is decided.
NOTED = ("id", "refund_id", "request_key", "request_digest")


class Requested(NamedTuple):
    """A refund that was stored now, or earlier with the same idempotency key."""

    id: int
    refund_id: str
    known: bool = False


Answer = Requested | RefundRefused


class Planned(NamedTuple):
    """What a request refunds, before it is stored as a row of `refunds`."""

    asked: RefundAsked
    left: Refundable
    decided: Decided

    @property
    def is_settled(self) -> bool:
        """Whether the gateway need not be called: the refund was made elsewhere, is a dispute, or is zero."""
        dispute = self.asked.kind is RefundKind.DISPUTE
        return dispute or self.asked.recorded or not self.decided.amount

    @property
    def method(self) -> PaymentMethod:
        """Whether the gateway refunds it, or it was refunded elsewhere."""
        recorded = self.asked.recorded or self.left.method is PaymentMethod.RECORDED
        return PaymentMethod.RECORDED if recorded else PaymentMethod.GATEWAY

    def needs_approval(self, terms: RefundTerms) -> bool:
        """Whether another operator must approve it."""
        return terms.is_above_limit(self.decided.amount, self.left.order.currency) and not self.is_settled


def rows_of(rows: Sequence[Planned], terms: RefundTerms) -> pl.DataFrame:
    """Returns the rows of `refunds` for requests, without ids and keys."""
    asked, decided = [row.asked for row in rows], [row.decided for row in rows]
    columns = {
        "order_id": [row.left.order.id for row in rows],
        "attempt": [row.left.attempt for row in rows],
        "kind": [one.kind for one in asked],
        "method": [row.method for row in rows],
        "amount": [one.amount for one in decided],
        "shipping": [one.shipping for one in decided],
        "fee": [one.fee for one in decided],
        "restock": [one.restock for one in asked],
        "reason": [one.reason for one in asked],
        "needs_approval": [row.needs_approval(terms) for row in rows],
        "status": [PROCESSING if row.is_settled else PENDING for row in rows],
    }
    return pl.DataFrame(columns, schema={name: ROW[name] for name in columns})


def request_refunds(
    engine: Engine, asked: Sequence[RefundAsked], terms: RefundTerms, actor: str
) -> list[Answer]:
    """Stores refunds, thousands at once, in transactions of its own. Each is stored or refused independently.

    A refund by the gateway is then pending, and `settle.py` calls the gateway. A dispute, or a refund that
    was made elsewhere, is completed at once.

    Args:
        actor: who requested it, as in the audit trail.
    """
    answers: list[Answer] = []
    with uncollected():
        for start in range(0, len(asked), REQUESTS_AT_ONCE):
            part = asked[start : start + REQUESTS_AT_ONCE]
            try:
                answers += _enter(engine, part, terms, actor)
            except IntegrityError:
                # Another process stored one of the keys at the same time. The second attempt finds it.
                answers += _enter(engine, part, terms, actor)
    return answers


def preview_refunds(engine: Engine, asked: Sequence[RefundAsked]) -> list[Planned | RefundRefused]:
    """Returns what requests would refund. Changes nothing."""
    with reading(engine) as connection, by_keys(connection):
        left = _Left.of(connection, asked, lock=False)
    return [_decision(one, left) for one in asked]


def _enter(engine: Engine, asked: Sequence[RefundAsked], terms: RefundTerms, actor: str) -> list[Answer]:
    with engine.begin() as connection, by_keys(connection):
        requests = plain_requests(asked)
        held = Holdings.lock(connection, requests)
        # Keys are read after the locks, so that requests with the same key, for the same order, run one after
        # the other.
        known = _known(connection, [one.key for one in asked if one.key])
        answers = [_answer_of_known(one, known) if known else None for one in asked]
        new = [at for at, answer in enumerate(answers) if answer is None]
        noted = _noted(connection, [asked[at] for at in new], requests[new])
        entered = iter(_enter_new(connection, [asked[at] for at in new], noted, held, terms, actor))
        return [answer or next(entered) for answer in answers]


def _enter_new(
    connection: Connection,
    asked: Sequence[RefundAsked],
    noted: pl.DataFrame,
    held: Holdings,
    terms: RefundTerms,
    actor: str,
) -> list[Answer]:
    now = now_us()
    names = list(map(Requested, noted["id"], noted["refund_id"]))
    granted = grant(noted, held)
    others = noted["id"].is_in(granted["id"].implode()).not_().arg_true().to_list()
    decided = dict(zip(others, _decide(connection, [asked[at] for at in others]), strict=True))
    planned = {at: one for at, one in decided.items() if isinstance(one, Planned)}
    rows = pl.concat([_granted_rows(granted, terms), _planned_rows(noted, planned, terms)])
    lines = pl.concat([_granted_lines(granted), _planned_lines(names, planned)])
    enter(connection, rows, lines, actor, now)
    settled = {names[at].id: one.asked for at, one in planned.items() if one.is_settled}
    _complete_settled(connection, settled, now, terms)
    refused = {at: one for at, one in decided.items() if isinstance(one, RefundRefused)}
    _record(connection, [name for at, name in enumerate(names) if at not in refused], actor)
    return [refused.get(at, name) for at, name in enumerate(names)]


def _decide(connection: Connection, asked: Sequence[RefundAsked]) -> list[Planned | RefundRefused]:
    left = _Left.of(connection, asked, lock=True)
    return [_decision(one, left) for one in asked]


def _noted(connection: Connection, asked: Sequence[RefundAsked], requests: pl.DataFrame) -> pl.DataFrame:
    columns = {
        "reason": [one.reason for one in asked],
        "restock": [one.restock for one in asked],
        "request_key": [one.key for one in asked],
        "request_digest": [one.digest if one.key else None for one in asked],
    }
    texts = pl.DataFrame(columns, {name: ROW[name] for name in columns})
    return pl.concat([draw_names(connection, len(asked)), requests, texts], how="horizontal")


def _granted_rows(granted: pl.DataFrame, terms: RefundTerms) -> pl.DataFrame:
    same = {"kind": RefundKind.REFUND, "method": PaymentMethod.GATEWAY, "status": PENDING}
    above = map(terms.is_above_limit, granted["amount"], granted["currency"])
    rows = granted.with_columns(
        *(pl.lit(value.value).alias(name) for name, value in same.items()),
        shipping=pl.lit(0, pl.Int64),
        fee=pl.lit(0, pl.Int64),
        needs_approval=pl.Series(list(above), dtype=pl.Boolean),
    )
    return rows.select(*ROW)


def _granted_lines(granted: pl.DataFrame) -> pl.DataFrame:
    lines = granted.filter(pl.col("line").is_not_null())
    return lines.select(refund="id", line="line", quantity="units", amount="amount")


def _planned_rows(noted: pl.DataFrame, planned: Mapping[int, Planned], terms: RefundTerms) -> pl.DataFrame:
    named = noted[list(planned)].select(*NOTED)
    return pl.concat([named, rows_of(list(planned.values()), terms)], how="horizontal").select(*ROW)


def _planned_lines(names: Sequence[Requested], planned: Mapping[int, Planned]) -> pl.DataFrame:
    lines = [
        (names[at].id, line.line, line.quantity, line.amount)
        for at, one in planned.items()
        for line in one.decided.lines
    ]
    return pl.DataFrame(lines, LINE, orient="row")


@dataclass(slots=True)
class _Left:
    """The orders of requests, and what is left of them after each request."""

    found: Mapping[str, list[FoundOrder]]
    refundable: Mapping[int, Refundable]

    @classmethod
    def of(cls, connection: Connection, asked: Sequence[RefundAsked], *, lock: bool) -> _Left:
        found = find_orders(connection, (one.order for one in asked))
        orders = [order for of_number in found.values() for order in of_number]
        refundable = find_refundable(connection, orders, lock=lock)
        if any(one.kind is RefundKind.DISPUTE for one in asked):
            add_disputes(connection, refundable)
        return cls(found, refundable)


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
        refundable.disputes.add(asked.reference)
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


def _complete_settled(
    connection: Connection, settled: Mapping[int, RefundAsked], now: int, terms: RefundTerms
) -> None:
    by_day: dict[date | None, dict[int, str | None]] = defaultdict(dict)
    for refund, asked in settled.items():
        day = None if asked.on_order_day else asked.day or terms.day_of(now)
        by_day[day][refund] = asked.reference
    for day, of_day in by_day.items():
        complete(connection, of_day, now, day)


def _record(connection: Connection, entered: Sequence[Requested], actor: str) -> None:
    if len(entered) == 1:
        details = connection.execute(_audited().where(refunds.c.id == entered[0].id)).mappings().one()
        record_action(connection, actor, "refunds.request", entered[0].refund_id, **details)
    elif entered:
        record_action(connection, actor, "refunds.request", entered[0].refund_id, refunds=len(entered))


def _audited() -> Select[Any]:
    return (
        select(orders.c.number.label("order"), sources.c.name.label("source"), refunds.c.amount)
        .add_columns(orders.c.currency, refunds.c.kind)
        .join_from(refunds, orders, orders.c.id == refunds.c.order_id)
        .join(sources, sources.c.id == orders.c.source_id)
    )
