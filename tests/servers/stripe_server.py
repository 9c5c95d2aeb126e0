"""Stand-ins for Stripe: localstripe, which forgets idempotency keys, and a proxy that injects faults."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread

import httpx
import stripe
from aiohttp import ClientSession, web

from tests.services import free_port

TEST_KEY = "sk_test_12345"
HANGS_SECONDS = 2.5
# localstripe would write its whole store to a file after each request.
IN_MEMORY = """
from localstripe import resources, server
resources.Store.dump_to_disk = lambda _: None
server.start()
"""
SESSION = web.AppKey("session", ClientSession)
CARDS = {"good": "4242424242424242", "declined": "4000000000000341", "asks": "4000002500003155"}


@contextmanager
def localstripe() -> Iterator[str]:
    """URL of an empty localstripe."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(
        [sys.executable, "-c", IN_MEMORY, "--port", str(port), "--from-scratch"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(url)
        yield url
    finally:
        server.kill()
        server.wait()


def wait_for(url: str) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            httpx.get(f"{url}/v1/balance", auth=(TEST_KEY, ""))
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


@dataclass(frozen=True, slots=True)
class Payers:
    """A customer for each kind of card: ids of customers and payment methods."""

    customers: dict[str, str]
    methods: dict[str, str]


def make_payers(url: str) -> Payers:
    client = stripe.StripeClient(TEST_KEY, base_addresses={"api": url})
    customers, methods = {}, {}
    for kind, number in CARDS.items():
        customers[kind] = client.v1.customers.create({"name": kind}).id
        card = {"number": number, "exp_month": 12, "exp_year": 2040, "cvc": "123"}
        methods[kind] = client.v1.payment_methods.create({"type": "card", "card": card}).id
        client.v1.payment_methods.attach(methods[kind], {"customer": customers[kind]})
    return Payers(customers, methods)


@dataclass(slots=True)
class FaultyProxy:
    """Forwards requests, and injects faults into a share of those that move money.

    Attributes:
        share: of the requests that are spoiled.
        injected: how often each fault was injected.
    """

    target: str
    share: float
    url: str
    _random: random.Random
    injected: Counter[str] = field(default_factory=Counter)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        fault = self._fault() if request.method == "POST" else None
        if fault:
            self.injected[fault] += 1
        if fault in ("reset_before", "429", "500_before", "lock_timeout"):
            return await self._spoil(request, fault)
        status, answered, kind = await self._forward(request, body)
        if fault in ("reset_after", "500_after", "timeout_after"):
            return await self._spoil(request, fault)
        return web.Response(status=status, body=answered, content_type=kind)

    def _fault(self) -> str | None:
        if self._random.random() >= self.share:
            return None
        return self._random.choice(
            ["reset_before", "reset_after", "429", "500_before", "500_after", "timeout_after", "lock_timeout"]
        )

    async def _spoil(self, request: web.Request, fault: str) -> web.StreamResponse:
        if fault.startswith("reset"):
            if request.transport:
                request.transport.abort()
            return web.Response()
        if fault == "timeout_after":
            await asyncio.sleep(HANGS_SECONDS)
        error = {"type": "api_error", "message": fault}
        if fault in ("429", "lock_timeout"):
            error = {"type": "invalid_request_error", "code": fault, "message": fault}
        status = 429 if fault in ("429", "lock_timeout") else 500
        return web.json_response({"error": error}, status=status)

    async def _forward(self, request: web.Request, body: bytes) -> tuple[int, bytes, str]:
        headers = {k: v for k, v in request.headers.items() if k.lower() not in ("host", "content-length")}
        session: ClientSession = request.app[SESSION]
        target = f"{self.target}{request.path_qs}"
        async with session.request(request.method, target, data=body, headers=headers) as answer:
            return answer.status, await answer.read(), answer.content_type


@contextmanager
def faulty(target: str, share: float, seed: int = 1) -> Iterator[FaultyProxy]:
    """A proxy in front of a stand-in."""
    port, stop = free_port(), Event()
    proxy = FaultyProxy(target, share, f"http://127.0.0.1:{port}", _random=random.Random(seed))  # noqa: S311 repeatable

    async def serve() -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", proxy.answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        async with ClientSession() as session:
            app[SESSION] = session
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", port).start()
            await asyncio.to_thread(stop.wait)
            await runner.cleanup()

    thread = Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        wait_for(proxy.url)
        yield proxy
    finally:
        stop.set()
        thread.join()
