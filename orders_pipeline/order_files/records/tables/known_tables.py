"""The supported table formats."""

from __future__ import annotations

from orders_pipeline.order_files.records.content import Content
from orders_pipeline.order_files.records.tables.json_document import JsonDocument
from orders_pipeline.order_files.records.tables.json_lines import JsonLines
from orders_pipeline.order_files.records.tables.ods import ODS
from orders_pipeline.order_files.records.tables.parquet import Parquet
from orders_pipeline.order_files.records.tables.table_format import TableFormat
from orders_pipeline.order_files.records.tables.xls import Xls
from orders_pipeline.order_files.records.tables.xlsx import XLSX

TABLES: dict[Content, TableFormat] = {
    Content.JSON: JsonDocument(),
    Content.JSON_LINES: JsonLines(),
    Content.XLSX: XLSX,
    Content.XLS: Xls(),
    Content.ODS: ODS,
    Content.PARQUET: Parquet(),
}
