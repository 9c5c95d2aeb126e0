"""The condition that a text begins with another, which both databases find by an index."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, and_

# Sorts behind every character that a text may have.
LAST_CHARACTER = "\U0010ffff"


def starts_with(connection: Connection, column: ColumnElement[str], text: str) -> ColumnElement[bool]:
    """The condition. On PostgreSQL, the index has to be of the kind `text_pattern_ops`."""
    if connection.dialect.name != "postgresql":
        return and_(column >= text, column < text + LAST_CHARACTER)
    # In a language's collation a prefix is no range.
    escaped = "".join(f"\\{sign}" if sign in "\\%_" else sign for sign in text)
    return column.like(f"{escaped}%")
