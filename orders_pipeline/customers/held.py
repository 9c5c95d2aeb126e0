"""Finds which data about a customer is stored, and where."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import Column, Connection, and_, func, or_, select

from orders_pipeline.base.model import ENDED_IMPORTS, ImportStatus
from orders_pipeline.store.schema import (
    customer_contacts,
    customers,
    imports,
    notifications,
    operator_actions,
    orders,
    rejects,
    returns,
)


class UnknownCustomerError(LookupError):
    """The store has no customer with this id."""

    def __init__(self) -> None:
        super().__init__("The store has no customer with this id.")


class Reject(NamedTuple):
    """A rejected line that names a customer."""

    import_id: int
    record: int
    item: int
    raw: str


@dataclass(frozen=True, slots=True)
class Held:
    """What is held on a customer.

    Attributes:
        rejects: rejected lines that name the customer.
        files: ended imports, by id with their partition keys, whose staged files hold the customer's data.
        running: partition keys of imports that have not ended.
    """

    customer: str = field(repr=False)
    name: str | None = field(repr=False)
    email: str | None = field(repr=False)
    orders: int
    returns: int
    notifications: int
    actions: int
    rejects: list[Reject] = field(repr=False)
    files: dict[int, str]
    running: list[str]

    def counts(self) -> dict[str, int | bool]:
        """What a preview shows; no personal data."""
        return {
            "name": self.name is not None,
            "address": self.email is not None,
            "orders": self.orders,
            "returns": self.returns,
            "notifications": self.notifications,
            "rejected_lines": len(self.rejects),
            "audit_entries": self.actions,
            "staged_files": len(self.files),
        }


def held_on(connection: Connection, customer: str) -> Held:
    """What is held on a customer.

    Raises:
        UnknownCustomerError: the store has no such customer.
    """
    query = (
        select(customers.c.name, customer_contacts.c.email)
        .outerjoin(customer_contacts, customer_contacts.c.customer_id == customers.c.id)
        .where(customers.c.id == customer)
    )
    found = connection.execute(query).one_or_none()
    if found is None:
        raise UnknownCustomerError
    named = _rejects(connection, customer, found.name, found.email)
    files = _files(connection, customer, {one.import_id for one in named})
    ended = (*ENDED_IMPORTS, ImportStatus.STAGED)
    running = select(imports.c.partition_key).where(imports.c.status.not_in(ended))
    return Held(
        customer=customer,
        name=found.name,
        email=found.email,
        orders=_number(connection, orders.c.customer_id, customer),
        returns=_number(connection, returns.c.customer_id, customer),
        notifications=_number(connection, notifications.c.customer_id, customer),
        actions=_number(connection, operator_actions.c.target, customer),
        rejects=named,
        files=files,
        running=list(connection.scalars(running)),
    )


def _number(connection: Connection, column: Column[str], customer: str) -> int:
    return connection.execute(select(func.count()).where(column == customer)).scalar_one()


def _files(connection: Connection, customer: str, more: set[int]) -> dict[int, str]:
    holding = or_(
        *(
            imports.c.id.in_(select(table.c.import_id).where(table.c.customer_id == customer))
            for table in (orders, returns)
        ),
        imports.c.id.in_(more),
    )
    kept = and_(imports.c.original_removed_at.is_(None), imports.c.status.in_(ENDED_IMPORTS))
    query = select(imports.c.id, imports.c.partition_key).where(holding, kept).order_by(imports.c.id)
    return dict(connection.execute(query).all())


def _rejects(connection: Connection, customer: str, name: str | None, email: str | None) -> list[Reject]:
    """The rejected lines with the customer's address, or with both the id and the name.

    An id such as `5` stands in many lines that have nothing to do with the customer.
    """
    wanted = [text for text in (customer, email) if text]
    some = or_(*(rejects.c.raw.contains(text, autoescape=True) for text in wanted))
    query = select(rejects.c.import_id, rejects.c.record, rejects.c.item, rejects.c.raw).where(some)
    found = (Reject(*row) for row in connection.execute(query))
    return [one for one in found if _names(one.raw, customer, name, email)]


def _names(raw: str, customer: str, name: str | None, email: str | None) -> bool:
    if any(address and address in raw for address in (email, customer if "@" in customer else None)):
        return True
    whole = re.search(rf"(?<!\w){re.escape(customer)}(?!\w)", raw)
    return bool(whole) and (name is None or name in raw)
