"""Erases a person: removes name, address and id.

Orders and payments remain under an id that identifies nobody.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import Connection, Engine, and_, delete, insert, select, update

from orders_pipeline.access.audit import record_action
from orders_pipeline.customers.held import Held, held_on
from orders_pipeline.imports.loading.known_orders import ERASED
from orders_pipeline.retention.imports import remove_files_of
from orders_pipeline.staging.staging import Staging
from orders_pipeline.store.engine import reading
from orders_pipeline.store.kpi_days import mark_days
from orders_pipeline.store.schema import (
    customer_contacts,
    customer_totals,
    customers,
    home,
    notifications,
    operator_actions,
    order_payers,
    orders,
    refunds,
    rejects,
    returns,
)

ERASED_LINE = "erased"


class ImportsRunningError(RuntimeError):
    """Imports run that might bring the customer again."""

    def __init__(self, keys: list[str]) -> None:
        super().__init__(f"These imports have not ended: {', '.join(keys)}.")


@dataclass(frozen=True, slots=True)
class Erased:
    """What was erased.

    Attributes:
        customer: the id that the orders have now.
        before: the former id.
        counts: of what was erased or changed.
        files: partition keys of the staged files that were removed.
    """

    customer: str
    before: str = field(repr=False)
    counts: dict[str, int | bool]
    files: list[str]


def erase_customer(engine: Engine, staging: Staging, customer: str, actor: str) -> Erased:
    """Erases a customer from the order store, and the staged files that hold the customer's data.

    Figures and leaderboards show it once they are published again.

    Raises:
        UnknownCustomerError: the store has no such customer.
        ImportsRunningError: an import has not ended.
    """
    with reading(engine) as connection:
        held = held_on(connection, customer)
    if held.running:
        raise ImportsRunningError(held.running)
    files = held.files
    # Done first, because without the customer they could not be found any more.
    for import_id in files:
        remove_files_of(engine, staging, import_id)
    with engine.begin() as connection:
        held = held_on(connection, customer)
        if held.running:
            raise ImportsRunningError(held.running)
        nobody = ERASED + secrets.token_hex(6)
        _replace(connection, held, nobody)
        counts = held.counts() | {"staged_files": len(files)}
        record_action(connection, actor, "customers.erase", nobody, **counts)
    return Erased(nobody, customer, counts, list(files.values()))


def _replace(connection: Connection, held: Held, nobody: str) -> None:
    before = held.customer
    if connection.dialect.name == "sqlite":
        # Overwrites what is deleted, instead of leaving it in unused space.
        connection.exec_driver_sql("PRAGMA secure_delete = ON")
    connection.execute(insert(customers).values(id=nobody))
    for one in held.rejects:
        this = and_(
            rejects.c.import_id == one.import_id, rejects.c.record == one.record, rejects.c.item == one.item
        )
        connection.execute(update(rejects).where(this).values(raw="", message=ERASED_LINE, hint=""))
    for table in (orders, returns, customer_totals, notifications):
        connection.execute(update(table).where(table.c.customer_id == before).values(customer_id=nobody))
    hers = select(orders.c.id).where(orders.c.customer_id == nobody)
    connection.execute(delete(order_payers).where(order_payers.c.order_id.in_(hers)))
    connection.execute(delete(customer_contacts).where(customer_contacts.c.customer_id == before))
    about = operator_actions.c.target == before
    connection.execute(update(operator_actions).where(about).values(target=nobody))
    connection.execute(delete(customers).where(customers.c.id == before))
    mark_days(connection, _days(connection, nobody))
    # `figures.duckdb` is created again for it.
    connection.execute(update(home).values(customers_erased=home.c.customers_erased + 1))


def _days(connection: Connection, customer: str) -> set[date]:
    """The KPI days of the customer's sales, returns and refunds."""
    of_orders = orders.c.customer_id == customer
    queries = (
        select(orders.c.day).where(of_orders),
        select(returns.c.day).where(returns.c.customer_id == customer),
        select(refunds.c.day).join(orders, orders.c.id == refunds.c.order_id).where(of_orders),
    )
    return {day for query in queries for day in connection.scalars(query.distinct()) if day is not None}
