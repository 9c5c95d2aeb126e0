"""The invariants of the order store. Each SQL file finds the rows that violate one invariant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, select, text

from orders_pipeline.base.currency import minor_digits
from orders_pipeline.base.money import LINE_DIGITS
from orders_pipeline.base.package_files import package_text
from orders_pipeline.store.schema import orders
from orders_pipeline.verify.check import Check, check_none
from orders_pipeline.verify.gateway_checks import GATEWAY_CHECKS

QUERIES = (
    "stock_is_conserved",
    "statuses_agree_with_reservations_and_payments",
    "completed_orders_are_charged_once",
    "recorded_payments_are_never_charged",
    "transactions_are_used_once",
    "every_record_is_accounted_for",
    "accepted_lines_are_in_the_store",
    "batch_counts_are_right",
    "finished_imports_are_settled",
    "customer_totals_are_right",
    "product_totals_are_right",
)
TOTALS = "order_totals_are_sums_of_lines"


def store_checks() -> dict[str, str]:
    """The statement of every check in this module, by name."""
    return {name: _told(name) for name in (*QUERIES, TOTALS)} | GATEWAY_CHECKS


def _told(name: str) -> str:
    comments = (line[3:] for line in _sql(name).splitlines() if line.startswith("-- "))
    return " ".join(comments)


def _sql(name: str) -> str:
    return package_text("orders_pipeline.verify", f"sql/{name}.sql")


def check_rows(connection: Connection) -> list[Check]:
    """Checks the invariants of the order store's rows."""
    checks = [check_none(name, _isolated(connection, _rows(connection, name))) for name in QUERIES]
    return [*checks, check_none(TOTALS, _isolated(connection, _wrong_totals(connection)))]


def _isolated(connection: Connection, violations: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    # On PostgreSQL, a failed statement would end the transaction of all other checks.
    with connection.begin_nested():
        yield from violations


def _rows(connection: Connection, name: str, **values: Any) -> Iterator[dict[str, Any]]:
    for row in connection.execute(text(_sql(name)), values).mappings():
        yield dict(row)


def _wrong_totals(connection: Connection) -> Iterator[dict[str, Any]]:
    for currency in connection.execute(select(orders.c.currency).distinct()).scalars().all():
        divisor = 10 ** (LINE_DIGITS - minor_digits(currency))
        yield from _rows(connection, TOTALS, currency=currency, divisor=divisor)
