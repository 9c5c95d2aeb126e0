"""Rows of a DuckDB query as mappings from column name to value."""

from __future__ import annotations

from typing import Any

from duckdb import DuckDBPyConnection


def rows_of(
    connection: DuckDBPyConnection, query: str, parameters: dict[str, Any] | None = None
) -> list[dict[str, Any]]:
    """All rows of a query."""
    result = connection.execute(query, parameters or {})
    names = [column[0] for column in result.description or []]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
