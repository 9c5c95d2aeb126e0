"""A database's description of its tables, to be compared."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Engine, inspect

# Alembic's own table, which is not in the metadata.
REVISIONS = "alembic_version"
CASTS = re.compile(r"::[a-z ]+(\[\])?|[()]")


def described(engine: Engine) -> dict[str, Any]:
    """The description of each table."""
    looked_at = inspect(engine)
    # Each of these queries PostgreSQL once for all tables.
    kinds: dict[str, dict[tuple[str | None, str], Any]] = {
        "columns": {
            table: list(map(_column, columns)) for table, columns in looked_at.get_multi_columns().items()
        },
        "primary key": dict(looked_at.get_multi_pk_constraint()),
        "foreign keys": _each(looked_at.get_multi_foreign_keys()),
        "unique": _each(looked_at.get_multi_unique_constraints()),
        "checks": _each(looked_at.get_multi_check_constraints(), _check),
        "indexes": _each(looked_at.get_multi_indexes(), _index),
        "options": dict(looked_at.get_multi_table_options()),
    }
    return {
        table: {kind: found[None, table] for kind, found in kinds.items()}
        for table in looked_at.get_table_names()
        if table != REVISIONS
    }


def _each(
    found: Mapping[tuple[str | None, str], Any], change: Callable[[Any], Any] = dict
) -> dict[tuple[str | None, str], list[Any]]:
    """The findings about each table, changed and sorted."""
    return {table: sorted(map(change, listed), key=repr) for table, listed in found.items()}


def _column(found: Any) -> dict[str, Any]:
    return {**found, "type": str(found["type"])}


def _check(found: Any) -> dict[str, Any]:
    """A check constraint; PostgreSQL writes casts differently after a dump was loaded."""
    return {**found, "sqltext": CASTS.sub("", found["sqltext"])}


def _index(found: Any) -> dict[str, Any]:
    """An index; the condition of a partial index is compared as text."""
    options = {name: str(value) for name, value in found.get("dialect_options", {}).items()}
    return {**found, "dialect_options": options}
