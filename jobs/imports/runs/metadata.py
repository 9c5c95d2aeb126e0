"""Metadata of the materialization of an order file in the Dagster UI, without customers' data."""

from typing import Any

from dagster import MetadataValue, TableColumn, TableRecord, TableSchema
from sqlalchemy import Engine, Select, select

from jobs.console_links import file_page, link
from jobs.imports.runs.result import in_words
from orders_pipeline.base.amounts.money import decimal_string
from orders_pipeline.imports.import_row import get_import
from orders_pipeline.imports.parsed_batches import order_ids
from orders_pipeline.imports.results.report import ImportReport
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import orders, rejects

PREVIEW_ROWS = 10
REJECTS_SHOWN = 20


def orders_metadata(engine: Engine, report: ImportReport, console: str) -> dict[str, Any]:
    """Returns the result in words, counts, throughput, revenue by currency and the first orders of a file."""
    return {
        "result": in_words(report),
        **link(file_page(console, report.partition)),
        "file": report.file,
        "profile": report.profile,
        "dagster/row_count": report.orders["accepted"],
        "records": report.records,
        "accepted_lines": report.accepted_lines,
        "rejected_lines": report.rejected_lines,
        "lines_of_rejected_orders": report.lines_of_rejected_orders,
        "duplicate_lines": report.duplicate_lines,
        "left_out_lines": report.left_out_lines,
        "repeated_lines": report.repeated_lines,
        "returns": report.returns,
        **{f"orders_{name}": number for name, number in report.orders.items()},
        **report.statuses,
        # The UI plots only floats; the exact amounts are in the store.
        **{f"revenue_{currency}": float(amount) for currency, amount in report.revenue.items()},
        **{f"refunded_{currency}": float(amount) for currency, amount in report.refunded.items()},
        "rejects_by_code": MetadataValue.json(report.rejects_by_code),
        **{
            f"{kind}_{currency}": float(amount)
            for currency, amounts in report.amounts.items()
            for kind, amount in amounts.items()
        },
        "warnings": MetadataValue.json(report.warnings),
        "seconds": report.seconds,
        "orders_per_second": report.orders_per_second,
        "read_as": _read_as(report),
        "preview": _preview(engine, report.partition),
    }


def rejects_metadata(engine: Engine, report: ImportReport, console: str) -> dict[str, Any]:
    """Returns counts by code, and the places of the first rejects."""
    return {
        **link(f"{file_page(console, report.partition)}/rejects.csv"),
        "dagster/row_count": report.rejected_lines,
        "lines_of_rejected_orders": report.lines_of_rejected_orders,
        "rejects_by_code": MetadataValue.json(report.rejects_by_code),
        "first_rejects": _first_rejects(engine, report.partition),
    }


def _read_as(report: ImportReport) -> MetadataValue[Any]:
    """Returns the findings about the file, each with its confidence and reason."""
    records = [
        {name: str(finding[name]) for name in ("what", "value", "confidence", "reason")}
        for finding in report.detected
    ]
    return _table(["what", "value", "confidence", "reason"], records)


def _preview(engine: Engine, key: str) -> MetadataValue[Any]:
    with reading(engine) as connection:
        window = order_ids(connection, get_import(connection, key).id)
        query = _orders_between(*window) if window else None
        rows = connection.execute(query).all() if query is not None else []
    records = [
        {
            "order": row.number,
            "day": str(row.day),
            "total": decimal_string(row.total, row.currency),
            "currency": row.currency,
            "status": row.status,
        }
        for row in rows
    ]
    return _table(["order", "day", "total", "currency", "status"], records)


def _orders_between(first_id: int, last_id: int) -> Select[Any]:
    columns = (orders.c.number, orders.c.day, orders.c.total, orders.c.currency, orders.c.status)
    return (
        select(*columns)
        .where(orders.c.id.between(first_id, last_id))
        .order_by(orders.c.id)
        .limit(PREVIEW_ROWS)
    )


def _first_rejects(engine: Engine, key: str) -> MetadataValue[Any]:
    columns = (rejects.c.line, rejects.c.column_name, rejects.c.code, rejects.c.hint)
    with reading(engine) as connection:
        query = select(*columns).where(rejects.c.import_id == get_import(connection, key).id)
        rows = connection.execute(query.order_by(rejects.c.record, rejects.c.item).limit(REJECTS_SHOWN)).all()
    records = [
        {"line": row.line, "column": row.column_name or "", "code": row.code, "hint": row.hint}
        for row in rows
    ]
    return _table(["line", "column", "code", "hint"], records)


def _table(names: list[str], records: list[dict[str, Any]]) -> MetadataValue[Any]:
    schema = TableSchema(columns=[TableColumn(name, "int" if name == "line" else "string") for name in names])
    return MetadataValue.table(records=[TableRecord(record) for record in records], schema=schema)
