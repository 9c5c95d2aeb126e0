"""Inserts orders in any state into the order store, with all rows that the steps would store for them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Connection, Engine, Table, func, insert, select, update

from orders_pipeline.base.amounts.currency import minor_digits
from orders_pipeline.base.clock import now_us
from orders_pipeline.base.model import (
    FailureReason,
    ImportStatus,
    OrderStatus,
    PaymentStatus,
    ReservationStatus,
)
from orders_pipeline.imports.documents import identified_document
from orders_pipeline.order_files.columns.identify import identify
from orders_pipeline.order_files.read_options import ReadOptions
from orders_pipeline.store.schema import (
    batches,
    customer_totals,
    customers,
    failures,
    imports,
    kpi_days,
    order_lines,
    orders,
    payments,
    product_totals,
    products,
    reservations,
    sources,
)
from orders_pipeline.store.statements.upsert import insert_into
from tests.unit.order_files.files import HEADER, line

COMPLETED, ROLLBACK, FAILED = OrderStatus.COMPLETED, OrderStatus.ROLLBACK, OrderStatus.FAILED


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredOrder:
    """An order as the store is to contain it; `lines` are (SKU, units, total in 1/10,000)."""

    number: str
    day: date
    lines: tuple[tuple[str, int, int], ...]
    customer_id: str | None = None
    currency: str = "USD"
    status: OrderStatus = COMPLETED
    reason: FailureReason = FailureReason.OUT_OF_STOCK
    detail: str = ""
    settle_us: int = 1_000_000
    settled_at: int | None = None
    attempt: int = 1
    id: int = 0

    @property
    def total(self) -> int:
        """In minor units, rounded half up."""
        step = 10 ** (4 - minor_digits(self.currency))
        exact = sum(total for _, _, total in self.lines)
        return (2 * exact + step) // (2 * step)


def store_orders(engine: Engine, new: Iterable[StoredOrder]) -> list[StoredOrder]:
    """Inserts orders as one batch of a new import; returns them with their ids."""
    with engine.begin() as connection:
        first = (connection.scalar(select(func.max(orders.c.id))) or 0) + 1
        placed = [replace(order, id=first + position) for position, order in enumerate(new)]
        import_id = _import(connection, placed)
        for order in placed:
            _insert_order(connection, order, import_id)
            _settle(connection, order)
        _mark_days(connection, placed)
    return placed


def retry(engine: Engine, order: StoredOrder, status: OrderStatus, **outcome: Any) -> StoredOrder:
    """Gives a failed or rolled back order another attempt."""
    again = replace(order, status=status, attempt=order.attempt + 1, **outcome)
    with engine.begin() as connection:
        connection.execute(
            update(orders).where(orders.c.id == again.id).values(status=status, attempt=again.attempt)
        )
        batch = select(orders.c.import_id).where(orders.c.id == again.id).scalar_subquery()
        connection.execute(
            update(batches)
            .where(batches.c.import_id == batch)
            .values({order.status: batches.c[order.status] - 1, "progress_at": now_us()})
        )
        connection.execute(
            update(batches).where(batches.c.import_id == batch).values({status: batches.c[status] + 1})
        )
        _settle(connection, again)
        _mark_days(connection, [again])
    return again


def microseconds(moment: datetime) -> int:
    """A time in the form of the store."""
    return int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * 1_000_000


def _import(connection: Connection, placed: list[StoredOrder]) -> int:
    number = (connection.scalar(select(func.max(imports.c.id))) or 0) + 1
    _ensure(connection, sources, id=1, name="default")
    values = {"id": number, "partition_key": f"file-{number}", "file_name": "orders.csv", "file_sha256": "0"}
    values |= {"file_bytes": 1, "profile": "default", "source_id": 1, "staged_at": now_us()}
    values |= {"identified": _identified()}
    started_at = min((_settled_at(order) - order.settle_us for order in placed), default=now_us())
    values |= {"status": ImportStatus.FINISHED, "started_at": started_at}
    connection.execute(insert(imports).values(values))
    counts = {status: sum(order.status == status for order in placed) for status in OrderStatus}
    first = placed[0].id if placed else 1
    connection.execute(
        insert(batches).values(
            import_id=number,
            number=1,
            source_id=1,
            first_order_id=first,
            orders=len(placed),
            loaded=len(placed),
            progress_at=now_us(),
            **counts,
        )
    )
    return number


@cache
def _identified() -> dict[str, Any]:
    """The document of a file in the column profile `default`."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "orders.csv"
        file.write_text(f"{HEADER}\n{line()}\n", encoding="utf-8")
        return identified_document(replace(identify(file, None, ReadOptions()), findings=()), None)


