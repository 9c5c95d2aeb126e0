"""Receivers of events, and helpers for events in the order store."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

import httpx
from sqlalchemy import Engine, insert, select, update
from standardwebhooks import Webhook

from orders_pipeline.base.model import EventType
from orders_pipeline.events.destinations import Reach
from orders_pipeline.events.endpoints import add_endpoint
from orders_pipeline.events.relay import Relay
from orders_pipeline.events.sending import Limits
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import deliveries, events, webhook_endpoints, webhook_subscriptions
from tests.servers.tls_servers import Authority


def subscribe(engine: Engine, *types: str) -> None:
    """Adds an endpoint for events of these types, to which nothing is delivered."""
    endpoint = {"url": "https://shop.example.com", "batch_size": 1, "created_at": 0}
    with engine.begin() as connection:
        number = connection.execute(insert(webhook_endpoints).values(endpoint)).inserted_primary_key[0]
        rows = [{"type": kind, "endpoint_id": number} for kind in types]
        connection.execute(insert(webhook_subscriptions), rows)


def recorded(engine: Engine) -> list[dict[str, Any]]:
    """All recorded events, oldest first."""
    with reading(engine) as connection:
        return [dict(row) for row in connection.execute(select(events).order_by("id")).mappings()]


@dataclass
class Receiver:
    """A receiver of webhooks, which verifies each request and answers as the test wants.

    Attributes:
        answer: status by the events of a request; None sends no answer.
        got: accepted events in the order of their arrival: webhook-id and CloudEvent.
    """

    secret: str = ""
    answer: Callable[[list[dict[str, Any]]], int | None] = lambda _: 204
    got: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    requests: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    url: str = ""
    _lock: Lock = field(default_factory=Lock)

    def take(self, headers: dict[str, str], body: bytes) -> int | None:
        """The status of the response to a request."""
        events = Webhook(self.secret).verify(body, headers)
        events = events if isinstance(events, list) else [events]
        with self._lock:
            self.requests.append(headers)
            self.bodies.append(body)
            status = self.answer(events)
            if status is not None and 200 <= status < 300:
                self.got += [(headers["webhook-id"], one) for one in events]
        return status

    def numbers(self) -> list[str]:
        """The order numbers of accepted events."""
        return [one["data"]["number"] for _, one in self.got]


@contextmanager
def receiving(secret: str = "", authority: Authority | None = None) -> Iterator[Receiver]:
    """Runs a receiver on 127.0.0.1; with an authority, over HTTPS as `localhost`."""
    receiver = Receiver(secret)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status = receiver.take({name.lower(): value for name, value in self.headers.items()}, body)
            if status is None:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("location", "http://127.0.0.1/elsewhere")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
        if authority:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(authority.certificate, authority.key)
            server.socket = context.wrap_socket(server.socket, server_side=True)
            receiver.url = f"https://localhost:{server.server_port}/hook"
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()


def add(engine: Engine, url: str, *types: EventType, batch_size: int = 1) -> tuple[int, str]:
    """Adds an endpoint; returns its id and secret."""
    with engine.begin() as connection:
        endpoint, secret = add_endpoint(connection, url, types or tuple(EventType), batch_size)
    return endpoint.id, secret


class RelayOnRequest(Relay):
    """A relay that delivers only when a test asks for it."""

    def deliver_due(self) -> None:
        """Sends the requests that are due now, and waits for their outcomes."""
        while self._spread_set():
            pass
        self._begin_due()
        for thread in self._busy.values():
            thread.join()


def relay(engine: Engine, **limits: float) -> RelayOnRequest:
    """Delivers events to this machine."""
    wanted = Limits(**{"request_seconds": 5.0, **limits})  # type: ignore[arg-type]
    return RelayOnRequest(engine, Reach.of(["127.0.0.0/8"]), httpx.create_ssl_context(), wanted)


def make_due(engine: Engine) -> None:
    """Makes all waiting deliveries and endpoints due, and frees what a lost process claimed."""
    with engine.begin() as connection:
        connection.execute(update(deliveries).where(deliveries.c.settled_at.is_(None)).values(next_try_at=0))
        connection.execute(update(webhook_endpoints).values(paused_until=None, holder=None))
