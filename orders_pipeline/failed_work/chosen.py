"""The orders that an operator selects: by number, file, failure reason, time or text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Connection, Engine, and_, func, literal, or_, select

from orders_pipeline.base.model import UNSOLD, FailureReason, OrderStatus
from orders_pipeline.captures.request import can_be_voided
from orders_pipeline.imports.import_row import get_import
from orders_pipeline.lifecycle.batch import BatchKey
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import failures, imports, orders, sources
from orders_pipeline.store.statements.order_sets import of_current_attempt

HAVE_FAILED = orders.c.status.in_(UNSOLD)
NUMBERS_LISTED = 20
WITH_LAST_FAILURE = of_current_attempt(failures)


class UnknownOrderError(LookupError):
    """No order has this number."""

    def __init__(self, number: str) -> None:
        super().__init__(f"No order has the number {number!r}.")


@dataclass(frozen=True, slots=True)
class Chosen:
    """A selection of orders, which meet all of these conditions. An empty condition is not applied.

    Attributes:
        numbers: order numbers as in the file.
        key: partition key of a file.
        since: when they failed at the earliest, in microseconds.
        text: part of the order number or of the failure's detail.
    """

    numbers: tuple[str, ...] = ()
    source: str | None = None
    key: str | None = None
    reason: FailureReason | None = None
    since: int | None = None
    text: str | None = None

    def condition(self) -> ColumnElement[bool]:
        """The selection as a condition over `orders`."""
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
        if self.since is not None:
            met.append(_failed_with(failures.c.failed_at >= self.since))
        if self.text:
            said = _failed_with(failures.c.detail.icontains(self.text, autoescape=True))
            met.append(or_(orders.c.number.icontains(self.text, autoescape=True), said))
        return and_(*met)

    def to_retry(self) -> ColumnElement[bool]:
        """The failed orders of the selection; cancelled ones only if it names them or that reason."""
        on_purpose = bool(self.numbers) or self.reason is FailureReason.CANCELLED
        not_cancelled = or_(literal(on_purpose, Boolean), ~_failed_for(FailureReason.CANCELLED))
        return and_(self.condition(), HAVE_FAILED, not_cancelled)

    def to_cancel(self) -> ColumnElement[bool]:
        """The orders of the selection that are not charged yet, or authorized and can be voided."""
        not_charged = orders.c.status.in_((OrderStatus.PENDING, OrderStatus.RESERVED))
        return and_(self.condition(), or_(not_charged, can_be_voided()))

    def to_capture(self) -> ColumnElement[bool]:
        """The authorized orders of the selection."""
        return and_(self.condition(), orders.c.status == OrderStatus.AUTHORIZED)

    def selection(self) -> dict[str, Any]:
        """The conditions, for the audit trail."""
        named: dict[str, Any] = {
            "orders": list(self.numbers[:NUMBERS_LISTED]),
            "source": self.source,
            "file": self.key,
        }
        named |= {"reason": self.reason, "since": self.since, "text": self.text}
        return {name: value for name, value in named.items() if value} or {"all": True}


def _failed_for(reason: FailureReason) -> ColumnElement[bool]:
    return _failed_with(failures.c.reason == reason)


def _failed_with(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return select(failures.c.order_id).where(WITH_LAST_FAILURE, condition).correlate(orders).exists()


@dataclass(frozen=True, slots=True)
class Group:
    """Orders of one batch with the same status and failure reason."""

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
        .outerjoin(failures, WITH_LAST_FAILURE)
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
    """The same as `groups_of`, read from one snapshot of the store."""
    with reading(engine) as connection:
        return groups_of(connection, condition)


def counted(groups: Iterable[Group]) -> dict[str, Any]:
    """Counts of orders: `orders`, `by_reason` (by status for orders that have not failed) and `by_file`."""
    by_reason: Counter[str] = Counter()
    by_file: Counter[str] = Counter()
    for group in groups:
        by_reason[group.reason or group.status] += group.orders
        by_file[group.key] += group.orders
    return {"orders": by_file.total(), "by_reason": dict(by_reason), "by_file": dict(by_file)}


def require_known(engine: Engine, chosen: Chosen) -> None:
    """Checks that the store has the file and every order that the selection names.

    Raises:
        UnknownPartitionError: the store has no such file.
        UnknownOrderError: the store has no such order.
    """
    with reading(engine) as connection:
        if chosen.key:
            get_import(connection, chosen.key)
        named = Chosen(chosen.numbers, chosen.source, chosen.key).condition()
        known = (
            set(connection.execute(select(orders.c.number).where(named)).scalars())
            if chosen.numbers
            else set()
        )
    unknown = [number for number in chosen.numbers if number not in known]
    if unknown:
        raise UnknownOrderError(unknown[0])


def batches_of(groups: Iterable[Group]) -> list[BatchKey]:
    """The batches of the groups, each once."""
    return list(dict.fromkeys(group.batch for group in groups))
