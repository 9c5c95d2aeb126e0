"""Running totals by customer and by product, which grow in the transaction that completes orders."""

from __future__ import annotations

from sqlalchemy import Connection, Select, Table, func, select

from orders_pipeline.lifecycle.gathered import Gathered
from orders_pipeline.store.schema import customer_totals, order_lines, product_totals
from orders_pipeline.store.upsert import insert_into


def add_to_customer_totals(connection: Connection, completed: Gathered) -> None:
    """Adds completed orders to the totals of their customers; guests have none."""
    of = completed.table.c
    sums = (
        select(of.customer_id, of.currency, func.count(), func.sum(of.total))
        .where(of.customer_id.is_not(None))
        .group_by(of.customer_id, of.currency)
        .order_by(of.customer_id, of.currency)
    )
    _add(connection, customer_totals, ("orders", "spent"), sums)


def add_to_product_totals(connection: Connection, completed: Gathered) -> None:
    """Adds the lines of completed orders to the totals of their products."""
    of, lines = completed.table.c, order_lines.c
    sums = (
        select(
            lines.product_id,
            of.currency,
            func.count(lines.order_id.distinct()),
            func.sum(lines.quantity),
            func.sum(lines.total),
        )
        .join(completed.table, of.order_id == lines.order_id)
        .where(completed.within(lines.order_id))
        .group_by(lines.product_id, of.currency)
        .order_by(lines.product_id, of.currency)
    )
    _add(connection, product_totals, ("orders", "units", "revenue"), sums)


def _add(
    connection: Connection, totals: Table, columns: tuple[str, ...], sums: Select[tuple[object, ...]]
) -> None:
    keys = [column.name for column in totals.primary_key]
    statement = insert_into(connection, totals).from_select([*keys, *columns], sums)
    grown = {name: totals.c[name] + statement.excluded[name] for name in columns}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=grown))
