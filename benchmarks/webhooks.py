"""Signed events of a payment gateway a second: some forged, some sent again, and in any order.

`python -m benchmarks.webhooks 20000` charges orders, refunds half of them, and serves the API in a separate
process. Then it sends this number of events: disputes that are opened and won, and refunds that fail later.
It exits with 1 if an event was lost, processed twice, or accepted although it was forged. With `--postgres`,
the store is on a separate server.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import psutil
from sqlalchemy import Select, func, select
from standardwebhooks import Webhook

from benchmarks.refunding import Clock, charge_orders, refund_orders
from orders_pipeline.base.clock import now_us
from orders_pipeline.base.settings import PROJECT_ROOT
from orders_pipeline.payments.gateway import idempotency_key, refund_key
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import gateway_events, orders, payments, refunds
from tests.import_bench import ImportBench
from tests.services import accepts, free_port, running_postgres, running_redis, wait_until
from tests.stores import create_migrated_database, open_test_engine

SECRET, FORGER = "whsec_" + "c2VjcmV0" * 5, "whsec_" + "Zm9yZ2Vk" * 5
PATH = "/api/gateway/events"
SEED = 18


class Event(NamedTuple):
    """An event in the gateway's terms."""

    id: str
    type: str
    data: dict[str, object]


class Taken(NamedTuple):
    """What the requests came to."""

    statuses: Counter[int]
    seconds: float
    slowest: float


def events_of(bench: ImportBench) -> list[Event]:
    """Each refund fails late; each other order has a dispute, of which every other one is won."""
    with reading(bench.engine) as connection:
        charged = connection.execute(_not_refunded()).all()
        returned = connection.execute(select(refunds).order_by(refunds.c.id)).mappings().all()
    found = []
    for at, (number, attempt, charge, amount) in enumerate(charged):
        about = {"id": f"du_{at}", "reference": idempotency_key("default", number, attempt), "charge": charge}
        about |= {"amount": amount, "currency": "USD", "fee": 1500, "reason": "fraudulent"}
        found.append(Event(f"evt_opened_{at}", "dispute.opened", about))
        if at % 2:
            found.append(Event(f"evt_won_{at}", "dispute.won", about))
    for row in returned:
        about = {"id": row["transaction_id"], "charge": "txn", "amount": row["amount"], "currency": "USD"}
        about |= {"reference": refund_key(row["refund_id"], row["round"]), "failure_reason": "closed"}
        found.append(Event(f"evt_failed_{row['id']}", "refund.failed", about))
    return found


def _not_refunded() -> Select[Any]:
    columns = (orders.c.number, payments.c.attempt, payments.c.transaction_id, payments.c.amount)
    query = select(*columns).join(payments, payments.c.order_id == orders.c.id)
    return query.where(payments.c.refunded == 0).order_by(orders.c.id)


