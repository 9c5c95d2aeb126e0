"""What the payment gateway tells by itself: disputes, and refunds that end late or fail after all.

Events may come twice, out of order, or before the store knows what they are about. Each is stored before it
is carried out. One that cannot be carried out yet waits, and is tried again; none is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import unquote

from pydantic import BaseModel, Field, ValidationError
from sqlalchemy import ColumnElement, Connection, Engine, Row, Select, select, true, update

from orders_pipeline.access.audit import record_action
from orders_pipeline.base.clock import now_us, to_datetime
from orders_pipeline.base.currency import minor_digits
from orders_pipeline.base.model import GatewayEventStatus, RefundKind, RefundStatus
from orders_pipeline.base.printable import printable
from orders_pipeline.refunds.actions import RefundAction, act
from orders_pipeline.refunds.asked import RefundAsked, RefundRefused
from orders_pipeline.refunds.completion import complete, fail, reverse
from orders_pipeline.refunds.request import RefundTerms, request_refunds
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import gateway_events, orders, payments, refunds, sources
from orders_pipeline.store.upsert import insert_into

ACTOR = "gateway"
TRIED_AT_ONCE = 100
LONGEST_SUBJECT = 255
CHANGES_NOTHING = "Events of this type change nothing."
NUL = r"\u0000"
DISPUTE_OPENED, DISPUTE_WON, DISPUTE_LOST = "dispute.opened", "dispute.won", "dispute.lost"
REFUND_SUCCEEDED, REFUND_FAILED = "refund.succeeded", "refund.failed"
WAITING, APPLIED, IGNORED = GatewayEventStatus
Amount = Annotated[int, Field(strict=True, ge=0, lt=2**53)]


class EventUnreadableError(ValueError):
    """The body is no event."""


class _Told(BaseModel):
    """What an event is about: a refund, or a dispute. Amounts are in the currency's minor unit.

    Attributes:
        reference: the key of the refund, or of the charge that is disputed; empty if the provider tells only
            the transaction.
        charge: transaction id of the charge.
        transaction_id: of the refund.
        fee: of a dispute, on top of its amount.
    """

    id: str
    reference: str = ""
    charge: str
    amount: Amount
    currency: str
    transaction_id: str | None = None
    failure_reason: str | None = None
    fee: Amount = 0
    reason: str = ""


class _Event(BaseModel):
    type: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of an event, and why, if it was not simply carried out."""

    status: GatewayEventStatus
    reason: str = ""


def receive_event(engine: Engine, terms: RefundTerms, event_id: str, body: str) -> Verdict:
    """Stores an event and carries it out, with those that waited for it. A repetition changes nothing.

    Args:
        event_id: the same for each repetition of an event.

    Raises:
        EventUnreadableError: the body is no event.
    """
    event = _event_of(body)
    row: dict[str, Any] = {"id": event_id, "type": event.type, "subject": _subject(event) or event_id}
    row |= {"body": body, "received_at": now_us(), "status": WAITING, "reason": ""}
    with engine.begin() as connection:
        connection.execute(insert_into(connection, gateway_events).values(row).on_conflict_do_nothing())
    _try(engine, terms, gateway_events.c.subject == row["subject"])
    told = select(gateway_events.c.status, gateway_events.c.reason)
    with reading(engine) as connection:
        found = connection.execute(told.where(gateway_events.c.id == event_id)).one()
    return Verdict(GatewayEventStatus(found.status), found.reason)


def try_waiting_events(engine: Engine, terms: RefundTerms) -> int:
    """Carries out events that waited for what they are about; returns how many still wait, of the newest."""
    return _try(engine, terms, true())


def list_events(
    connection: Connection, status: GatewayEventStatus | None, limit: int
) -> list[dict[str, Any]]:
    """Events as the API shows them, the newest first."""
    query = select(gateway_events).order_by(gateway_events.c.received_at.desc(), gateway_events.c.id)
    if status:
        query = query.where(gateway_events.c.status == status)
    return [
        {**dict(row), "received_at": to_datetime(row["received_at"]).isoformat(timespec="milliseconds")}
        for row in connection.execute(query.limit(limit)).mappings()
    ]


def _try(engine: Engine, terms: RefundTerms, chosen: ColumnElement[bool]) -> int:
    e = gateway_events.c
    # A dispute is opened before it is won, whichever event came first.
    query: Select[Any] = select(e.id, e.type, e.body).where(e.status == WAITING, chosen)
    newest = query.order_by(e.received_at.desc()).limit(TRIED_AT_ONCE)
    with reading(engine) as connection:
        found = sorted(connection.execute(newest).all(), key=lambda row: row.type == DISPUTE_WON)
    verdicts = {row.id: _carry_out(engine, terms, row) for row in found}
    with engine.begin() as connection:
        for event_id, verdict in verdicts.items():
            became = update(gateway_events).where(e.id == event_id, e.status == WAITING)
            connection.execute(became.values(status=verdict.status, reason=verdict.reason))
    return sum(verdict.status is WAITING for verdict in verdicts.values())


