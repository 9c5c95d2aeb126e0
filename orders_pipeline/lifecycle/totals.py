"""Running totals by customer and by product, which change in the transaction that moves the money.

They grow with completed orders. Refunds have columns of their own: `refunded` and `units_returned` grow with
completed refunds and with returns, and shrink if a completed refund fails later at the provider.
`version` grows with each change of these two. It shows the leaderboards which of two totals is newer.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Connection, Select, Table, func, literal, select, true, type_coerce

from orders_pipeline.base.model import RefundKind
from orders_pipeline.lifecycle.gathered import Gathered
from orders_pipeline.store.schema import (
    customer_totals,
    order_lines,
    product_totals,
    return_lines,
    returns,
)
from orders_pipeline.store.statements.upsert import insert_into

_TAKEN, _PUT_BACK = 1, -1
_CUSTOMER_MONEY = ("refunded", "version")
_PRODUCT_MONEY = ("units_returned", "refunded", "version")


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


# Completed refunds, and their undo; disputes change no total.


def take_from_customer_totals(connection: Connection, completed: Table) -> None:
    """Takes refunds that have just been completed from the totals of their customers; guests have none.

    Args:
        completed: a row for each, with kind, amount, and the customer_id and currency of its order.
    """
    _add(connection, customer_totals, _CUSTOMER_MONEY, _refunded_customers(completed, _TAKEN))


def put_back_into_customer_totals(connection: Connection, failed: Table) -> None:
    """Undoes `take_from_customer_totals` for refunds that failed after they had been completed."""
    _add(connection, customer_totals, _CUSTOMER_MONEY, _refunded_customers(failed, _PUT_BACK))


def take_from_product_totals(connection: Connection, returned: Table) -> None:
    """Takes goods that came back with refunds from the totals of their products.

    Args:
        returned: units and amount in 1/10,000 by product_id and currency.
    """
    _add(connection, product_totals, _PRODUCT_MONEY, _refunded_products(returned, _TAKEN))


def put_back_into_product_totals(connection: Connection, returned: Table) -> None:
    """Undoes `take_from_product_totals` for refunds that failed after they had been completed."""
    _add(connection, product_totals, _PRODUCT_MONEY, _refunded_products(returned, _PUT_BACK))


# Returns that name no order. Each function takes a query of `returns.id`.


def take_returns_from_customer_totals(connection: Connection, stored: Select[int]) -> None:
    """Takes returns from the totals of their customers, who need not have an order; guests have none."""
    sums = (
        select(returns.c.customer_id, returns.c.currency, func.sum(returns.c.total), literal(1))
        .where(returns.c.id.in_(stored), returns.c.customer_id.is_not(None))
        .group_by(returns.c.customer_id, returns.c.currency)
        .order_by(returns.c.customer_id, returns.c.currency)
    )
    _add(connection, customer_totals, _CUSTOMER_MONEY, sums)


def take_returns_from_product_totals(connection: Connection, stored: Select[int]) -> None:
    """Takes the lines of returns from the totals of their products, of which none need have been sold."""
    lines = return_lines.c
    sums = (
        select(
            lines.product_id,
            returns.c.currency,
            func.sum(lines.quantity),
            func.sum(lines.total),
            literal(1),
        )
        .join_from(returns, return_lines, lines.return_id == returns.c.id)
        .where(returns.c.id.in_(stored))
        .group_by(lines.product_id, returns.c.currency)
        .order_by(lines.product_id, returns.c.currency)
    )
    _add(connection, product_totals, _PRODUCT_MONEY, sums)


def _refunded_customers(refunds: Table, sign: int) -> Select[tuple[object, ...]]:
    of = refunds.c
    return (
        select(of.customer_id, of.currency, sign * func.sum(of.amount), literal(1))
        .where(of.kind == RefundKind.REFUND, of.customer_id.is_not(None))
        .group_by(of.customer_id, of.currency)
        .order_by(of.customer_id, of.currency)
    )


def _refunded_products(returned: Table, sign: int) -> Select[tuple[object, ...]]:
    of = returned.c
    units = sign * type_coerce(of.units, BigInteger)
    rows = select(of.product_id, of.currency, units, sign * of.amount, literal(1))
    # Without a WHERE, SQLite parses the ON of ON CONFLICT as part of a join.
    return rows.where(true()).order_by(of.product_id, of.currency)


def _add(
    connection: Connection, totals: Table, columns: tuple[str, ...], sums: Select[tuple[object, ...]]
) -> None:
    """Adds sums to the totals, whose rows are locked in the order of the sums."""
    keys = [column.name for column in totals.primary_key]
    statement = insert_into(connection, totals).from_select([*keys, *columns], sums)
    grown = {name: totals.c[name] + statement.excluded[name] for name in columns}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=grown))