def requests_of(events: Sequence[Event], count: int, draw: random.Random) -> list[bytes]:
    """So many HTTP requests: seven of ten tell something new, two are sent again, and one is forged."""
    new = [_request(one, SECRET) for one in events[: count * 7 // 10]]
    again = draw.choices(new, k=count * 2 // 10)
    forged = [
        _request(one._replace(id=f"forged_{at}"), FORGER)
        for at, one in enumerate(draw.choices(events, k=count - len(new) - len(again)))
    ]
    found = [*new, *again, *forged]
    draw.shuffle(found)
    return found


def _request(event: Event, secret: str) -> bytes:
    body = json.dumps({"type": event.type, "data": event.data})
    now = datetime.now(UTC)
    signature = Webhook(secret).sign(event.id, now, body)
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"webhook-id: {event.id}\r\nwebhook-timestamp: {int(now.timestamp())}\r\n"
        f"webhook-signature: {signature}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return (head + body).encode()


async def send(port: int, requests: Sequence[bytes], connections: int) -> Taken:
    """Sends requests over so many connections that stay open."""
    left, statuses, waits = iter(requests), Counter[int](), list[float]()

    async def work() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in left:
            began = time.monotonic()
            writer.write(request)
            statuses[await _status(reader)] += 1
            waits.append(time.monotonic() - began)
        writer.close()

    began = time.monotonic()
    await asyncio.gather(*(work() for _ in range(connections)))
    return Taken(statuses, time.monotonic() - began, max(waits))


async def _status(reader: asyncio.StreamReader) -> int:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    await reader.readexactly(int(head.partition("content-length:")[2].split(maxsplit=1)[0]))
    return int(head.split(maxsplit=2)[1])


@contextmanager
def served(bench: ImportBench, redis: str) -> Iterator[tuple[int, psutil.Process]]:
    """Port and process of the API of this home."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "--factory", "cli.api:app", "--port", str(port)]
    store = bench.engine.url.render_as_string(hide_password=False)
    settings = {"HOME": str(bench.settings.home), "DATABASE_URL": store, "REDIS_URL": redis}
    settings |= {"PAYMENT_SEED": bench.settings.payment_seed or "", "PAYMENT_WEBHOOK_SECRET": SECRET}
    named = {f"ORDERS_{name}": value for name, value in settings.items()}
    log = bench.folder / "api.log"
    with (
        log.open("wb") as output,
        subprocess.Popen(  # noqa: S603 our own command
            command, cwd=PROJECT_ROOT, env={**os.environ, **named}, stdout=output, stderr=output
        ) as server,
    ):
        try:
            wait_until(lambda: accepts(port), lambda: server.poll() is None, log)
            yield port, psutil.Process(server.pid)
        finally:
            server.terminate()


def wrong_in(bench: ImportBench, sent: int) -> list[str]:
    """What is not as it should be after so many events that were not forged."""
    opened = select(func.count()).where(gateway_events.c.type == "dispute.opened")
    with reading(bench.engine) as connection:
        statuses = Counter(connection.scalars(select(gateway_events.c.status)))
        disputes = connection.execute(select(func.count()).where(refunds.c.kind == "dispute")).scalar_one()
        opened_disputes = connection.execute(opened).scalar_one()
    found = sorted(bench.broken_checks())
    found += [] if statuses.total() == sent else [f"{statuses.total()} of {sent} events are stored"]
    found += (
        []
        if opened_disputes == disputes
        else [f"{opened_disputes} opened disputes are {disputes} in the store"]
    )
    # A dispute that was never opened cannot be won.
    return found + ([] if not statuses["ignored"] else [f"{statuses['ignored']} changed nothing"])


def main() -> None:
    """Measures with as many events as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("events", type=int)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--postgres", action="store_true", help="on PostgreSQL instead of SQLite")
    given = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="webhooks-")))
        url = f"sqlite:///{folder / 'orders.db'}"
        if given.postgres:
            server = stack.enter_context(running_postgres(durable=True))
            url = create_migrated_database(server, f"webhooks_{now_us()}")
        engine = open_test_engine(url)
        stack.callback(engine.dispose)
        bench = ImportBench.at(engine, folder)
        _fill(bench, given.events)
        sent = given.events * 7 // 10
        requests = requests_of(events_of(bench), given.events, random.Random(SEED))  # noqa: S311 no secret
        port, process = stack.enter_context(served(bench, stack.enter_context(running_redis())))
        before = sum(process.cpu_times()[:2])
        began = time.monotonic()
        taken = asyncio.run(send(port, requests, given.connections))
        _wait_until_carried_out(bench)
        carried_out = time.monotonic() - began
        cpu = sum(process.cpu_times()[:2]) - before
        wrong = wrong_in(bench, sent)
    _show(given.events, taken, carried_out, cpu)
    for one in wrong:
        sys.stdout.write(f"WRONG: {one}\n")
    sys.exit(bool(wrong))


def _fill(bench: ImportBench, events: int) -> None:
    """Orders for these events: two disputes bring three of them, and two refunds two."""
    clock = Clock(server=False)
    half = events * 7 // 10 // 5 + 1
    charge_orders(bench, 4 * half, clock)
    refund_orders(bench, 2 * half, clock)


def _wait_until_carried_out(bench: ImportBench) -> None:
    waiting = select(func.count()).where(gateway_events.c.status == "waiting")
    # Events that wait for a reason are not counted: a won dispute waits forever if it was never opened.
    waiting = waiting.where(gateway_events.c.reason == "")
    while True:
        with reading(bench.engine) as connection:
            if not connection.execute(waiting).scalar_one():
                return
        time.sleep(0.1)


def _show(events: int, taken: Taken, carried_out: float, cpu: float) -> None:
    statuses = ", ".join(f"{number:,} x {status}" for status, number in sorted(taken.statuses.items()))
    for line in (
        f"{events:,} events in {taken.seconds:.1f} s: {events / taken.seconds:,.0f} a second",
        f"{statuses}; the slowest answer took {taken.slowest:.2f} s",
        f"all were carried out after {carried_out:.1f} s",
        f"{cpu:.1f} s CPU of the API: {cpu / events * 1000:.2f} ms for each",
    ):
        sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main()
