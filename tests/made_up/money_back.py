"""Inserts refunds, disputes and returns into the order store, with the totals and days that they change."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import Engine, func, insert, select, update

from orders_pipeline.base.model import PaymentMethod, RefundKind, RefundStatus
from orders_pipeline.lifecycle.totals import (
    put_back_into_customer_totals,
    put_back_into_product_totals,
    take_from_customer_totals,
    take_from_product_totals,
    take_returns_from_customer_totals,
    take_returns_from_product_totals,
)
from orders_pipeline.refunds.outcomes.ending import gather_ending, gather_returned
from orders_pipeline.store.kpi_days import mark_days
from orders_pipeline.store.schema import (
    customers,
    imports,
    products,
    refund_lines,
    refunds,
    return_lines,
    returns,
)
from orders_pipeline.store.statements.upsert import insert_into
from tests.made_up.builders import StoredOrder

COMPLETED, FAILED = RefundStatus.COMPLETED, RefundStatus.FAILED
OPEN = (RefundStatus.PENDING, RefundStatus.PROCESSING)


def store_refund(
    engine: Engine,
    order: StoredOrder,
    day: date,
    amount: int,
    *,
    lines: Mapping[int, tuple[int, int]] | None = None,
    kind: RefundKind = RefundKind.REFUND,
    status: RefundStatus = COMPLETED,
    fee: int = 0,
) -> int:
    """Inserts a refund of a completed order, and returns its id.

    Args:
        amount: minor units.
        lines: units and minor units by number of the line.
    """
    row: dict[str, Any] = {"refund_id": secrets.token_hex(8), "order_id": order.id, "attempt": order.attempt}
    row |= {"kind": kind, "method": PaymentMethod.GATEWAY, "amount": amount, "shipping": 0, "fee": fee}
    row |= {"restock": False, "reason": "", "requested_at": 0, "requested_by": "test", "round": 1, "tries": 0}
    row |= {"needs_approval": False, "status": status, "boards_due": False}
    row |= {"settled_at": None if status in OPEN else 1, "day": day if status == COMPLETED else None}
    row |= {"failure": "declined" if status == FAILED else None}
    with engine.begin() as connection:
        new = connection.execute(insert(refunds).values(row)).inserted_primary_key
        assert new is not None
        for line, (quantity, share) in (lines or {}).items():
            of_line = {"line": line, "quantity": quantity, "amount": share}
            connection.execute(insert(refund_lines).values(refund=new.id, **of_line))
        if status == COMPLETED:
            ended = gather_ending(connection, {new.id: None}, COMPLETED)
            take_from_customer_totals(connection, ended.table)
            take_from_product_totals(connection, gather_returned(connection, ended))
            mark_days(connection, {day, order.day})
    return int(new.id)


def undo_refund(engine: Engine, refund: int, order: StoredOrder) -> None:
    """Lets a completed refund fail."""
    with engine.begin() as connection:
        ended = gather_ending(connection, {refund: None}, COMPLETED)
        day = connection.execute(select(refunds.c.day).where(refunds.c.id == refund)).scalar_one()
        put_back_into_customer_totals(connection, ended.table)
        put_back_into_product_totals(connection, gather_returned(connection, ended))
        failed = {"status": FAILED, "day": None, "failure": "the bank refused it"}
        connection.execute(update(refunds).where(refunds.c.id == refund).values(failed))
        mark_days(connection, {day, order.day})


def store_return(
    engine: Engine,
    number: str,
    day: date,
    customer_id: str | None,
    lines: list[tuple[str, int, int]],
    total: int,
    currency: str = "USD",
) -> int:
    """Inserts a return that names no order, and returns the id of its import, the store's last one.

    Args:
        lines: SKU, units, and total in 1/10,000.
        total: minor units.
    """
    with engine.begin() as connection:
        import_id = connection.execute(select(func.max(imports.c.id))).scalar_one()
        if customer_id is not None:
            name = {"id": customer_id, "name": f"Name of {customer_id}"}
            connection.execute(insert_into(connection, customers).values(name).on_conflict_do_nothing())
        row = {"import_id": import_id, "source_id": 1, "number": number, "customer_id": customer_id}
        row |= {"currency": currency, "total": total, "returned_at": 0, "day": day}
        new = connection.execute(insert(returns).values(**row, file_line=1, loaded_at=0)).inserted_primary_key
        assert new is not None
        for line, (sku, quantity, line_total) in enumerate(lines, start=1):
            product = {"sku": sku, "name": f"Product {sku}", "listed": True}
            connection.execute(insert_into(connection, products).values(product).on_conflict_do_nothing())
            of_line = {"line": line, "quantity": quantity, "total": line_total, "file_line": 1}
            of_line["product_id"] = connection.execute(
                select(products.c.id).where(products.c.sku == sku)
            ).scalar_one()
            connection.execute(insert(return_lines).values(return_id=new.id, **of_line))
        chosen = select(returns.c.id).where(returns.c.id == new.id)
        take_returns_from_customer_totals(connection, chosen)
        take_returns_from_product_totals(connection, chosen)
        mark_days(connection, {day})
    return int(import_id)
