"""The condition that a text begins with another, for which both databases can use an index."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, and_

# Sorts behind every character that a text may have.
LAST_CHARACTER = "\U0010ffff"


def starts_with(connection: Connection, column: ColumnElement[str], text: str) -> ColumnElement[bool]:
    """The condition that a column begins with a text. PostgreSQL needs an index with `text_pattern_ops`."""
    if connection.dialect.name != "postgresql":
        return and_(column >= text, column < text + LAST_CHARACTER)
    # In a language's collation, texts with the same prefix are not one range.
    escaped = "".join(f"\\{sign}" if sign in "\\%_" else sign for sign in text)
    return column.like(f"{escaped}%")


def some_may_start_with(
    connection: Connection, least: ColumnElement[str], greatest: ColumnElement[str], text: str
) -> ColumnElement[bool]:
    """The condition that one of some texts may begin with another, by the least and the greatest of them.

    Both are by code points, which is how SQLite compares texts.
    """
    if connection.dialect.name == "postgresql":
        least, greatest = least.collate("C"), greatest.collate("C")
    return and_(least < text + LAST_CHARACTER, greatest >= text)
