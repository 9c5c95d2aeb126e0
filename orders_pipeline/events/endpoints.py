"""Endpoints: the receivers of events, their subscriptions, and the secrets that sign their requests.

A secret is needed for signing, so it cannot be stored as a digest. It is in the order store, shown once, and
never logged.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from orders_pipeline.base.clock import duration_us, now_us, to_datetime
from orders_pipeline.base.model import EventType
from orders_pipeline.store.schema import deliveries, webhook_endpoints, webhook_subscriptions

# The largest number of endpoints: each uses a thread while requests are sent to it.
MOST_ENDPOINTS = 50
MOST_IN_BATCH = 1_000
SECRET_BYTES = 32
OVERLAP = timedelta(hours=24)
IS_THERE = webhook_endpoints.c.removed_at.is_(None)


class UnknownEndpointError(LookupError):
    """No endpoint has this id."""

    def __init__(self, endpoint_id: int) -> None:
        super().__init__(f"No webhook has the id {endpoint_id}.")


class TooManyEndpointsError(ValueError):
    """The largest number of endpoints is reached."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A receiver of events. Times are in microseconds since 1970.

    Attributes:
        batch_size: the largest number of events in one request.
        keys: the secrets that sign requests now.
        failures: number of failures since the last success.
        paused_until: time of the next request after many failures in a row.
    """

    id: int
    url: str
    batch_size: int
    keys: tuple[str, ...] = field(repr=False)
    created_at: int
    failures: int
    failing_since: int | None
    paused_until: int | None
    last_error: str | None
    last_success_at: int | None
    events: tuple[str, ...] = ()


def add_endpoint(
    connection: Connection, url: str, types: Collection[EventType], batch_size: int = 1
) -> tuple[Endpoint, str]:
    """Adds an endpoint whose URL was already checked; returns it with its secret, which is not shown again.

    Raises:
        TooManyEndpointsError: there are already `MOST_ENDPOINTS` endpoints.
    """
    if connection.execute(select(func.count()).where(IS_THERE)).scalar_one() >= MOST_ENDPOINTS:
        raise TooManyEndpointsError(f"There are {MOST_ENDPOINTS} webhooks already.")
    secret = _new_secret()
    row = {"url": url, "batch_size": batch_size, "secret": secret, "created_at": now_us()}
    number = connection.execute(
        insert(webhook_endpoints).values(row).returning(webhook_endpoints.c.id)
    ).scalar_one()
    subscribed = [{"type": kind.value, "endpoint_id": number} for kind in sorted(set(types))]
    connection.execute(insert(webhook_subscriptions), subscribed)
    return find_endpoint(connection, number), secret


def remove_endpoint(connection: Connection, endpoint_id: int) -> None:
    """Removes an endpoint, its subscriptions, its deliveries and its secrets.

    Raises:
        UnknownEndpointError: there is none.
    """
    _change(connection, endpoint_id, removed_at=now_us(), secret=None, previous_secret=None, holder=None)
    for table in (webhook_subscriptions, deliveries):
        connection.execute(delete(table).where(table.c.endpoint_id == endpoint_id))


def rotate_secret(connection: Connection, endpoint_id: int, overlap: timedelta = OVERLAP) -> str:
    """Creates a new secret and returns it. For a while, requests are also signed with the old one.

    Raises:
        UnknownEndpointError: there is none.
    """
    secret, until = _new_secret(), now_us() + duration_us(overlap)
    present = webhook_endpoints.c.secret
    _change(connection, endpoint_id, previous_secret=present, previous_until=until, secret=secret)
    return secret


def find_endpoint(connection: Connection, endpoint_id: int) -> Endpoint:
    """Returns an endpoint.

    Raises:
        UnknownEndpointError: there is none.
    """
    found = [one for one in list_endpoints(connection) if one.id == endpoint_id]
    if not found:
        raise UnknownEndpointError(endpoint_id)
    return found[0]


def list_endpoints(connection: Connection) -> list[Endpoint]:
    """Returns all endpoints, oldest first."""
    types: dict[int, list[str]] = {}
    for kind, number in connection.execute(select(webhook_subscriptions).order_by("type")):
        types.setdefault(number, []).append(kind)
    rows = connection.execute(select(webhook_endpoints).where(IS_THERE).order_by("id")).mappings()
    return [_endpoint(dict(row), tuple(types.get(row["id"], ()))) for row in rows]


def endpoint_document(endpoint: Endpoint) -> dict[str, Any]:
    """Returns an endpoint as commands and the API show it, without secrets."""
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "events": list(endpoint.events),
        "batch_size": endpoint.batch_size,
        "created_at": _time(endpoint.created_at),
        "failures": endpoint.failures,
        "failing_since": _time(endpoint.failing_since),
        "last_error": endpoint.last_error,
        "last_success_at": _time(endpoint.last_success_at),
    }


def _endpoint(row: dict[str, Any], types: tuple[str, ...]) -> Endpoint:
    keys = [row["secret"]]
    if row["previous_secret"] and row["previous_until"] > now_us():
        keys.append(row["previous_secret"])
    names = ("id", "url", "batch_size", "created_at", "failures", "failing_since", "paused_until")
    shown = {name: row[name] for name in (*names, "last_error", "last_success_at")}
    return Endpoint(**shown, keys=tuple(key for key in keys if key), events=types)


def _change(connection: Connection, endpoint_id: int, **values: Any) -> None:
    this = update(webhook_endpoints).where(webhook_endpoints.c.id == endpoint_id, IS_THERE)
    if not connection.execute(this.values(values)).rowcount:
        raise UnknownEndpointError(endpoint_id)


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def _time(microseconds: int | None) -> str | None:
    return to_datetime(microseconds).isoformat(timespec="seconds") if microseconds is not None else None
