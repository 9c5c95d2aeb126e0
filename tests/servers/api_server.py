"""The HTTP API on a real socket, in a thread of the test."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import requests
import uvicorn

from jobs.workers.queue_heads import queues
from jobs.workers.queues import queue_sizes
from orders_pipeline.api.app import POOL_SECONDS
from orders_pipeline.base.settings import Settings
from orders_pipeline.console.site import create_site

Get = Callable[..., requests.Response]


@contextmanager
def running_server(settings: Settings, pool_seconds: float = POOL_SECONDS) -> Iterator[str]:
    """Runs a server; yields its URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    app = create_site(settings, partial(queue_sizes, settings), partial(queues, settings), pool_seconds)
    # The console's stream does not end by itself.
    config = uvicorn.Config(
        app, log_level="warning", ws="none", timeout_graceful_shutdown=1, proxy_headers=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


@contextmanager
def serving(settings: Settings) -> Iterator[Get]:
    """Runs a server; yields a function that sends requests to it."""
    with running_server(settings) as url, requests.Session() as session:

        def send(path: str, method: str = "GET", **options: Any) -> requests.Response:
            return session.request(method, f"{url}/api{path}", timeout=30, **options)

        yield send


def wait_for_events(send: Get) -> None:
    """Returns once the API has tried to apply all events of the gateway that it has stored."""
    for _ in range(200):
        waiting = send("/gateway/events?status=waiting").json()["data"]
        if all(one["reason"] for one in waiting):
            return
        time.sleep(0.05)
    raise AssertionError("events are not carried out")
