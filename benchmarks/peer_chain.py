"""The peer: a Celery chain per order, a transaction a step, on this project's own tables.

`python -m benchmarks.peer_chain FILE` loads the orders of a file (not counted), starts a worker on the home's
Redis, sends one chain an order, and prints the orders a second as JSON.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from functools import cache
from pathlib import Path

from celery import Celery, chain
from sqlalchemy import Engine, func, insert, select, update

from cli.stack.stack import running_workers
from jobs.workers.celery_settings import celery_settings
from orders_pipeline.base.clock import now_us
from orders_pipeline.base.model import OrderStatus
from orders_pipeline.base.settings import PROJECT_ROOT, load_settings
from orders_pipeline.imports.arrival.staged import stage_file
from orders_pipeline.imports.file_import import FileImport
from orders_pipeline.payments.connect import connect_gateway
from orders_pipeline.payments.gateway import Charge, Paid, PaymentGateway
from orders_pipeline.services.redis_server import broker_url, redis_url
from orders_pipeline.staging.staging import open_staging
from orders_pipeline.store.engine import open_engine, reading
from orders_pipeline.store.schema import order_lines, orders, payments, products, reservations
from resources.order_store import OrderStore

QUEUE = "peer"
NODE = "peer@benchmark"
HOLD_US = 1_800_000_000
MOST_SECONDS = 180

app = Celery("peer", set_as_current=False)


def configure() -> None:
    """Puts the app on this home's broker, with the settings under which our own steps run."""
    settings = load_settings()
    shared = {
        name: value for name, value in celery_settings(settings).items() if name != "task_default_queue"
    }
    app.conf.update(shared, broker_url=broker_url(settings), result_backend=redis_url(settings))
    app.conf.update(task_default_queue=QUEUE, task_ignore_result=True)


@cache
def _engine() -> Engine:
    return open_engine(load_settings().store_url)


@cache
def _gateway() -> PaymentGateway:
    return connect_gateway(load_settings(), _engine())


@app.task(name="peer.reserve")
def reserve(order_id: int) -> int:
    """Takes the order's units off the shelf."""
    with _engine().begin() as connection:
        for line in connection.execute(select(order_lines).where(order_lines.c.order_id == order_id)).all():
            connection.execute(
                update(products)
                .where(products.c.id == line.product_id, products.c.on_hand >= line.quantity)
                .values(
                    on_hand=products.c.on_hand - line.quantity, reserved=products.c.reserved + line.quantity
                )
            )
        now = now_us()
        held = {"status": "held", "reserved_at": now, "expires_at": now + HOLD_US}
        connection.execute(insert(reservations).values(order_id=order_id, attempt=1, **held))
        connection.execute(update(orders).where(orders.c.id == order_id).values(status=OrderStatus.RESERVED))
    return order_id


@app.task(name="peer.charge")
def charge(order_id: int) -> int:
    """Notes the intent, charges, notes the answer."""
    engine = _engine()
    with engine.begin() as connection:
        order = connection.execute(select(orders).where(orders.c.id == order_id)).one()
        values = {"amount": order.total, "status": "processing", "requested_at": now_us()}
        connection.execute(insert(payments).values(order_id=order_id, attempt=1, **values))
        moved = update(orders).where(orders.c.id == order_id)
        connection.execute(moved.values(status=OrderStatus.PAYMENT_PROCESSING))
    outcome = _gateway().outcome_of(
        Charge(order_id, 1, f"peer/{order.number}/1", order.total, order.currency)
    )  # type: ignore[attr-defined]
    answer = (
        {"status": "succeeded", "transaction_id": outcome.transaction_id}
        if isinstance(outcome, Paid)
        else {"status": "declined", "decline_reason": outcome.reason}
    )
    with engine.begin() as connection:
        paid = update(payments).where(payments.c.order_id == order_id)
        connection.execute(paid.values(answered_at=now_us(), **answer))
    return order_id


@app.task(name="peer.settle")
def settle(order_id: int) -> int:
    """Completes the order or puts its units back."""
    with _engine().begin() as connection:
        status = connection.execute(
            select(payments.c.status).where(payments.c.order_id == order_id)
        ).scalar_one()
        target, end, hold = (
            ("sold", OrderStatus.COMPLETED, "sold")
            if status == "succeeded"
            else ("on_hand", OrderStatus.ROLLBACK, "released")
        )
        for line in connection.execute(select(order_lines).where(order_lines.c.order_id == order_id)).all():
            moved = {
                "reserved": products.c.reserved - line.quantity,
                target: products.c[target] + line.quantity,
            }
            connection.execute(update(products).where(products.c.id == line.product_id).values(moved))
        ended = update(reservations).where(reservations.c.order_id == order_id)
        connection.execute(ended.values(status=hold, closed_at=now_us()))
        connection.execute(update(orders).where(orders.c.id == order_id).values(status=end))
    return order_id


def _load(file: Path) -> list[int]:
    settings = load_settings()
    staging = open_staging(settings)
    with OrderStore(settings.store_url).open() as engine:
        # Saves the configured seed in the store, while there is no payment yet.
        connect_gateway(settings, engine)
        steps = FileImport(engine, staging, settings)
        key = stage_file(engine, staging, file).key
        for number in steps.parse(key, "peer"):
            steps.load(key, number)
        with reading(engine) as connection:
            return list(connection.execute(select(orders.c.id).order_by(orders.c.id)).scalars())


def _settled() -> int:
    ended = (OrderStatus.COMPLETED, OrderStatus.ROLLBACK)
    with reading(_engine()) as connection:
        query = select(func.count()).select_from(orders).where(orders.c.status.in_(ended))
        return connection.execute(query).scalar_one()


def measure(file: Path, processes: int) -> float:
    """Orders a second that chains settle, from the first one sent to the last order settled or 180 s."""
    ids = _load(file)
    settings = load_settings()
    with running_workers(settings):
        configure()
        command = [sys.executable, "-m", "celery", "-A", "benchmarks.peer_worker", "worker", "-Q", QUEUE]
        command += ["--concurrency", str(processes), "--loglevel", "ERROR", "-n", NODE]
        worker = subprocess.Popen(command, cwd=PROJECT_ROOT, stdout=subprocess.DEVNULL)  # noqa: S603 our own
        try:
            while not app.control.ping(destination=[NODE], timeout=1):
                if worker.poll() is not None:
                    raise RuntimeError("the peer's worker ended by itself")
            began = time.perf_counter()
            for order_id in ids:
                chain(reserve.s(order_id), charge.s(), settle.s()).apply_async(queue=QUEUE)
            while (settled := _settled()) < len(ids) and time.perf_counter() - began < MOST_SECONDS:
                time.sleep(0.2)
            return settled / (time.perf_counter() - began)
        finally:
            worker.terminate()
            worker.wait()


def main() -> None:
    """Measures on the file named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    sys.stdout.write(json.dumps({"orders_per_second": measure(given.file, given.processes)}) + "\n")


if __name__ == "__main__":
    main()
