"""Processes events of the payment gateway: disputes, and refunds that end late or fail later.

Events are processed in sets of one type, each set in one transaction. A set has each dispute and each refund
only once. A dispute is opened before it is won, even if the events arrive in the other order. If a set fails,
it is halved until only the events that fail themselves wait.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from itertools import islice
from typing import Annotated, Any, NamedTuple
from urllib.parse import unquote

from pydantic import BaseModel, Field, ValidationError
from sqlalchemy import Connection, Engine, Row, Select, and_, select
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionLeft

from orders_pipeline.access.audit import record_action
from orders_pipeline.base.amounts.currency import minor_digits
from orders_pipeline.base.clock import now_us
from orders_pipeline.base.model import GatewayEventStatus, RefundKind, RefundStatus
from orders_pipeline.refunds.actions import NUMBERS_LISTED, RefundAction, act
from orders_pipeline.refunds.outcomes.completion import complete, fail, lock_payments, reverse
from orders_pipeline.refunds.requests.asked import RefundAsked, RefundRefused
from orders_pipeline.refunds.requests.decide import DISPUTE_BOOKED_BEFORE
from orders_pipeline.refunds.requests.request import Answer, request_refunds
from orders_pipeline.refunds.requests.terms import RefundTerms
from orders_pipeline.refunds.retry import ASK_AT_ONCE, ask_again
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import orders, payments, refunds, sources
from orders_pipeline.store.statements.many_values import among, parts

ACTOR = "gateway"
CHANGES_NOTHING = "Events of this type change nothing."
NO_TRANSACTION = "The event names no transaction."
MADE_AFTER_ALL = "The refund had failed, and cannot be booked now."
WAITING, APPLIED, IGNORED = GatewayEventStatus
Amount = Annotated[int, Field(strict=True, ge=0, lt=2**53)]
# It becomes part of a unique key, whose length PostgreSQL limits.
Id = Annotated[str, Field(max_length=255)]
# No event is the reason for these, and further statements would fail, too.
OUTAGES = (OperationalError, InterfaceError, NoConnectionLeft)
log = logging.getLogger(__name__)


class StoredEvent(NamedTuple):
    """A stored event."""

    id: str
    type: str
    data: dict[str, Any]


class Verdict(NamedTuple):
    """The outcome of an event, with a reason unless the event was processed normally."""

    status: GatewayEventStatus
    reason: str = ""


class _About(BaseModel):
    """The refund or dispute that an event is about. Amounts are in the currency's minor unit.

    Attributes:
        reference: the key of the refund, or of the disputed charge; empty if the provider sends only the
            transaction id.
        charge: transaction id of the charge.
        transaction_id: transaction id of the refund.
        fee: fee for a dispute, on top of its amount.
    """

    id: Id
    reference: str = ""
    charge: str
    amount: Amount
    currency: str
    transaction_id: str | None = None
    failure_reason: str | None = None
    fee: Amount = 0
    reason: str = ""


# The events of one set, by their ids.
EventSet = Mapping[str, _About]
Verdicts = dict[str, Verdict]
Effect = Callable[[Engine, RefundTerms, EventSet], Verdicts]


def carry_out(engine: Engine, terms: RefundTerms, events: Iterable[StoredEvent]) -> Verdicts:
    """Processes the events that can be processed; returns the outcome of each event, by its id."""
    verdicts: Verdicts = {}
    sets = defaultdict[tuple[int, int], dict[str, _About]](dict)
    before = Counter[tuple[str, str]]()
    for event in events:
        about = _about(event)
        if isinstance(about, Verdict):
            verdicts[event.id] = about
            continue
        same = (event.type, about.reference if event.type in REFUND_TYPES else about.id)
        sets[TYPES.index(event.type), before[same]][event.id] = about
        before[same] += 1
    for (kind, _), of_set in sorted(sets.items()):
        verdicts |= _effect(EFFECTS[TYPES[kind]], engine, terms, of_set)
    return verdicts


def _effect(effect: Effect, engine: Engine, terms: RefundTerms, events: EventSet) -> Verdicts:
    try:
        return effect(engine, terms, events)
    except OUTAGES:
        raise
    except Exception as error:
        if len(events) == 1:
            log.exception("An event of the payment gateway could not be carried out: %s", *events)
            return dict.fromkeys(events, Verdict(WAITING, _why(error)))
    rest = iter(events.items())
    half = dict(islice(rest, len(events) // 2))
    return _effect(effect, engine, terms, half) | _effect(effect, engine, terms, dict(rest))


def _why(error: Exception) -> str:
    return f"It could not be carried out ({type(error).__name__}). The log has the details."


def _about(event: StoredEvent) -> _About | Verdict:
    if event.type == "dispute.lost":
        return Verdict(IGNORED, "The bank keeps the disputed amount.")
    if event.type not in EFFECTS:
        return Verdict(IGNORED, CHANGES_NOTHING)
    try:
        return _About.model_validate(event.data)
    except ValidationError as error:
        fields = ", ".join(str(problem["loc"][0]) for problem in error.errors())
        return Verdict(WAITING, f"Not valid: {fields}.")


def _open_disputes(engine: Engine, terms: RefundTerms, events: EventSet) -> Verdicts:
    with reading(engine) as connection:
        charged = _charged(connection, {one.charge for one in events.values()})
    verdicts: Verdicts = {}
    asked: dict[str, RefundAsked] = {}
    for event_id, one in events.items():
        row = next((row for row in charged[one.charge] if _is_charge_of(row, one)), None)
        if row is None:
            why = f"No completed order was charged as {one.charge} for {one.reference}."
            verdicts[event_id] = Verdict(WAITING, why)
        else:
            asked[event_id] = _dispute_of(row, one)
    answers = request_refunds(engine, list(asked.values()), terms, ACTOR)
    for event_id, answer in zip(asked, answers, strict=True):
        verdicts[event_id] = _booked(answer)
    return verdicts


def _booked(answer: Answer) -> Verdict:
    if not isinstance(answer, RefundRefused):
        return Verdict(APPLIED)
    # A person may have booked it before the event arrived.
    return Verdict(APPLIED if answer.code == DISPUTE_BOOKED_BEFORE else WAITING, answer.message)


def _charged(connection: Connection, transactions: Iterable[str]) -> dict[str, list[Row[Any]]]:
    """Returns orders by the transaction id of their charge."""
    query: Select[Any] = (
        select(payments.c.transaction_id, orders.c.number, orders.c.currency, sources.c.name)
        .join(orders, orders.c.id == payments.c.order_id)
        .join(sources, sources.c.id == orders.c.source_id)
    )
    found = defaultdict[str, list[Row[Any]]](list)
    for part in parts(transactions):
        for row in connection.execute(query.where(among(connection, payments.c.transaction_id, part))):
            found[row.transaction_id].append(row)
    return found


def _is_charge_of(row: Row[Any], event: _About) -> bool:
    """Whether an order has the currency of the event, and its charge the key, if the event has one."""
    source, _, rest = event.reference.partition("/")
    keyed = (row.name, row.number) == (unquote(source), rest.rpartition("/")[0])
    return row.currency == event.currency and (keyed or not event.reference)


def _dispute_of(row: Row[Any], event: _About) -> RefundAsked:
    digits = minor_digits(event.currency)
    return RefundAsked(
        order=row.number,
        source=row.name,
        kind=RefundKind.DISPUTE,
        amount=Decimal(event.amount).scaleb(-digits),
        fee=Decimal(event.fee).scaleb(-digits),
        reason=event.reason,
        reference=event.id,
        key=_dispute_key(event.id),
    )


def _win_disputes(engine: Engine, _terms: RefundTerms, events: EventSet) -> Verdicts:
    with reading(engine) as connection:
        rows = _disputes(connection, events.values())
    lost = [row.refund_id for row in rows if row.status == RefundStatus.COMPLETED]
    if lost:
        act(engine, RefundAction.REVERSE, lost, ACTOR, "won")
    opened = {row.transaction_id for row in rows}
    return {
        event_id: Verdict(APPLIED)
        if one.id in opened
        else Verdict(WAITING, f"No dispute {one.id} was opened.")
        for event_id, one in events.items()
    }


def _disputes(connection: Connection, events: Iterable[_About]) -> list[Any]:
    """Returns the booked disputes of events, also those that a person booked with the dispute's id."""
    charges = {one.id: one.charge for one in events}
    r, p = refunds.c, payments.c
    of_refund = and_(p.order_id == r.order_id, p.attempt == r.attempt)
    query = select(r.transaction_id, r.refund_id, r.status, p.transaction_id.label("charge"))
    charged = among(connection, p.transaction_id, sorted(set(charges.values())))
    booked = query.join(payments, of_refund).where(charged, r.kind == RefundKind.DISPUTE)
    return [row for row in connection.execute(booked) if charges.get(row.transaction_id) == row.charge]


