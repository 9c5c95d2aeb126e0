"""Notes whose results changed after their import had finished.

Notes are only added here, so that no lock of an import is needed. The process that writes results removes
them.
"""

from __future__ import annotations

from sqlalchemy import Connection, Select, insert

from orders_pipeline.store.schema import result_changes


def note_changed_imports(connection: Connection, import_ids: Select[int]) -> None:
    """Notes the imports of a query whose results changed; the query may name one more than once."""
    connection.execute(insert(result_changes).from_select(["import_id"], import_ids.distinct()))


def note_changed_import(connection: Connection, import_id: int) -> None:
    """Notes that results of an import changed."""
    connection.execute(insert(result_changes).values(import_id=import_id))
