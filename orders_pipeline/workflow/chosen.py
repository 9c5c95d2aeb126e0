"""Which orders an operator means: by number, by file, by why they failed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Boolean, ColumnElement, Connection, Engine, and_, func, literal, or_, select

from orders_pipeline.model import FailureReason, OrderStatus
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import failures, imports, orders, sources
from orders_pipeline.workflow.batch import BatchKey

OF_LAST_ATTEMPT = and_(failures.c.order_id == orders.c.id, failures.c.attempt == orders.c.attempt)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Orders that meet all of these conditions; empty ones do not count.

    `numbers` are those of the file; `key` is a file's partition key.
    """

    numbers: tuple[str, ...] = ()
    source: str | None = None
    key: str | None = None
    reason: FailureReason | None = None

    def condition(self) -> ColumnElement[bool]:
        """The same as SQL over `orders`."""
        met: list[ColumnElement[bool]] = [literal(True, Boolean)]
        if self.numbers:
            met.append(orders.c.number.in_(self.numbers))
        if self.source:
            named = select(sources.c.id).where(sources.c.name == self.source)
            met.append(orders.c.source_id.in_(named))
        if self.key:
            of_file = select(imports.c.id).where(imports.c.partition_key == self.key)
            met.append(orders.c.import_id.in_(of_file))
        if self.reason:
            met.append(_failed_for(self.reason))
        return and_(*met)

    def to_retry(self) -> ColumnElement[bool]:
        """The failed ones among them; what somebody cancelled only where it is named or asked for."""
        ended = orders.c.status.in_((OrderStatus.FAILED, OrderStatus.ROLLBACK))
        on_purpose = bool(self.numbers) or self.reason is FailureReason.CANCELLED
        not_cancelled = or_(literal(on_purpose, Boolean), ~_failed_for(FailureReason.CANCELLED))
        return and_(self.condition(), ended, not_cancelled)

    def to_cancel(self) -> ColumnElement[bool]:
        """Those among them that are not charged yet."""
        return and_(self.condition(), orders.c.status.in_((OrderStatus.PENDING, OrderStatus.RESERVED)))


def _failed_for(reason: FailureReason) -> ColumnElement[bool]:
    failed = select(failures.c.order_id).where(OF_LAST_ATTEMPT, failures.c.reason == reason)
    return failed.correlate(orders).exists()


@dataclass(frozen=True, slots=True)
class Group:
    """Orders of one batch in one status, and why they are there."""

    batch: BatchKey
    key: str
    file_name: str
    status: OrderStatus
    reason: FailureReason | None
    orders: int


def groups_of(connection: Connection, condition: ColumnElement[bool]) -> list[Group]:
    """The orders that meet a condition, counted by batch, status and reason."""
    columns = (
        orders.c.import_id,
        orders.c.batch,
        imports.c.partition_key,
        imports.c.file_name,
        orders.c.status,
        failures.c.reason,
    )
    query = (
        select(*columns, func.count())
        .join(imports, imports.c.id == orders.c.import_id)
        .outerjoin(failures, OF_LAST_ATTEMPT)
        .where(condition)
        .group_by(*columns)
        .order_by(*columns[:2])
    )
    return [
        Group(
            BatchKey(import_id, number),
            key,
            file_name,
            OrderStatus(status),
            FailureReason(reason) if reason else None,
            count,
        )
        for import_id, number, key, file_name, status, reason, count in connection.execute(query)
    ]


def preview(engine: Engine, condition: ColumnElement[bool]) -> list[Group]:
    """As `groups_of`, on a snapshot."""
    with reading(engine) as connection:
        return groups_of(connection, condition)


def batches_of(groups: Iterable[Group]) -> list[BatchKey]:
    """The batches of the groups, each once."""
    return list(dict.fromkeys(group.batch for group in groups))
