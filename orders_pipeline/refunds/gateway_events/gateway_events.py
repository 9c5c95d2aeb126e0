"""Events that the payment gateway sends: each is stored before it is processed.

Events may arrive twice, out of order, or before their order or refund is in the store. An event that cannot
be processed yet waits and is tried again; none is dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Self

from pydantic import BaseModel, ValidationError
from sqlalchemy import Connection, Engine, Row, Select, bindparam, func, select, update

from orders_pipeline.base.clock import now_us, to_datetime
from orders_pipeline.base.model import GatewayEventStatus
from orders_pipeline.base.text.printable import printable
from orders_pipeline.refunds.gateway_events.event_effects import StoredEvent, Verdict, carry_out
from orders_pipeline.refunds.requests.terms import RefundTerms
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import gateway_events
from orders_pipeline.store.statements.many_values import among, parts
from orders_pipeline.store.statements.upsert import insert_into

TRIED_AT_ONCE = 1_000
LONGEST_SUBJECT = 255
NUL = r"\u0000"
WAITING = GatewayEventStatus.WAITING


class EventUnreadableError(ValueError):
    """The body is not an event."""


class _Body(BaseModel):
    type: str
    data: dict[str, Any]


class SentEvent(NamedTuple):
    """An event that the gateway sent.

    Attributes:
        id: the same for each repetition of the event.
        subject: the id of the dispute or refund that the event is about.
    """

    id: str
    type: str
    subject: str
    body: str

    @classmethod
    def read(cls, event_id: str, body: str) -> Self:
        """Reads the body of an event.

        Raises:
            EventUnreadableError: the body is not an event.
        """
        event = _read(body)
        about = event.data.get("reference" if event.type.startswith("refund.") else "id")
        subject = printable(str(about or ""))[:LONGEST_SUBJECT]
        return cls(event_id, event.type, subject or event_id, body)


def store_events(engine: Engine, events: Iterable[SentEvent]) -> dict[str, Verdict]:
    """Stores events in one transaction; returns the stored state of each, by its id.

    A new event waits until `carry_out_events` processes it. A repetition changes nothing.
    """
    sent = {event.id: event for event in events}
    new = {"received_at": now_us(), "status": WAITING, "reason": ""}
    known: dict[str, Verdict] = {}
    with engine.begin() as connection:
        insert = insert_into(connection, gateway_events).on_conflict_do_nothing()
        for ids in parts(sent):
            connection.execute(insert, [{**sent[event_id]._asdict(), **new} for event_id in ids])
            known |= _known(connection, ids)
    return known


def carry_out_events(engine: Engine, terms: RefundTerms, subjects: Iterable[str]) -> None:
    """Processes the stored events about these disputes and refunds, as far as this is possible yet."""
    e = gateway_events.c
    for part in parts(subjects):
        with reading(engine) as connection:
            waiting = connection.execute(_waiting().where(among(connection, e.subject, part))).all()
        _carry_out(engine, terms, waiting)


def try_waiting_events(engine: Engine, terms: RefundTerms) -> int:
    """Processes events that wait; returns how many of them still wait.

    If there are too many, a random sample is processed, so that events that wait forever do not block others.
    """
    drawn = _waiting().order_by(func.random()).limit(TRIED_AT_ONCE)
    with reading(engine) as connection:
        waiting = connection.execute(drawn).all()
    return _carry_out(engine, terms, waiting)


def list_events(
    connection: Connection, status: GatewayEventStatus | None, limit: int
) -> list[dict[str, Any]]:
    """Returns events as the API shows them, newest first."""
    query = select(gateway_events).order_by(gateway_events.c.received_at.desc(), gateway_events.c.id)
    if status:
        query = query.where(gateway_events.c.status == status)
    return [
        {**dict(row), "received_at": to_datetime(row["received_at"]).isoformat(timespec="milliseconds")}
        for row in connection.execute(query.limit(limit)).mappings()
    ]


def _read(body: str) -> _Body:
    if NUL in body:
        raise EventUnreadableError("The body has a character that cannot be stored.")
    try:
        return _Body.model_validate_json(body)
    except ValidationError as error:
        problems = "; ".join(problem["msg"] for problem in error.errors())
        raise EventUnreadableError(f"The body is not an event: {problems}") from None


def _known(connection: Connection, ids: Sequence[str]) -> dict[str, Verdict]:
    e = gateway_events.c
    rows = connection.execute(select(e.id, e.status, e.reason).where(among(connection, e.id, ids)))
    return {row.id: Verdict(GatewayEventStatus(row.status), row.reason) for row in rows}


def _waiting() -> Select[Any]:
    e = gateway_events.c
    return select(e.id, e.type, e.body, e.reason).where(e.status == WAITING)


def _carry_out(engine: Engine, terms: RefundTerms, waiting: Sequence[Row[Any]]) -> int:
    events = [StoredEvent(row.id, row.type, _read(row.body).data) for row in waiting]
    verdicts = carry_out(engine, terms, events)
    before = {row.id: Verdict(WAITING, row.reason) for row in waiting}
    _note(engine, {event: verdict for event, verdict in verdicts.items() if verdict != before[event]})
    return sum(verdict.status is WAITING for verdict in verdicts.values())


def _note(engine: Engine, verdicts: Mapping[str, Verdict]) -> None:
    e = gateway_events.c
    became = update(gateway_events).where(e.id == bindparam("event"), e.status == WAITING)
    rows = [{"event": event_id, **verdict._asdict()} for event_id, verdict in sorted(verdicts.items())]
    if rows:
        with engine.begin() as connection:
            connection.execute(became, rows)
