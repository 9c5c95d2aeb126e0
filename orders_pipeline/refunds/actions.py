"""What operators do with refunds: cancel, approve, retry, and book that a refund was returned.

Each action names refunds by id, can be previewed, and is recorded in the transaction that carries it out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, Select, select, update

from orders_pipeline.access.audit import is_same_person, record_action
from orders_pipeline.base.amounts.money import decimal_string
from orders_pipeline.base.clock import now_us
from orders_pipeline.base.model import PaymentMethod, RefundKind, RefundStatus
from orders_pipeline.refunds.outcomes.completion import cancel, reverse
from orders_pipeline.refunds.requests.asked import RefundRefused, UnknownRefundError
from orders_pipeline.refunds.requests.terms import awaits_approval
from orders_pipeline.refunds.retry import retry
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import orders, refunds
from orders_pipeline.store.statements.many_values import parts

NUMBERS_LISTED = 20


class RefundAction(StrEnum):
    """What an operator does with refunds."""

    CANCEL = "cancel"
    APPROVE = "approve"
    RETRY = "retry"
    REVERSE = "reverse"


@dataclass(frozen=True, slots=True)
class Named:
    """A refund that an operator names, with the values on which actions depend."""

    id: int
    refund_id: str
    status: RefundStatus
    kind: RefundKind
    method: PaymentMethod
    amount: int
    currency: str
    requested_by: str
    awaits_approval: bool


@dataclass(frozen=True, slots=True)
class Acted:
    """The refunds that an action changes or changed, and the reasons why it does not change others."""

    done: tuple[Named, ...]
    refused: tuple[RefundRefused, ...]

    def counted(self) -> dict[str, Any]:
        """Returns the number of the refunds, and their amounts as decimal strings by currency."""
        sums: Counter[str] = Counter()
        for one in self.done:
            sums[one.currency] += one.amount
        return {
            "refunds": len(self.done),
            "amounts": {currency: decimal_string(amount, currency) for currency, amount in sums.items()},
        }


def preview(engine: Engine, action: RefundAction, refund_ids: Sequence[str], actor: str) -> Acted:
    """Returns what an action would do. A retry can still fail if too little is left of the order.

    Raises:
        UnknownRefundError: there is no refund with one of the ids.
    """
    with reading(engine) as connection:
        return _judged(action, _named(connection, refund_ids, lock=False), actor)


def act(
    engine: Engine, action: RefundAction, refund_ids: Sequence[str], actor: str, because: str = ""
) -> Acted:
    """Carries out an action on each named refund that allows it. `settle.py` calls the gateway afterwards.

    Args:
        because: the reason; for a reversal, it becomes the refund's `failure`.

    Raises:
        UnknownRefundError: there is no refund with one of the ids.
    """
    with engine.begin() as connection:
        acted = _judged(action, _named(connection, refund_ids, lock=True), actor)
        if acted.done:
            acted = _carry_out(connection, action, acted, actor, because)
        if acted.done:
            ids = [one.refund_id for one in acted.done][:NUMBERS_LISTED]
            details = {**acted.counted(), "ids": ids, **({"because": because} if because else {})}
            record_action(connection, actor, f"refunds.{action}", ids[0] if len(ids) == 1 else "", **details)
        return acted


def refund_ids_of(connection: Connection, status: RefundStatus) -> list[str]:
    """Returns the ids of all refunds with this status, oldest first."""
    query = select(refunds.c.refund_id).where(refunds.c.status == status).order_by(refunds.c.id)
    return list(connection.scalars(query))


def _carry_out(connection: Connection, action: RefundAction, acted: Acted, actor: str, because: str) -> Acted:
    ids, now = [one.id for one in acted.done], now_us()
    match action:
        case RefundAction.CANCEL:
            cancel(connection, ids, now)
        case RefundAction.APPROVE:
            approved = update(refunds).where(refunds.c.id.in_(ids)).values(approved_by=actor)
            connection.execute(approved)
        case RefundAction.REVERSE:
            reverse(connection, {one.id: because or _came_back(one) for one in acted.done}, now)
        case RefundAction.RETRY:
            refused = retry(connection, ids)
            done = tuple(one for one in acted.done if one.id not in refused)
            return Acted(done, (*acted.refused, *refused.values()))
    return acted


def _came_back(named: Named) -> str:
    return "won" if named.kind is RefundKind.DISPUTE else "returned"


def _named(connection: Connection, refund_ids: Sequence[str], *, lock: bool) -> list[Named]:
    query = _query().with_for_update(of=refunds) if lock else _query()
    found: dict[str, Named] = {}
    for part in parts(refund_ids):
        for row in connection.execute(query.where(refunds.c.refund_id.in_(part))):
            found[row.refund_id] = _of_row(row)
    for refund_id in refund_ids:
        if refund_id not in found:
            raise UnknownRefundError(refund_id)
    return sorted(found.values(), key=lambda one: one.id)


def _query() -> Select[Any]:
    r = refunds.c
    return (
        select(r.id, r.refund_id, r.status, r.kind, r.method, r.amount, r.requested_by)
        .add_columns(awaits_approval().label("awaits_approval"), orders.c.currency)
        .join(orders, orders.c.id == r.order_id)
        .order_by(r.id)
    )


def _of_row(row: Any) -> Named:
    return Named(
        row.id,
        row.refund_id,
        RefundStatus(row.status),
        RefundKind(row.kind),
        PaymentMethod(row.method),
        row.amount,
        row.currency,
        row.requested_by,
        row.status == RefundStatus.PENDING and bool(row.awaits_approval),
    )


def _judged(action: RefundAction, named: Iterable[Named], actor: str) -> Acted:
    done, refused = [], []
    for one in named:
        if why := WHY_NOT[action](one, actor):
            refused.append(RefundRefused(why.code, f"Refund {one.refund_id} {why.said}.", why.hint))
        else:
            done.append(one)
    return Acted(tuple(done), tuple(refused))


class _Why(NamedTuple):
    """Why an action is not possible: the end of the sentence about the refund, and what to do."""

    code: str
    said: str
    hint: str = ""


def _not_cancellable(one: Named, _actor: str) -> _Why | None:
    if one.status is RefundStatus.PENDING:
        return None
    return _Why("not_cancellable", f"is {one.status}", "Only a pending refund can be cancelled.")


def _not_to_approve(one: Named, actor: str) -> _Why | None:
    if not one.awaits_approval:
        return _Why("not_awaiting_approval", f"is {one.status} and does not wait for an approval")
    if is_same_person(one.requested_by, actor):
        return _Why("same_operator", f"was requested by {actor}", "Another operator has to approve it.")
    return None


def _not_retryable(one: Named, _actor: str) -> _Why | None:
    if one.status is not RefundStatus.FAILED:
        return _Why("not_retryable", f"is {one.status}", "Only a failed refund can be retried.")
    if (one.kind, one.method) != (RefundKind.REFUND, PaymentMethod.GATEWAY):
        hint = "Book it again with `orders refund`."
        return _Why("not_retryable", "was not made by the gateway", hint)
    return None


def _not_reversible(one: Named, _actor: str) -> _Why | None:
    if one.status is RefundStatus.COMPLETED:
        return None
    return _Why("not_reversible", f"is {one.status}", "Only a completed refund or dispute can be reversed.")


WHY_NOT: dict[RefundAction, Callable[[Named, str], _Why | None]] = {
    RefundAction.CANCEL: _not_cancellable,
    RefundAction.APPROVE: _not_to_approve,
    RefundAction.RETRY: _not_retryable,
    RefundAction.REVERSE: _not_reversible,
}
