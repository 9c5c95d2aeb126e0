"""Actions of operators on webhooks, each recorded in the audit trail, which contains no URL and no secret."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import Connection, Engine

from orders_pipeline.access.audit import record_action
from orders_pipeline.base.model import EventType
from orders_pipeline.events.destinations import Reach, check_destination
from orders_pipeline.events.endpoints import (
    OVERLAP,
    Endpoint,
    add_endpoint,
    find_endpoint,
    remove_endpoint,
    rotate_secret,
)
from orders_pipeline.events.failed import dismiss_failed, replay_failed, replay_since


def add(
    engine: Engine, url: str, types: Collection[EventType], batch_size: int, reach: Reach, actor: str
) -> tuple[Endpoint, str]:
    """Adds an endpoint; returns it with its secret.

    Raises:
        ForbiddenDestination: requests to this URL are not allowed.
        TooManyEndpointsError: the largest number of endpoints is reached.
    """
    # Checked before the transaction, because the DNS server may be slow.
    check_destination(url, reach)
    with engine.begin() as connection:
        endpoint, secret = add_endpoint(connection, url, types, batch_size)
        details = {"events": list(endpoint.events), "batch_size": batch_size}
        record_action(connection, actor, "webhooks.add", str(endpoint.id), **details)
    return endpoint, secret


def remove(connection: Connection, endpoint_id: int, actor: str) -> None:
    """Removes an endpoint. Raises UnknownEndpointError."""
    remove_endpoint(connection, endpoint_id)
    record_action(connection, actor, "webhooks.remove", str(endpoint_id))


def rotate(connection: Connection, endpoint_id: int, actor: str, overlap: timedelta = OVERLAP) -> str:
    """Replaces an endpoint's secret; returns the new one. Raises UnknownEndpointError."""
    secret = rotate_secret(connection, endpoint_id, overlap)
    hours = overlap.total_seconds() / 3600
    record_action(connection, actor, "webhooks.rotate", str(endpoint_id), overlap_hours=hours)
    return secret


def replay(
    connection: Connection, endpoint_id: int, actor: str, ids: Collection[int] = (), since: int | None = None
) -> int:
    """Sends failed events again, or all since a time; returns their number. Raises UnknownEndpointError."""
    find_endpoint(connection, endpoint_id)
    if since is None:
        number = replay_failed(connection, endpoint_id, ids)
    else:
        number = replay_since(connection, endpoint_id, since)
    record_action(connection, actor, "webhooks.replay", str(endpoint_id), events=number)
    return number


def dismiss(connection: Connection, endpoint_id: int, actor: str) -> int:
    """Removes failed events from the list; returns their number. Raises UnknownEndpointError."""
    find_endpoint(connection, endpoint_id)
    number = dismiss_failed(connection, endpoint_id)
    record_action(connection, actor, "webhooks.dismiss", str(endpoint_id), events=number)
    return number