def _succeed_late(engine: Engine, terms: RefundTerms, events: EventSet) -> Verdicts:
    with engine.begin() as connection:
        rows, verdicts = _in_this_round(connection, events)
        done = {event_id: row for event_id, row in rows.items() if events[event_id].transaction_id}
        verdicts |= {event_id: Verdict(WAITING, NO_TRANSACTION) for event_id in rows.keys() - done.keys()}
        ended = _undecided(done, events)
        if ended:
            now = now_us()
            transactions = {refund: one.transaction_id for refund, one in ended.items()}
            complete(connection, transactions, now, terms.day_of(now))
        verdicts |= {event_id: _ended(row) for event_id, row in done.items()}
        return verdicts | _ask_for_failed(connection, done)


def _ask_for_failed(connection: Connection, rows: Mapping[str, Row[Any]]) -> Verdicts:
    """Puts back refunds that failed without having been made; returns the outcome of the events about them.

    Events may arrive out of order, so only the gateway knows whether a refund failed or was made in the end.
    """
    failed = {
        event_id: row
        for event_id, row in rows.items()
        if row.status == RefundStatus.FAILED and row.transaction_id is None
    }
    refused = ask_again(connection, [row.id for row in failed.values()]) if failed else {}
    return {
        event_id: Verdict(WAITING, f"{MADE_AFTER_ALL} {refused[row.id].message}")
        if row.id in refused
        else Verdict(APPLIED, "The refund had failed. The gateway is asked for its outcome again.")
        for event_id, row in failed.items()
    }


