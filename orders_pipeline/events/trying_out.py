"""Sends a test event to an endpoint, to check whether it responds and verifies signatures."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import httpx
from sqlalchemy import Engine

from orders_pipeline.base.clock import now_us
from orders_pipeline.events.destinations import Reach
from orders_pipeline.events.documents import BATCH, ONE, document, source_of
from orders_pipeline.events.endpoints import find_endpoint
from orders_pipeline.events.sending import Limits, Message, send_messages
from orders_pipeline.store.engine import reading

TEST_TYPE = "webhook.test"


@dataclass(frozen=True, slots=True)
class TriedOut:
    """The outcome of a test event: the reason why the endpoint did not accept it, or None."""

    webhook: int
    error: str | None


def send_test_event(engine: Engine, endpoint_id: int, reach: Reach) -> TriedOut:
    """Sends a test event once. It is not recorded.

    Raises:
        UnknownEndpointError: there is no such endpoint.
    """
    with reading(engine) as connection:
        endpoint, source = find_endpoint(connection, endpoint_id), source_of(connection)
    body = document(source, 0, TEST_TYPE, now_us(), "webhooks/test", {"message": "It works."})
    batched = endpoint.batch_size > 1
    message = Message(
        0,
        f"msg_test_{secrets.token_hex(8)}",
        BATCH if batched else ONE,
        b"[" + body + b"]" if batched else body,
    )
    certificates = httpx.create_ssl_context()
    (sent,) = send_messages(endpoint.url, endpoint.keys, [message], reach, certificates, Limits())
    return TriedOut(endpoint_id, sent.error)
