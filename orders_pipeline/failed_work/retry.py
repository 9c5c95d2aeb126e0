"""Retry failed and rolled back orders: each becomes pending again, as a new attempt of its import."""

from __future__ import annotations

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    String,
    and_,
    cast,
    exists,
    func,
    insert,
    literal,
    select,
    update,
)

from orders_pipeline.access.audit import record_action
from orders_pipeline.base.clock import now_us
from orders_pipeline.base.model import OPEN, ImportStatus, OrderStatus, Window
from orders_pipeline.failed_work.chosen import OF_LAST_ATTEMPT, Chosen, batches_of, preview
from orders_pipeline.imports.life import lock_import, reopen_import
from orders_pipeline.lifecycle.batch import BatchKey, count_moves, lock_batch, mark_days, orders_in
from orders_pipeline.lifecycle.settling import gather, gathered, settling
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import failures, imports, order_notes, orders

PENDING, FAILED, ROLLBACK = OrderStatus.PENDING, OrderStatus.FAILED, OrderStatus.ROLLBACK


def retry_orders(engine: Engine, chosen: Chosen, transaction_orders: int, actor: str) -> dict[str, int]:
    """Gives the chosen orders a new attempt and reopens their imports; how many, by partition key.

    An import that was reopened has to be run again: whoever calls this does so, or the watchdog.

    Args:
        actor: who asked for it, as in the audit trail.
    """
    groups = preview(engine, chosen.to_retry())
    if groups:
        with engine.begin() as connection:
            found = sum(group.orders for group in groups)
            record_action(
                connection, actor, "orders.retry", chosen.key or "", found=found, chosen=chosen.told()
            )
    retried = dict.fromkeys((group.key for group in groups), 0)
    keys = {group.batch: group.key for group in groups}
    for batch in batches_of(groups):
        with engine.begin() as connection:
            windows = list(lock_batch(connection, batch).windows(transaction_orders))
        for window in windows:
            with engine.begin() as connection:
                lock_import(connection, batch.import_id)
                lock_batch(connection, batch)
                retried[keys[batch]] += _retry(connection, batch, window, chosen.to_retry())
    return retried


def left_open(engine: Engine, chosen: Chosen) -> list[str]:
    """Partition keys of imports in which an earlier retry left orders open, the oldest first.

    Somebody works on them, or was interrupted. Why the orders once failed does not count here.
    """
    meant = Chosen(chosen.numbers, chosen.source, chosen.key).condition()
    waiting = exists().where(
        orders.c.import_id == imports.c.id, orders.c.attempt > 1, orders.c.status.in_(OPEN), meant
    )
    reopened = and_(imports.c.status == ImportStatus.RUNNING, imports.c.reopened_at.is_not(None))
    query = select(imports.c.partition_key).where(reopened, waiting).order_by(imports.c.id)
    with reading(engine) as connection:
        return list(connection.execute(query).scalars())


def _retry(connection: Connection, batch: BatchKey, window: Window, chosen: ColumnElement[bool]) -> int:
    number = gather(connection, orders_in(window, FAILED, ROLLBACK) & chosen)
    if not number:
        return 0
    again = gathered(window).has(orders.c.id)
    left = _count_by_status(connection, again)
    _note(connection, again)
    connection.execute(update(orders).where(again).values(status=PENDING, attempt=orders.c.attempt + 1))
    moves = {PENDING: number} | {status: -count for status, count in left.items()}
    count_moves(connection, batch, moves, retried=number)
    mark_days(connection, select(settling.c.day))
    reopen_import(connection, batch.import_id)
    return number


def _count_by_status(connection: Connection, again: ColumnElement[bool]) -> dict[OrderStatus, int]:
    query = select(orders.c.status, func.count()).where(again).group_by(orders.c.status)
    return {OrderStatus(status): count for status, count in connection.execute(query)}


def _note(connection: Connection, again: ColumnElement[bool]) -> None:
    said = literal("attempt ").concat(cast(orders.c.attempt + 1, String))
    said = said.concat(literal(" asked for, after ")).concat(failures.c.reason)
    notes = select(orders.c.id, literal(now_us()), said).join(failures, OF_LAST_ATTEMPT).where(again)
    connection.execute(insert(order_notes).from_select(["order_id", "noted_at", "note"], notes))
