"""The schema `figures` in a PostgreSQL order store: views over the store, and a copy of the daily figures.

The tables have the names and columns of `figures.duckdb`. The process that publishes figures creates and
fills them. If it lacks privileges, or a reader's query holds a lock, this is logged and the next publication
tries again. The pipeline never waits for it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Date,
    DateTime,
    Engine,
    MetaData,
    Numeric,
    String,
    Table,
    delete,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine

from orders_pipeline.base.files.package_files import package_text
from orders_pipeline.base.version import VERSION
from orders_pipeline.figures.kpis.warehouse.published_parts import DAILY, days_of, read_listing
from orders_pipeline.figures.kpis.warehouse.readers_copy import read_published
from orders_pipeline.figures.kpis.warehouse.rows import rows_of
from orders_pipeline.figures.tables import definitions, store_queries, table
from orders_pipeline.figures.tables.definitions import ABOUT, DAILY_KPIS
from orders_pipeline.figures.tables.table import Kind

SCHEMA = "figures"
LOCK_TIMEOUT = "2s"
# Limits for readers; the role of a reader can override them.
READER_SETTINGS = {
    "search_path": SCHEMA,
    "default_transaction_read_only": "on",
    "statement_timeout": "60s",
    "idle_in_transaction_session_timeout": "60s",
}
VIEWS: Mapping[str, tuple[table.Table, store_queries.Query]] = {
    defined.name: (defined, query)
    for defined, query in (
        (definitions.CUSTOMERS, store_queries.customers_rows()),
        (definitions.PRODUCTS, store_queries.products_rows()),
        (definitions.ORDERS, store_queries.orders_rows()),
        (definitions.ORDER_LINES, store_queries.order_lines_rows()),
        (definitions.PAYMENTS, store_queries.payments_rows()),
        (definitions.REFUNDS, store_queries.refunds_rows()),
        (definitions.CUSTOMER_SALES, store_queries.customer_sales_rows()),
        (definitions.PRODUCT_SALES, store_queries.product_sales_rows()),
    )
}
_READ = {
    Kind.MONEY: "({} * 0.0001)::{}",
    Kind.UNITS: "({} * 0.001)::{}",
    Kind.TIME: "(timestamp '1970-01-01' + {} * interval '1 microsecond')::{}",
}
_TYPES: Mapping[Kind, TypeEngine[Any]] = {
    Kind.INTEGER: BigInteger(),
    Kind.MONEY: Numeric(30, 4),
    Kind.UNITS: Numeric(30, 3),
    Kind.SHARE: Numeric(5, 4),
    Kind.SECONDS: Numeric(18, 2),
    Kind.DAY: Date(),
    Kind.TIME: DateTime(),
    Kind.TRUTH: Boolean(),
}
_metadata = MetaData(schema=SCHEMA)
daily_kpis = Table(
    DAILY,
    _metadata,
    *(Column(column.name, _TYPES.get(column.kind, String())) for column in DAILY_KPIS.columns),
)
# Which parts of the published files the table contains.
published_years = Table(
    "published_years",
    _metadata,
    Column("year", String, primary_key=True),
    Column("digest", String, nullable=False),
    Column("published_at", DateTime, nullable=False),
)
log = logging.getLogger(__name__)


def publish(engine: Engine, folder: Path) -> None:
    """Updates the schema to this version of the code, and its daily figures to the published files."""
    if engine.dialect.name != "postgresql":
        return
    try:
        with engine.begin() as connection:
            connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
            ensure_schema(connection)
            _fill(connection, folder)
    except DBAPIError as error:
        log.warning("The schema %s could not be brought up to date: %s", SCHEMA, error.orig)


def ensure_schema(connection: Connection) -> None:
    """Creates the schema, or replaces one of another version. Readers keep their grants."""
    found = text("SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = :name")
    if connection.execute(found, {"name": SCHEMA}).scalar_one_or_none() == _mark():
        return
    connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
    drop_tables(connection)
    for statement in statements():
        connection.exec_driver_sql(statement.replace("%", "%%"))


def drop_tables(connection: Connection) -> None:
    """Drops all tables and views of the schema, if it exists. The next publication creates them again."""
    views = ", ".join(f"{SCHEMA}.{name}" for name in (*VIEWS, *_leaderboards(), ABOUT.name))
    tables = ", ".join(str(one) for one in _metadata.sorted_tables)
    exists = text("SELECT 1 FROM pg_namespace WHERE nspname = :name")
    if connection.execute(exists, {"name": SCHEMA}).first():
        connection.execute(text(f"DROP VIEW IF EXISTS {views}"))
        connection.execute(text(f"DROP TABLE IF EXISTS {tables}"))
        connection.execute(text(f"COMMENT ON SCHEMA {SCHEMA} IS NULL"))


def grant(connection: Connection, role: str) -> None:
    """Grants a role the right to read the schema, also after upgrades, and no other right."""
    name = connection.dialect.identifier_preparer.quote(role)
    for statement in (
        f"GRANT USAGE ON SCHEMA {SCHEMA} TO {name}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA {SCHEMA} TO {name}",
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA {SCHEMA} GRANT SELECT ON TABLES TO {name}",
    ):
        connection.exec_driver_sql(statement.replace("%", "%%"))


def reader_settings(connection: Connection, role: str) -> Iterator[str]:
    """Yields the statements that limit the resources of a reader's queries."""
    quote = connection.dialect.identifier_preparer.quote
    database = connection.execute(select(func.current_database())).scalar_one()
    for name, value in READER_SETTINGS.items():
        yield f"ALTER ROLE {quote(role)} IN DATABASE {quote(database)} SET {name} = '{value}'"


