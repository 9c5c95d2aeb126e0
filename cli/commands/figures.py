"""`orders figures`: access of other tools to the figures on PostgreSQL."""

from __future__ import annotations

from typing import Annotated

import typer
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from cli.context import actor, open_store
from cli.failure import CommandFailed
from cli.output import JsonOption, command, emit, page
from orders_pipeline.access.audit import record_action
from orders_pipeline.base.settings import load_settings
from orders_pipeline.figures.tables import postgresql_schema
from orders_pipeline.figures.tables.postgresql_schema import SCHEMA


@command
def grant(
    role: Annotated[str, typer.Argument(help="Name of a role of the PostgreSQL server.")],
    as_json: JsonOption = False,
) -> None:
    """Let a PostgreSQL role read the schema `figures`, and nothing else. Bounds its queries, if possible."""
    settings = load_settings()
    with open_store(settings) as engine:
        _require_postgresql(engine)
        with engine.begin() as connection:
            _require_role(connection, role)
            try:
                postgresql_schema.ensure_schema(connection)
                postgresql_schema.grant(connection, role)
            except DBAPIError as error:
                raise CommandFailed(
                    "not_granted",
                    f"The store's role may not do this: {error.orig}".strip(),
                    "Let the database's owner run the statements of `orders figures schema`.",
                ) from None
            record_action(connection, actor(), "figures.grant", role)
        postgresql_schema.publish(engine, settings.warehouse)
        left = _bound(engine, role)
    if as_json:
        emit({"role": role, "schema": SCHEMA, "left_to_run": left})
        return
    page.print(f"{role} may read the schema {SCHEMA}.", highlight=False, markup=False)
    if left:
        page.print("Let an administrator of the server bound its queries:", highlight=False)
        page.print("\n".join(f"{statement};" for statement in left), highlight=False, markup=False)


@command
def schema(as_json: JsonOption = False) -> None:
    """Print the statements that create the schema `figures`, for a role that may create it."""
    statements = [f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}", *postgresql_schema.statements()]
    if as_json:
        emit({"statements": statements})
    else:
        typer.echo("".join(f"{statement.strip()};\n" for statement in statements), nl=False)


def _require_postgresql(engine: Engine) -> None:
    if engine.dialect.name != "postgresql":
        raise CommandFailed(
            "not_postgresql",
            "The order store is SQLite, which has no roles.",
            "Other tools read ORDERS_HOME/warehouse/figures.duckdb (docs/tools.md).",
        )


def _require_role(connection: Connection, role: str) -> None:
    found = connection.execute(text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": role})
    if found.first() is None:
        raise CommandFailed(
            "unknown_role",
            f"The server has no role {role!r}.",
            "Create it first, such as: CREATE ROLE analyst LOGIN PASSWORD '...'.",
        )


def _bound(engine: Engine, role: str) -> list[str]:
    """Sets time limits for the role's queries. Returns the statements for which privileges are missing."""
    with engine.connect() as connection:
        statements = list(postgresql_schema.reader_settings(connection, role))
    try:
        with engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement.replace("%", "%%"))
    except DBAPIError:
        return statements
    return []


def register(app: typer.Typer) -> None:
    """Adds these commands."""
    figures = typer.Typer(help="Figures for other tools, on PostgreSQL.", no_args_is_help=True)
    figures.command("grant")(grant)
    figures.command("schema")(schema)
    app.add_typer(figures, name="figures")