def _carry_out(engine: Engine, terms: RefundTerms, row: Row[Any]) -> Verdict:
    event = _event_of(row.body)
    if event.type == DISPUTE_LOST:
        return Verdict(IGNORED, "The bank keeps what the opened dispute took.")
    if event.type not in (DISPUTE_OPENED, DISPUTE_WON, REFUND_SUCCEEDED, REFUND_FAILED):
        return Verdict(IGNORED, CHANGES_NOTHING)
    try:
        told = _Told.model_validate(event.data)
    except ValidationError as error:
        fields = ", ".join(str(problem["loc"][0]) for problem in error.errors())
        return Verdict(WAITING, f"Not valid: {fields}.")
    match event.type:
        case "dispute.opened":
            return _open_dispute(engine, terms, told)
        case "dispute.won":
            return _win_dispute(engine, told)
    return _end_refund(engine, terms, told, failed=event.type == REFUND_FAILED)


def _event_of(body: str) -> _Event:
    if NUL in body:
        raise EventUnreadableError("The body has a character that the store cannot keep.")
    try:
        return _Event.model_validate_json(body)
    except ValidationError as error:
        problems = "; ".join(problem["msg"] for problem in error.errors())
        raise EventUnreadableError(f"The body is no event: {problems}") from None


def _subject(event: _Event) -> str:
    """The dispute or refund that an event is about."""
    told = event.data.get("reference" if event.type.startswith("refund.") else "id")
    return printable(str(told or ""))[:LONGEST_SUBJECT]


def _open_dispute(engine: Engine, terms: RefundTerms, told: _Told) -> Verdict:
    with reading(engine) as connection:
        found = _order_of(connection, told)
    if found is None:
        return Verdict(WAITING, f"No completed order was charged as {told.charge} for {told.reference}.")
    digits = minor_digits(told.currency)
    asked = RefundAsked(
        order=found.number,
        source=found.name,
        kind=RefundKind.DISPUTE,
        amount=Decimal(told.amount).scaleb(-digits),
        fee=Decimal(told.fee).scaleb(-digits),
        reason=told.reason,
        reference=told.id,
        key=_dispute_key(told.id),
    )
    (answer,) = request_refunds(engine, [asked], terms, ACTOR)
    return Verdict(WAITING, answer.message) if isinstance(answer, RefundRefused) else Verdict(APPLIED)


def _order_of(connection: Connection, told: _Told) -> Row[Any] | None:
    """The completed order whose charge has this transaction, and this key if the event tells it."""
    source, _, rest = told.reference.partition("/")
    keyed = (sources.c.name == unquote(source)) & (orders.c.number == rest.rpartition("/")[0])
    query: Select[Any] = (
        select(orders.c.number, sources.c.name)
        .join(sources, sources.c.id == orders.c.source_id)
        .join(payments, payments.c.order_id == orders.c.id)
        .where(keyed if told.reference else true())
        .where(orders.c.currency == told.currency, payments.c.transaction_id == told.charge)
    )
    return connection.execute(query).first()


def _win_dispute(engine: Engine, told: _Told) -> Verdict:
    query = select(refunds.c.refund_id, refunds.c.status)
    with reading(engine) as connection:
        row = connection.execute(query.where(refunds.c.request_key == _dispute_key(told.id))).first()
    if row is None:
        return Verdict(WAITING, f"No dispute {told.id} was opened.")
    if row.status == RefundStatus.COMPLETED:
        act(engine, RefundAction.REVERSE, [row.refund_id], ACTOR, "won")
    return Verdict(APPLIED)


def _end_refund(engine: Engine, terms: RefundTerms, told: _Told, *, failed: bool) -> Verdict:
    _, refund_id, attempt = (*told.reference.split("/"), "", "")[:3]
    r = refunds.c
    query: Select[Any] = select(r.id, r.status, r.round, r.amount, orders.c.currency)
    query = query.join(orders, orders.c.id == r.order_id).where(r.refund_id == refund_id)
    with engine.begin() as connection:
        row = connection.execute(query.with_for_update(of=refunds)).first()
        if row is None or (row.amount, row.currency) != (told.amount, told.currency):
            return Verdict(WAITING, f"No refund of this amount has the key {told.reference}.")
        if attempt != str(row.round):
            return Verdict(IGNORED, f"The refund is in round {row.round}.")
        if failed:
            return _fail_late(connection, row, told.failure_reason or "failed", refund_id)
        return _succeed_late(connection, row, told.transaction_id, terms)


def _fail_late(connection: Connection, row: Row[Any], reason: str, refund_id: str) -> Verdict:
    match RefundStatus(row.status):
        case RefundStatus.PROCESSING:
            fail(connection, {row.id: reason}, now_us())
        case RefundStatus.COMPLETED:
            reverse(connection, {row.id: reason}, now_us())
            record_action(connection, ACTOR, "refunds.reverse", refund_id, because=reason)
        case RefundStatus.PENDING | RefundStatus.CANCELLED:
            return Verdict(WAITING, f"The refund is {row.status}.")
    return Verdict(APPLIED)


def _succeed_late(
    connection: Connection, row: Row[Any], transaction_id: str | None, terms: RefundTerms
) -> Verdict:
    status = RefundStatus(row.status)
    if transaction_id is None or status in (RefundStatus.PENDING, RefundStatus.CANCELLED):
        why = f"The refund is {status}." if transaction_id else "The event names no transaction."
        return Verdict(WAITING, why)
    if status is RefundStatus.PROCESSING:
        now = now_us()
        complete(connection, {row.id: transaction_id}, now, terms.day_of(now))
    return Verdict(APPLIED)


def _dispute_key(dispute: str) -> str:
    return f"dispute:{dispute}"
