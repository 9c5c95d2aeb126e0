"""Which order a payment provider means by an id: of its charge, capture, refund or dispute."""

from __future__ import annotations

from sqlalchemy import Column, ColumnElement, CompoundSelect, Subquery, func, select, union_all

from orders_pipeline.store.schema import authorizations, payments, refunds


def ids_of(order_id: int) -> CompoundSelect[str]:
    """Query of the ids that the provider has given to the movements of an order's money."""
    return union_all(
        *(
            select(table.c.transaction_id).where(
                table.c.order_id == order_id, table.c.transaction_id.is_not(None)
            )
            for table in (payments, authorizations, refunds)
        )
    )


def order_of_charge(id_: Column[str | None]) -> ColumnElement[int | None]:
    """The order that was charged under this id, by an index."""
    order = select(func.min(payments.c.order_id)).where(payments.c.transaction_id == id_)
    return order.scalar_subquery()


def orders_of_others() -> Subquery:
    """The orders of captures, refunds and disputes, which are few: `id` and `order_id`, each id once."""
    ended = union_all(
        *(
            select(table.c.transaction_id.label("id"), table.c.order_id).where(
                table.c.transaction_id.is_not(None)
            )
            for table in (authorizations, refunds)
        )
    ).subquery()
    return select(ended.c.id, func.min(ended.c.order_id).label("order_id")).group_by(ended.c.id).subquery()
