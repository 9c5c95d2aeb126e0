"""What a database says of its tables, to be compared."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Engine, inspect

# Alembic's own; the metadata does not have it.
REVISIONS = "alembic_version"
CASTS = re.compile(r"::[a-z ]+(\[\])?|[()]")


def described(engine: Engine) -> dict[str, Any]:
    """All that the database says of each of its tables."""
    looked_at = inspect(engine)
    # Each asks PostgreSQL once for all tables.
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
    """What was found of each table, changed, in one order."""
    return {table: sorted(map(change, listed), key=repr) for table, listed in found.items()}


def _column(found: Any) -> dict[str, Any]:
    return {**found, "type": str(found["type"])}


def _check(found: Any) -> dict[str, Any]:
    """A check; PostgreSQL writes its casts in another way once a dump of it was loaded."""
    return {**found, "sqltext": CASTS.sub("", found["sqltext"])}


def _index(found: Any) -> dict[str, Any]:
    """An index; the condition of a partial one is compared as text."""
    options = {name: str(value) for name, value in found.get("dialect_options", {}).items()}
    return {**found, "dialect_options": options}
