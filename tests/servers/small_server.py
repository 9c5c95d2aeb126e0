"""A small HTTP server for tests, in a separate thread."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

from aiohttp import web

from tests.services import free_port


@contextmanager
def running(routes: Sequence[web.AbstractRouteDef], middlewares: Sequence[Any] = ()) -> Iterator[str]:
    """Serves these routes; yields the URL."""
    port, ready, stop = free_port(), Event(), Event()

    async def serve() -> None:
        app = web.Application(middlewares=middlewares)
        app.router.add_routes(routes)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        ready.set()
        await asyncio.to_thread(stop.wait)
        await runner.cleanup()

    thread = Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert ready.wait(10)
        yield f"http://127.0.0.1:{port}"
    finally:
        stop.set()
        thread.join()
