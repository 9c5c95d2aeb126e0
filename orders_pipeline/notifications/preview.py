"""Renders a notice about a stored order, for a preview."""

from __future__ import annotations

from sqlalchemy import Connection, select

from orders_pipeline.notifications.messages import Subject, rendered
from orders_pipeline.notifications.templates import NoticeTemplates, Rendered
from orders_pipeline.notifications.terms import NoticeTerms
from orders_pipeline.store.schema import customer_contacts, orders, sources


class UnknownOrderError(LookupError):
    """No order has this number."""

    def __init__(self, number: str) -> None:
        super().__init__(f"No order has the number {number!r}.")


class SeveralOrdersError(LookupError):
    """Several sources have an order with this number."""

    def __init__(self, number: str, names: list[str]) -> None:
        super().__init__(f"These sources have an order {number!r}: {', '.join(names)}.")


def preview_notice(
    connection: Connection,
    terms: NoticeTerms,
    event: str,
    number: str,
    source: str | None = None,
    language: str | None = None,
) -> Rendered:
    """Returns the notice about an event of an order. For a refund, the amount is the order's total.

    Args:
        language: used instead of the customer's language.

    Raises:
        UnknownOrderError: there is no such order.
        SeveralOrdersError: several sources have an order with this number.
        NoticeTemplateError: a template is missing or cannot be rendered.
    """
    query = (
        select(orders.c.id, orders.c.attempt, sources.c.name, customer_contacts.c.language)
        .join(sources, sources.c.id == orders.c.source_id)
        .outerjoin(customer_contacts, customer_contacts.c.customer_id == orders.c.customer_id)
        .where(orders.c.number == number)
        .order_by(sources.c.name)
    )
    if source is not None:
        query = query.where(sources.c.name == source)
    found = connection.execute(query).all()
    if not found:
        raise UnknownOrderError(number)
    if len(found) > 1:
        raise SeveralOrdersError(number, [one.name for one in found])
    (order,) = found
    subject = Subject(event, order.id, order.attempt)
    return rendered(connection, terms, NoticeTemplates(terms.templates), subject, language or order.language)
