"""Retries failed and rolled back orders: each becomes pending again, in a new attempt."""

from __future__ import annotations

from typing import Any, Protocol

from sqlalchemy import ColumnElement, Connection, Engine, and_, exists, select

from orders_pipeline.access.audit import record_action
from orders_pipeline.base.model import OPEN, ImportStatus, Window
from orders_pipeline.failed_work.chosen import Chosen, batches_of, preview
from orders_pipeline.imports.state.status import lock_import, reopen_import
from orders_pipeline.lifecycle.batch import BatchKey, batch_work, get_batch
from orders_pipeline.lifecycle.order_lifecycle import reopen
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import imports, orders


class ToRetry(Protocol):
    """A selection of orders to retry, by people (`Chosen`) or by a schedule."""

    @property
    def key(self) -> str | None:
        """Partition key of a file, if the selection names one."""
        ...

    def to_retry(self) -> ColumnElement[bool]:
        """The selection as a condition over `orders`."""
        ...

    def selection(self) -> dict[str, Any]:
        """The selection, for the audit trail."""
        ...


def retry_orders(engine: Engine, chosen: ToRetry, transaction_orders: int, actor: str) -> dict[str, int]:
    """Begins a new attempt for the chosen orders and reopens their imports.

    A reopened import must be run again. The caller launches it; otherwise the watchdog does.

    Args:
        actor: who requested it, as in the audit trail.

    Returns:
        How many orders, by partition key.
    """
    groups = preview(engine, chosen.to_retry())
    if groups:
        with engine.begin() as connection:
            found = sum(group.orders for group in groups)
            record_action(
                connection, actor, "orders.retry", chosen.key or "", found=found, chosen=chosen.selection()
            )
    retried = dict.fromkeys((group.key for group in groups), 0)
    keys = {group.batch: group.key for group in groups}
    for batch in batches_of(groups):
        for window in get_batch(engine, batch).windows(transaction_orders):
            with engine.begin() as connection:
                retried[keys[batch]] += _retry(connection, batch, window, chosen.to_retry())
    return retried


def left_open(engine: Engine, chosen: Chosen) -> list[str]:
    """Partition keys of imports in which an earlier retry left orders open, oldest first.

    A run works on them, or was interrupted. The condition on the failure reason is not applied.
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
    lock_import(connection, batch.import_id)
    with batch_work(connection, batch, window) as work:
        reopened = reopen(work, chosen)
    if reopened:
        reopen_import(connection, batch.import_id)
    return reopened