def statements() -> list[str]:
    """Returns the statements that create the tables in an existing, empty schema."""
    return [*_definitions(), f"COMMENT ON SCHEMA {SCHEMA} IS '{_mark()}'"]


def _definitions() -> list[str]:
    made = [
        f"CREATE TABLE {daily_kpis} ({DAILY_KPIS.declared}, PRIMARY KEY (day, currency))",
        f"CREATE TABLE {published_years} (year TEXT PRIMARY KEY, digest TEXT NOT NULL, "
        "published_at TIMESTAMP NOT NULL)",
        *(_view(defined, query) for defined, query in VIEWS.values()),
        *_leaderboards().values(),
        f"CREATE VIEW {SCHEMA}.{ABOUT.name} AS SELECT (SELECT max(published_at) FROM {published_years})"
        " AS made_at, 0::BIGINT AS late_by_at_most_minutes,"
        " coalesce((SELECT timezone FROM home), 'UTC')::VARCHAR AS timezone,"
        f" '{VERSION}'::VARCHAR AS version",
    ]
    return made + [comment for defined in definitions.TABLES for comment in _comments(defined)]


def _mark() -> str:
    """Returns the comment of a schema that these statements created."""
    return f"orders-pipeline {sha256(''.join(_definitions()).encode()).hexdigest()}"


def _view(defined: table.Table, query: store_queries.Query) -> str:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    sql = query.compile(dialect=dialect, compile_kwargs={"literal_binds": True})
    values = ", ".join(
        f"{_READ.get(kind, '{}::{}').format(f'store.{name}', kind.sql_type)} AS {name}"
        for name, kind in defined.kinds
    )
    return f"CREATE VIEW {SCHEMA}.{defined.name} AS SELECT {values} FROM ({sql}) AS store"


def _leaderboards() -> dict[str, str]:
    written = package_text("orders_pipeline.figures.tables", "sql/leaderboards.sql")
    views = written.format(schema=f"{SCHEMA}.", code_points=' COLLATE "C"').split(";")
    names = (definitions.CUSTOMER_LEADERBOARD.name, definitions.PRODUCT_LEADERBOARD.name)
    return dict(zip(names, views, strict=False))


def _comments(defined: table.Table) -> Iterator[str]:
    kind = "TABLE" if defined is DAILY_KPIS else "VIEW"
    yield f"COMMENT ON {kind} {SCHEMA}.{defined.name} IS {_literal(defined.meaning)}"
    for column in defined.columns:
        yield f"COMMENT ON COLUMN {SCHEMA}.{defined.name}.{column.name} IS {_literal(column.meaning)}"


def _literal(words: str) -> str:
    return "'" + words.replace("'", "''") + "'"


def _fill(connection: Connection, folder: Path) -> None:
    """Replaces the years whose published files differ from those in the table."""
    listing = read_listing(folder)
    parts = {} if listing is None else listing.parts.get(DAILY, {})
    query = select(published_years.c.year, published_years.c.digest)
    shown = {row.year: row.digest for row in connection.execute(query)}
    for year in sorted(parts.keys() | shown.keys()):
        if year not in parts or parts[year].digest != shown.get(year):
            _replace_year(connection, folder, year)
            connection.execute(delete(published_years).where(published_years.c.year == year))
        if year in parts and parts[year].digest != shown.get(year):
            values = {
                "year": year,
                "digest": parts[year].digest,
                "published_at": text("now() AT TIME ZONE 'UTC'"),
            }
            connection.execute(insert(published_years).values(values))


def _replace_year(connection: Connection, folder: Path, year: str) -> None:
    first, last = days_of(year)
    connection.execute(delete(daily_kpis).where(daily_kpis.c.day.between(first, last)))
    if rows := _published(folder, first, last):
        connection.execute(insert(daily_kpis), rows)


def _published(folder: Path, first: date, last: date) -> list[dict[str, Any]]:
    query = (
        "SELECT * REPLACE (to_json(declines_by_reason)::VARCHAR AS declines_by_reason)"
        f" FROM {DAILY} WHERE day BETWEEN $first AND $last ORDER BY day, currency"
    )
    bound = {"first": first, "last": last}
    return read_published(folder, first, last, lambda opened: rows_of(opened, query, bound))
