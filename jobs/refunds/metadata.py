"""Metadata of materialized refunds in the Dagster UI, without customers' data."""

from typing import Any

from dagster import MetadataValue, TableColumn, TableRecord, TableSchema
from sqlalchemy import Connection

from orders_pipeline.refunds.listing import refund_stats, refunds_by_day

DAYS_SHOWN = 60
COLUMNS = {"day": "string", "currency": "string", "refunds": "int", "refunded": "float", "disputed": "float"}


def refunds_metadata(connection: Connection) -> dict[str, Any]:
    """Returns counts by status, sums by currency, and the last days; the UI plots the numbers over time."""
    stats = refund_stats(connection)
    days = refunds_by_day(connection, DAYS_SHOWN)
    records = [TableRecord({name: day[name] for name in COLUMNS}) for day in days]
    schema = TableSchema(columns=[TableColumn(name, kind) for name, kind in COLUMNS.items()])
    newest = [day for day in days if day["day"] == days[0]["day"]]
    return {
        "dagster/row_count": sum(stats["refunds"].values()),
        **stats["refunds"],
        "awaiting_approval": stats["awaiting_approval"],
        **{f"refunded_{currency}": amount for currency, amount in stats["refunded"].items()},
        **{f"disputed_{currency}": amount for currency, amount in stats["disputed"].items()},
        **{f"refunded_on_last_day_{day['currency']}": day["refunded"] for day in newest},
        "by_day": MetadataValue.table(records, schema),
    }