def _fail_late(engine: Engine, _terms: RefundTerms, events: EventSet) -> Verdicts:
    with engine.begin() as connection:
        rows, verdicts = _in_this_round(connection, events)
        open_ones = _undecided(rows, events)
        made = _with_status(rows, events, RefundStatus.COMPLETED)
        now = now_us()
        if open_ones:
            fail(connection, {refund: _failure(one) for refund, one in open_ones.items()}, now)
        if made:
            reverse(connection, {refund: _failure(one) for refund, one in made.items()}, now)
            _record_reversed(connection, made.values())
    return verdicts | {event_id: _ended(row) for event_id, row in rows.items()}


def _record_reversed(connection: Connection, made: Iterable[_About]) -> None:
    by_reason = defaultdict[str, list[str]](list)
    for one in made:
        by_reason[_failure(one)].append(_refund_of(one)[0])
    for reason, ids in by_reason.items():
        target = ids[0] if len(ids) == 1 else ""
        details = {"refunds": len(ids), "ids": ids[:NUMBERS_LISTED], "because": reason}
        record_action(connection, ACTOR, "refunds.reverse", target, **details)


def _in_this_round(connection: Connection, events: EventSet) -> tuple[dict[str, Row[Any]], Verdicts]:
    """Locks and returns the refunds whose current round the events are about, and locks their payments.

    Also the outcome of other events.
    """
    found = _locked(connection, {_refund_of(one)[0] for one in events.values()})
    rows, verdicts = {}, {}
    for event_id, one in events.items():
        refund_id, attempt = _refund_of(one)
        row = found.get(refund_id)
        if row is None or (row.amount, row.currency) != (one.amount, one.currency):
            verdicts[event_id] = Verdict(WAITING, f"No refund of this amount has the key {one.reference}.")
        elif attempt != str(row.round):
            verdicts[event_id] = Verdict(IGNORED, f"The refund is in round {row.round}.")
        else:
            rows[event_id] = row
    return rows, verdicts


def _locked(connection: Connection, refund_ids: Iterable[str]) -> dict[str, Row[Any]]:
    r = refunds.c
    named = among(connection, r.refund_id, sorted(refund_ids))
    query: Select[Any] = (
        select(r.id, r.refund_id, r.status, r.round, r.amount, r.transaction_id, r.asked_at)
        .add_columns(orders.c.currency)
        .join(orders, orders.c.id == r.order_id)
        .where(named)
        .order_by(r.id)
    )
    found = {row.refund_id: row for row in connection.execute(query.with_for_update(of=refunds))}
    # The effects change payments in several steps, and totals in between.
    lock_payments(connection, select(r.order_id).where(named))
    return found


def _with_status(rows: Mapping[str, Row[Any]], events: EventSet, status: RefundStatus) -> dict[int, _About]:
    """Returns the events about refunds with this status, by the id of the refund's row."""
    return {row.id: events[event_id] for event_id, row in rows.items() if row.status == status}


def _undecided(rows: Mapping[str, Row[Any]], events: EventSet) -> dict[int, _About]:
    """Returns the events that decide refunds in processing, except those about which the gateway is asked."""
    decided_here = {event_id: row for event_id, row in rows.items() if row.asked_at != ASK_AT_ONCE}
    return _with_status(decided_here, events, RefundStatus.PROCESSING)


def _ended(row: Row[Any]) -> Verdict:
    if row.status in (RefundStatus.PENDING, RefundStatus.CANCELLED):
        return Verdict(WAITING, f"The refund is {row.status}.")
    return Verdict(APPLIED)


def _refund_of(event: _About) -> tuple[str, str]:
    """Returns the id and the round of the refund that an event is about."""
    _, refund_id, attempt = (*event.reference.split("/"), "", "")[:3]
    return refund_id, attempt


def _failure(event: _About) -> str:
    return event.failure_reason or "failed"


def _dispute_key(dispute: str) -> str:
    return f"dispute:{dispute}"


EFFECTS: dict[str, Effect] = {
    "dispute.opened": _open_disputes,
    "dispute.won": _win_disputes,
    "refund.succeeded": _succeed_late,
    "refund.failed": _fail_late,
}
TYPES = list(EFFECTS)
REFUND_TYPES = frozenset(TYPES[2:])