def _insert_order(connection: Connection, order: StoredOrder, import_id: int) -> None:
    if order.customer_id is not None:
        _ensure(connection, customers, id=order.customer_id, name=f"Name of {order.customer_id}")
    connection.execute(
        insert(orders).values(
            id=order.id,
            import_id=import_id,
            batch=1,
            source_id=1,
            number=order.number,
            customer_id=order.customer_id,
            currency=order.currency,
            total=order.total,
            ordered_at=0,
            day=order.day,
            file_line=order.id,
            loaded_at=_settled_at(order) - order.settle_us,
            attempt=order.attempt,
            status=order.status,
        )
    )
    for number, (sku, quantity, total) in enumerate(order.lines, start=1):
        line = {"order_id": order.id, "line": number, "quantity": quantity, "total": total, "file_line": 1}
        connection.execute(insert(order_lines).values(product_id=_product_id(connection, sku), **line))


def _settle(connection: Connection, order: StoredOrder) -> None:
    if order.status == COMPLETED:
        _complete(connection, order)
    elif order.status == ROLLBACK:
        _hold(connection, order, ReservationStatus.RELEASED)
        reason = order.detail or "card_declined"
        _pay(connection, order, status=PaymentStatus.DECLINED, decline_reason=reason)
        _fail(connection, order, FailureReason.DECLINED, reason)
    elif order.status == FAILED:
        _fail(connection, order, order.reason, order.detail)


def _complete(connection: Connection, order: StoredOrder) -> None:
    _hold(connection, order, ReservationStatus.SOLD)
    _pay(connection, order, status=PaymentStatus.SUCCEEDED, transaction_id=f"txn-{order.id}-{order.attempt}")
    if order.customer_id is not None:
        key = {"customer_id": order.customer_id, "currency": order.currency}
        _add(connection, customer_totals, key, orders=1, spent=order.total)
    for sku in {sku for sku, _, _ in order.lines}:
        units = sum(quantity for name, quantity, _ in order.lines if name == sku)
        revenue = sum(total for name, _, total in order.lines if name == sku)
        product_id = _product_id(connection, sku)
        key = {"product_id": product_id, "currency": order.currency}
        _add(connection, product_totals, key, orders=1, units=units, revenue=revenue)
        connection.execute(
            update(products)
            .where(products.c.id == product_id)
            .values(sold=products.c.sold + units, initial_stock=products.c.initial_stock + units)
        )


def _hold(connection: Connection, order: StoredOrder, status: ReservationStatus) -> None:
    times = {"reserved_at": 0, "expires_at": 0, "closed_at": _settled_at(order)}
    connection.execute(
        insert(reservations).values(order_id=order.id, attempt=order.attempt, status=status, **times)
    )


def _pay(connection: Connection, order: StoredOrder, **outcome: Any) -> None:
    connection.execute(
        insert(payments).values(
            order_id=order.id,
            attempt=order.attempt,
            amount=order.total,
            requested_at=0,
            answered_at=_settled_at(order),
            **outcome,
        )
    )


def _fail(connection: Connection, order: StoredOrder, reason: FailureReason, detail: str) -> None:
    connection.execute(
        insert(failures).values(
            order_id=order.id,
            attempt=order.attempt,
            reason=reason,
            detail=detail,
            failed_at=_settled_at(order),
        )
    )


def _settled_at(order: StoredOrder) -> int:
    return order.settled_at if order.settled_at is not None else LOADED_AT + order.settle_us


def _mark_days(connection: Connection, changed: list[StoredOrder]) -> None:
    for day in {order.day for order in changed}:
        due_since = now_us()
        statement = insert_into(connection, kpi_days).values(
            day=day, version=1, published=0, due_since=due_since
        )
        again = {"version": kpi_days.c.version + 1, "due_since": due_since}
        connection.execute(statement.on_conflict_do_update(index_elements=["day"], set_=again))


def _product_id(connection: Connection, sku: str) -> int:
    _ensure(connection, products, sku=sku, name=f"Product {sku}", listed=True)
    return connection.execute(select(products.c.id).where(products.c.sku == sku)).scalar_one()


def _ensure(connection: Connection, table: Table, **values: Any) -> None:
    connection.execute(insert_into(connection, table).values(**values).on_conflict_do_nothing())


def _add(connection: Connection, table: Table, key: dict[str, Any], **amounts: int) -> None:
    statement = insert_into(connection, table).values(**key, **amounts)
    sums = {name: table.c[name] + amount for name, amount in amounts.items()}
    connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=sums))


LOADED_AT = microseconds(datetime(2025, 12, 1, tzinfo=UTC))
