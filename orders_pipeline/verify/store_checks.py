"""The invariants of the order store. Each SQL file finds the rows that violate one invariant."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select, text, union

from orders_pipeline.base.amounts.currency import minor_digits
from orders_pipeline.base.amounts.money import LINE_DIGITS
from orders_pipeline.base.clock import to_datetime
from orders_pipeline.base.files.package_files import package_text
from orders_pipeline.store.schema import home, orders, product_totals, returns
from orders_pipeline.verify.check import Check, check_none
from orders_pipeline.verify.gateway_checks import GATEWAY_CHECKS
from orders_pipeline.verify.refund_gateway_checks import REFUND_CHECKS

Rows = Iterator[dict[str, Any]]

# CROSS JOIN makes SQLite join tables in the order of the query: orders by id, then their lines. Otherwise, it
# would follow an index on the GROUP BY key, and look up a million rows in random order. For the same reason,
# some GROUP BY keys are expressions. PostgreSQL's planner is free in both cases.
QUERIES = (
    "stock_is_conserved",
    "stock_was_received",
    "statuses_agree_with_reservations_and_payments",
    "earlier_attempts_ended_without_a_sale",
    "attempts_end_with_the_current_one",
    "completed_orders_are_charged_once",
    "authorizations_agree_with_orders",
    "recorded_payments_are_never_charged",
    "transactions_are_used_once",
    "every_record_is_accounted_for",
    "counts_are_those_of_parsing",
    "accepted_lines_are_in_the_store",
    "returns_are_in_the_store",
    "returns_of_orders_are_booked",
    "rejects_are_kept",
    "batch_counts_are_right",
    "order_ids_are_given_once",
    "order_ids_are_of_their_batch",
    "import_statuses_agree_with_their_results",
    "finished_imports_are_settled",
    "customer_totals_are_right",
    "refunds_are_within_captured",
    "refunds_are_of_completed_orders",
    "refunded_units_were_sold",
    "refund_amounts_add_up",
    "reported_disputes_are_booked",
    "payout_lines_are_in_the_store",
    "kpi_days_cover_all_orders",
    "events_match_orders",
    "events_in_order",
    "audit_trail_is_complete",
)
# These queries have two parameters: a currency, and the value of its minor unit in 1/10,000.
QUERIES_BY_CURRENCY = (
    "product_totals_are_right",
    "order_totals_are_sums_of_lines",
    "return_totals_are_sums_of_lines",
)


def check_rows(connection: Connection, names: Collection[str] | None = None) -> list[Check]:
    """Checks the invariants of the order store's rows: all of them, or those with these names."""
    return [
        check_none(name, _isolated(connection, find(connection)))
        for name, find in _violations().items()
        if names is None or name in names
    ]


def store_checks() -> dict[str, str]:
    """The statement of every check in this module, by name."""
    return {name: _statement(name) for name in _violations()} | GATEWAY_CHECKS | REFUND_CHECKS


def _violations() -> dict[str, Callable[[Connection], Rows]]:
    """Returns the code that finds the violations of each invariant.

    For most of them, this is only a query.
    """
    return {
        **{name: partial(_rows, name=name) for name in QUERIES},
        **{name: partial(_rows_by_currency, name=name) for name in QUERIES_BY_CURRENCY},
        "days_are_those_of_order_times": _wrong_days,
        "references_are_whole": _broken_references,
    }


def _statement(name: str) -> str:
    comments = (line[3:] for line in _sql(name).splitlines() if line.startswith("-- "))
    return " ".join(comments)


def _sql(name: str) -> str:
    return package_text("orders_pipeline.verify", f"sql/{name}.sql")


def _isolated(connection: Connection, violations: Rows) -> Rows:
    # On PostgreSQL, a failed statement would end the transaction of all other checks.
    with connection.begin_nested():
        yield from violations


def _rows(connection: Connection, name: str, **values: Any) -> Rows:
    for row in connection.execute(text(_sql(name)), values).mappings():
        yield dict(row)


def _rows_by_currency(connection: Connection, name: str) -> Rows:
    known = union(*(select(table.c.currency) for table in (orders, returns, product_totals)))
    for currency in connection.execute(known).scalars().all():
        minor_unit = 10 ** (LINE_DIGITS - minor_digits(currency))
        for row in _rows(connection, name, currency=currency, minor_unit=minor_unit):
            yield {**row, "currency": currency}


def _wrong_days(connection: Connection) -> Rows:
    """Days whose first or last order belongs to another day. In Python, because SQLite has no time zones."""
    timezone = connection.execute(select(home.c.timezone)).scalar()
    if timezone is None:
        # A store of release 0.1.0 names its time zone when the next file is imported.
        return
    zone = ZoneInfo(timezone)
    for row in _rows(connection, "days_are_those_of_order_times"):
        times = [to_datetime(row[name]).astimezone(zone) for name in ("earliest", "latest")]
        if {str(time.date()) for time in times} != {str(row["day"])}:
            yield {"day": row["day"], "orders_from": times[0].isoformat(), "to": times[1].isoformat()}


def _broken_references(connection: Connection) -> Rows:
    if connection.dialect.name == "sqlite":
        yield from _rows(connection, "references_are_whole")
