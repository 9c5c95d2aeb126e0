"""One round of deliveries to an endpoint: which requests are due, and their outcome.

A process holds an endpoint while it delivers to it, so that no other process does. An event of a subject
waits until the previous event of that subject is delivered or listed as failed. The events in a request are
fixed before its first try.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, case, exists, func, or_, select, update

from orders_pipeline.base.clock import now_us
from orders_pipeline.events.documents import BATCH, ONE, event_documents, source_of
from orders_pipeline.events.endpoints import IS_THERE, Endpoint, find_endpoint
from orders_pipeline.events.schedule import (
    FAILURES_OF_ENDPOINT,
    GIVEN_UP_AFTER_US,
    SECOND_US,
    next_try_at,
    paused_until,
)
from orders_pipeline.events.sending import Message, Sent
from orders_pipeline.store.schema import deliveries, events, webhook_endpoints
from orders_pipeline.store.statements.many_values import among

# Must be longer than a round: 30 seconds to look up a name, and 45 to send (`Limits`).
HELD_SECONDS = 90
MESSAGES_AT_ONCE = 100
EVENTS_AT_ONCE = 5_000
NOT_TRIED = "not tried: the endpoint has been failing for three days"
# The ids of the events in each request, by the request's number.
Requests = dict[int, list[int]]


class Round(NamedTuple):
    """The requests of a round: those that failed before, and new ones."""

    endpoint: Endpoint
    again: Requests
    fresh: Requests


d = deliveries.c
WAITS = d.settled_at.is_(None)
UNTRIED, TRIED = and_(WAITS, d.message.is_(None)), and_(WAITS, d.message.is_not(None))


def endpoints_due(connection: Connection, holder: str) -> list[int]:
    """Returns the endpoints that have due requests and that no other process holds."""
    now, e = now_us(), webhook_endpoints.c
    due = or_(and_(d.message.is_(None), _is_first_of_subject()), d.next_try_at <= now)
    query = (
        select(e.id)
        .where(IS_THERE, _is_free(holder, now), or_(e.paused_until.is_(None), e.paused_until <= now))
        .where(exists().where(d.endpoint_id == e.id, WAITS, due))
        .order_by(e.id)
    )
    return list(connection.scalars(query))


def hold(connection: Connection, endpoint_id: int, holder: str) -> bool:
    """Acquires the hold of a process on an endpoint; returns False if another process holds it."""
    return _hold_if(connection, endpoint_id, holder, _is_free(holder, now_us()))


def keep(connection: Connection, endpoint_id: int, holder: str) -> bool:
    """Renews the hold; returns False if another process acquired it, or the endpoint was removed."""
    return _hold_if(connection, endpoint_id, holder, webhook_endpoints.c.holder == holder)


def let_go(connection: Connection, endpoint_id: int, holder: str) -> None:
    """Releases the hold on an endpoint."""
    mine = and_(webhook_endpoints.c.id == endpoint_id, webhook_endpoints.c.holder == holder)
    connection.execute(update(webhook_endpoints).where(mine).values(holder=None, held_until=None))


def plan_round(connection: Connection, endpoint_id: int) -> Round:
    """Returns the requests to send now to an endpoint that this process holds.

    This needs no lock, because only the process that holds an endpoint changes its due requests.
    """
    now, endpoint = now_us(), find_endpoint(connection, endpoint_id)
    if endpoint.paused_until is not None and endpoint.paused_until > now:
        return Round(endpoint, {}, {})
    most = 1 if endpoint.failures >= FAILURES_OF_ENDPOINT else MESSAGES_AT_ONCE
    again = _due_again(connection, endpoint, most // 2, now)
    fresh = _new_requests(connection, endpoint, most - len(again))
    return Round(endpoint, again if fresh else _due_again(connection, endpoint, most, now), fresh)


def begin_round(connection: Connection, planned: Round) -> None:
    """Saves which events the new requests contain. Call `keep` first in the same transaction."""
    if not planned.fresh:
        return
    ids = [event for part in planned.fresh.values() for event in part]
    these = and_(d.endpoint_id == planned.endpoint.id, among(connection, d.event_id, ids), UNTRIED)
    message: ColumnElement[int] = d.event_id
    if planned.endpoint.batch_size > 1:
        # Events are in the order of their requests.
        message = case(*((d.event_id <= part[-1], number) for number, part in planned.fresh.items()))
    connection.execute(update(deliveries).where(these).values(message=message, next_try_at=now_us()))


def read_messages(connection: Connection, planned: Round) -> list[Message]:
    """Returns the requests with their bodies; none if the endpoint was removed in the meantime.

    Creating the bodies takes most of a round's time, so it is done in a transaction without locks.
    """
    endpoint, begun = planned.endpoint, planned.again | planned.fresh
    ids = [event for part in begun.values() for event in part]
    if not ids:
        return []
    documents, store = event_documents(connection, ids), source_of(connection).rpartition("/")[2]
    tries = _tries(connection, endpoint.id, list(begun))
    return [
        Message(
            number,
            f"msg_{store}_{endpoint.id}_{number}",
            ONE if endpoint.batch_size == 1 else BATCH,
            _body(endpoint, [documents[event] for event in part]),
            tries[number],
        )
        for number, part in sorted(begun.items())
        if number in tries
    ]


def end_round(connection: Connection, endpoint: Endpoint, sent: Sequence[Sent]) -> None:
    """Saves the outcomes of requests. Outcomes that are already saved are not changed."""
    now = now_us()
    accepted = [one.message.number for one in sent if one.error is None]
    failed = [one for one in sent if one.error is not None]
    if accepted:
        _settle(connection, endpoint.id, accepted, now)
    for one in failed:
        _note_failure(connection, endpoint.id, one, now)
    if accepted:
        _note_success(connection, endpoint, failed, now)
    elif failed:
        _note_failures(connection, endpoint, failed, now)


def _hold_if(connection: Connection, endpoint_id: int, holder: str, condition: ColumnElement[bool]) -> bool:
    held = update(webhook_endpoints).where(webhook_endpoints.c.id == endpoint_id, IS_THERE, condition)
    until = now_us() + HELD_SECONDS * SECOND_US
    return connection.execute(held.values(holder=holder, held_until=until)).rowcount == 1


def _is_free(holder: str, now: int) -> ColumnElement[bool]:
    e = webhook_endpoints.c
    return or_(e.holder.is_(None), e.holder == holder, e.held_until <= now)


def _is_first_of_subject() -> ColumnElement[bool]:
    """Whether a waiting event is the first waiting event of its subject."""
    waiting = deliveries.alias("waiting")
    # With NOT EXISTS, PostgreSQL compares all pairs of rows as long as it has no statistics of the table.
    first = select(func.min(waiting.c.event_id)).where(
        waiting.c.endpoint_id == d.endpoint_id, waiting.c.settled_at.is_(None), waiting.c.subject == d.subject
    )
    return d.event_id == first.correlate(deliveries).scalar_subquery()


def _new_requests(connection: Connection, endpoint: Endpoint, most: int) -> Requests:
    """Returns requests of untried events: the first of each subject, unless an earlier one is waiting."""
    first = (
        select(d.event_id)
        .where(d.endpoint_id == endpoint.id, UNTRIED, _is_first_of_subject())
        .order_by(d.event_id)
    )
    ids = list(connection.scalars(first.limit(min(most * endpoint.batch_size, EVENTS_AT_ONCE))))
    starts = range(0, len(ids), endpoint.batch_size)
    return {ids[start]: ids[start : start + endpoint.batch_size] for start in starts}


def _due_again(connection: Connection, endpoint: Endpoint, most: int, now: int) -> Requests:
    """Returns the requests that were tried before and are due again, with their events."""
    if most <= 0:
        return {}
    mine = and_(d.endpoint_id == endpoint.id, TRIED)
    due = select(d.message).where(mine, d.next_try_at <= now).distinct().order_by(d.message).limit(most)
    numbers = list(connection.scalars(due))
    found: Requests = {number: [] for number in numbers}
    query = select(d.message, d.event_id).where(mine, d.message.in_(numbers)).order_by(d.event_id)
    for number, event in connection.execute(query):
        found[number].append(event)
    return found


def _body(endpoint: Endpoint, documents: list[bytes]) -> bytes:
    return documents[0] if endpoint.batch_size == 1 else b"[" + b",".join(documents) + b"]"


def _tries(connection: Connection, endpoint_id: int, numbers: list[int]) -> dict[int, int]:
    # The id of the first event is the number of the request.
    query = select(d.event_id, d.tries).where(d.endpoint_id == endpoint_id, d.event_id.in_(numbers))
    return dict(connection.execute(query).all())


def _settle(connection: Connection, endpoint_id: int, numbers: list[int], now: int) -> None:
    these = and_(d.endpoint_id == endpoint_id, d.message.in_(numbers), TRIED)
    done = {"settled_at": now, "tries": d.tries + 1, "next_try_at": None, "error": None}
    connection.execute(update(deliveries).where(these).values(done))


def _note_failure(connection: Connection, endpoint_id: int, one: Sent, now: int) -> None:
    tries = one.message.tries + 1
    again = next_try_at(tries, now)
    values: dict[str, Any] = {"tries": tries, "next_try_at": again, "error": one.error}
    if again is None:
        values |= {"settled_at": now, "failed_at": now}
    # Another process may have sent the request in the meantime.
    these = and_(d.endpoint_id == endpoint_id, d.message == one.message.number, TRIED)
    unchanged = d.tries == one.message.tries
    connection.execute(update(deliveries).where(these, unchanged).values(values))


def _note_success(connection: Connection, endpoint: Endpoint, failed: Sequence[Sent], now: int) -> None:
    if endpoint.failures >= FAILURES_OF_ENDPOINT:
        # The endpoint works again, so events that failed in the meantime need not wait any longer.
        again = and_(d.endpoint_id == endpoint.id, TRIED)
        connection.execute(update(deliveries).where(again).values(next_try_at=now))
    values: dict[str, Any] = {
        "failures": 0,
        "failing_since": None,
        "paused_until": None,
        "last_success_at": now,
    }
    if failed:
        values["last_error"] = failed[-1].error
    connection.execute(update(webhook_endpoints).where(webhook_endpoints.c.id == endpoint.id).values(values))


def _note_failures(connection: Connection, endpoint: Endpoint, failed: Sequence[Sent], now: int) -> None:
    failures = endpoint.failures + len(failed)
    since = endpoint.failing_since or now
    values: dict[str, Any] = {"failures": failures, "failing_since": since, "last_error": failed[-1].error}
    values["paused_until"] = paused_until(failures, now)
    connection.execute(update(webhook_endpoints).where(webhook_endpoints.c.id == endpoint.id).values(values))
    if since <= now - GIVEN_UP_AFTER_US:
        _give_up_untried(connection, endpoint.id, now)


def _give_up_untried(connection: Connection, endpoint_id: int, now: int) -> None:
    old = select(events.c.id).where(events.c.at <= now - GIVEN_UP_AFTER_US)
    these = and_(d.endpoint_id == endpoint_id, UNTRIED, d.event_id.in_(old))
    given_up = {"settled_at": now, "failed_at": now, "error": NOT_TRIED}
    connection.execute(update(deliveries).where(these).values(given_up))
