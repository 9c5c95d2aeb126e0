"""Queries that read the rows of the tables from the order store; their columns have the tables' names.

Values are integers: money in 1/10,000, units in 1/1,000, times in microseconds since 1970.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Date,
    Select,
    String,
    Subquery,
    and_,
    case,
    cast,
    func,
    literal,
    null,
    select,
    type_coerce,
    union_all,
)

from orders_pipeline.base.model import (
    FailureReason,
    OrderStatus,
    PaymentMethod,
    RefundKind,
    RefundStatus,
)
from orders_pipeline.figures.kpis.warehouse.facts import EVERY, returned_lines, settled_at
from orders_pipeline.figures.tables.definitions import (
    CUSTOMER_SALES,
    CUSTOMERS,
    ORDER_LINES,
    ORDERS,
    PAYMENTS,
    PRODUCT_SALES,
    PRODUCTS,
    REFUNDS,
)
from orders_pipeline.figures.tables.table import Table
from orders_pipeline.store.schema import (
    customer_totals,
    failures,
    imports,
    order_lines,
    orders,
    payments,
    products,
    refunds,
    reservations,
    returns,
    sources,
)
from orders_pipeline.store.statements.line_units import in_line_units
from orders_pipeline.store.statements.order_sets import of_current_attempt

Query = Select[Any] | CompoundSelect[Any]
REFUSED = "refused: "
RETURN = "return"
SHORT = (FailureReason.OUT_OF_STOCK, FailureReason.UNKNOWN_PRODUCT)


def orders_rows(selected: ColumnElement[bool] = EVERY) -> Query:
    """Selects the orders that meet a condition on the table `orders`."""
    o, failed, given_back = orders.c, failures.c, _refunded_by_order()
    return _named(
        ORDERS,
        select(
            o.id,
            o.number,
            sources.c.name,
            o.day,
            o.currency,
            o.status,
            o.customer_id,
            in_line_units(o.total, o.currency),
            in_line_units(func.coalesce(given_back.c.amount, 0), o.currency),
            o.attempt,
            failed.reason,
            case((failed.reason == FailureReason.DECLINED, _without_words(failed.detail))),
            case((failed.reason.in_(SHORT), failed.detail)),
            o.ordered_at,
            o.loaded_at,
            settled_at(),
            imports.c.partition_key,
            o.file_line,
        )
        .join_from(orders, sources, sources.c.id == o.source_id)
        .join(imports, imports.c.id == o.import_id)
        .outerjoin(reservations, of_current_attempt(reservations))
        .outerjoin(failures, of_current_attempt(failures))
        .outerjoin(given_back, given_back.c.order_id == o.id)
        .where(selected),
    )


def order_lines_rows(selected: ColumnElement[bool] = EVERY) -> Query:
    """Selects the lines of the orders that meet a condition on the table `orders`."""
    o, line = orders.c, order_lines.c
    return _named(
        ORDER_LINES,
        select(
            o.id,
            line.line,
            o.day,
            o.currency,
            o.status,
            products.c.sku,
            type_coerce(line.quantity, BigInteger),
            line.total,
            line.discount,
        )
        .join_from(orders, order_lines, line.order_id == o.id)
        .join(products, products.c.id == line.product_id)
        .where(selected),
    )


def payments_rows(selected: ColumnElement[bool] = EVERY) -> Query:
    """Selects the payments of the orders that meet a condition on the table `orders`."""
    o, paid = orders.c, payments.c
    return _named(
        PAYMENTS,
        select(
            o.id,
            paid.attempt,
            o.day,
            o.currency,
            paid.method,
            paid.status,
            in_line_units(paid.amount, o.currency),
            _without_words(paid.decline_reason),
            paid.transaction_id,
            paid.requested_at,
            paid.answered_at,
        )
        .join_from(orders, payments, paid.order_id == o.id)
        .where(selected),
    )


def refunds_rows() -> Query:
    """Selects all refunds and disputes, and returns that name no order."""
    r, back = refunds.c, returns.c
    of_orders = select(
        r.refund_id,
        r.order_id,
        r.day,
        orders.c.currency,
        r.kind,
        r.method,
        r.status,
        orders.c.customer_id,
        *(in_line_units(amount, orders.c.currency) for amount in (r.amount, r.shipping, r.fee)),
        r.requested_at,
        r.settled_at,
    ).join_from(refunds, orders, orders.c.id == r.order_id)
    alone = select(
        literal(f"{RETURN}-").concat(cast(back.id, String)),
        cast(null(), BigInteger),
        back.day,
        back.currency,
        literal(RETURN),
        literal(PaymentMethod.RECORDED.value),
        literal(RefundStatus.COMPLETED.value),
        back.customer_id,
        in_line_units(back.total, back.currency),
        literal(0),
        literal(0),
        back.returned_at,
        back.returned_at,
    )
    return _named(REFUNDS, union_all(of_orders, alone))


def products_rows() -> Query:
    """Selects all products."""
    p = products.c
    units = (p.initial_stock, p.restocked, p.on_hand, p.reserved, p.sold)
    return _named(
        PRODUCTS,
        select(
            p.sku, p.name, p.price, p.category, p.listed, *(type_coerce(one, BigInteger) for one in units)
        ),
    )


def customers_rows() -> Query:
    """Selects the totals of all customers with completed orders or refunds."""
    total = customer_totals.c
    return _named(
        CUSTOMERS,
        select(
            total.customer_id,
            total.currency,
            total.orders,
            in_line_units(total.spent, total.currency),
            in_line_units(total.refunded, total.currency),
        ),
    )


def customer_sales_rows() -> Query:
    """Selects what each customer bought on each day, and what was refunded to the customer."""
    o = orders.c
    total, amount = in_line_units(o.total, o.currency), refunds_rows().subquery()
    bought = (
        select(o.day, o.currency, o.customer_id, func.count().label("number"), _sum(total).label("spent"))
        .where(o.status == OrderStatus.COMPLETED, o.customer_id.is_not(None))
        .group_by(o.day, o.currency, o.customer_id)
        .subquery()
    )
    back = (
        select(amount.c.day, amount.c.currency, amount.c.customer_id, _sum(amount.c.amount).label("refunded"))
        .where(
            amount.c.status == RefundStatus.COMPLETED,
            amount.c.kind.in_((RefundKind.REFUND, RETURN)),
            amount.c.customer_id.is_not(None),
        )
        .group_by(amount.c.day, amount.c.currency, amount.c.customer_id)
        .subquery()
    )
    keys = ("day", "currency", "customer_id")
    return _named(
        CUSTOMER_SALES,
        select(
            *(func.coalesce(bought.c[key], back.c[key]) for key in keys),
            *(func.coalesce(column, 0) for column in (bought.c.number, bought.c.spent, back.c.refunded)),
        ).join_from(bought, back, and_(*(bought.c[key] == back.c[key] for key in keys)), full=True),
    )


def product_sales_rows() -> Query:
    """Selects the units of each product that were sold and returned on each day."""
    lines, returned = order_lines_rows(orders.c.status == OrderStatus.COMPLETED).subquery(), _returned()
    sold = (
        select(
            lines.c.day,
            lines.c.currency,
            lines.c.product_sku,
            func.count(lines.c.order_id.distinct()).label("number"),
            _sum(lines.c.quantity).label("units"),
            _sum(lines.c.total).label("revenue"),
        )
        .group_by(lines.c.day, lines.c.currency, lines.c.product_sku)
        .subquery()
    )
    keys = ("day", "currency", "product_sku")
    figures = (sold.c.number, sold.c.units, sold.c.revenue, returned.c.units, returned.c.refunded)
    return _named(
        PRODUCT_SALES,
        select(
            *(func.coalesce(sold.c[key], returned.c[key]) for key in keys),
            *(func.coalesce(column, 0) for column in figures),
        ).join_from(sold, returned, and_(*(sold.c[key] == returned.c[key] for key in keys)), full=True),
    )


def _returned() -> Subquery:
    lines = returned_lines().subquery()
    day, currency, sku, quantity, amount = lines.c
    return (
        select(
            cast(day, Date).label("day"),
            currency.label("currency"),
            sku.label("product_sku"),
            _sum(quantity).label("units"),
            _sum(amount).label("refunded"),
        )
        .group_by(day, currency, sku)
        .subquery()
    )


def _refunded_by_order() -> Subquery:
    amount = cast(func.sum(refunds.c.amount), BigInteger).label("amount")
    return (
        select(refunds.c.order_id, amount)
        .where(refunds.c.status == RefundStatus.COMPLETED, refunds.c.kind == RefundKind.REFUND)
        .group_by(refunds.c.order_id)
        .subquery()
    )


def _without_words(reason: ColumnElement[Any]) -> ColumnElement[Any]:
    """Returns the reason of a decline.

    For a refused request it is only `refused`: its text often names the order.
    """
    return case((reason.like(f"{REFUSED}%"), REFUSED[:-2]), else_=reason)


def _sum(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return cast(func.sum(type_coerce(column, BigInteger)), BigInteger)


def _named(table: Table, query: Query) -> Query:
    """Returns the query with the table's column names."""
    rows = query.subquery()
    return select(*(column.label(name) for name, column in zip(table.names, rows.c, strict=True)))
