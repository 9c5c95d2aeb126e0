"""What a database says of its tables, to be compared."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Engine, inspect

# Alembic's own; the metadata does not have it.
REVISIONS = "alembic_version"
CASTS = re.compile(r"::[a-z ]+(\[\])?|[()]")


def described(engine: Engine) -> dict[str, Any]:
    """All that the database says of each of its tables."""
    looked_at = inspect(engine)
    return {
        table: {
            "columns": [{**column, "type": str(column["type"])} for column in looked_at.get_columns(table)],
            "primary key": looked_at.get_pk_constraint(table),
            "foreign keys": sorted(looked_at.get_foreign_keys(table), key=repr),
            "unique": sorted(looked_at.get_unique_constraints(table), key=repr),
            "checks": sorted(map(_check, looked_at.get_check_constraints(table)), key=repr),
            "indexes": sorted(map(_index, looked_at.get_indexes(table)), key=repr),
            "options": looked_at.get_table_options(table),
        }
        for table in looked_at.get_table_names()
        if table != REVISIONS
    }


def _check(found: Any) -> dict[str, Any]:
    """A check; PostgreSQL writes its casts in another way once a dump of it was loaded."""
    return {**found, "sqltext": CASTS.sub("", found["sqltext"])}


def _index(found: Any) -> dict[str, Any]:
    """An index; the condition of a partial one is compared as text."""
    options = {name: str(value) for name, value in found.get("dialect_options", {}).items()}
    return {**found, "dialect_options": options}
