"""The schema `figures` of a PostgreSQL store: the API's numbers, for a role that can read nothing else."""

from __future__ import annotations

import json
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import DBAPIError
from typer.testing import CliRunner

from cli.main import app
from orders_pipeline.figures.published_figures import PublishedFigures
from orders_pipeline.figures.tables import postgresql_schema
from orders_pipeline.figures.tables.definitions import TABLES
from tests.figures import open_home
from tests.made_up.builders import store_orders
from tests.made_up.four_currencies import DECEMBER, order, store_shop
from tests.tool_numbers import assert_says_what_the_api_says

PASSWORD = secrets.token_hex(8)
TYPES = {
    "VARCHAR": "character varying",
    "BIGINT": "bigint",
    "DATE": "date",
    "TIMESTAMP": "timestamp without time zone",
    "BOOLEAN": "boolean",
}


@pytest.fixture
def home(migrated_postgres_url: str, redis_url: str, tmp_path: Path) -> Iterator[PublishedFigures]:
    with open_home(migrated_postgres_url, redis_url, tmp_path / "home" / "warehouse") as figures:
        store_shop(figures.engine)
        publish(figures)
        yield figures


@pytest.fixture
def analyst(home: PublishedFigures, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """URL of a role that `orders figures grant` allowed to read the schema."""
    role = f"analyst_{secrets.token_hex(4)}"
    with home.engine.begin() as connection:
        connection.execute(text(f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'"))
    monkeypatch.setenv("ORDERS_DATABASE_URL", home.engine.url.render_as_string(hide_password=False))
    granted = CliRunner().invoke(app, ["figures", "grant", role, "--json"])
    assert json.loads(granted.stdout) == {"role": role, "schema": "figures", "left_to_run": []}
    yield home.engine.url.set(username=role, password=PASSWORD).render_as_string(hide_password=False)
    with home.engine.begin() as connection:
        connection.execute(text(f"DROP OWNED BY {role}"))
        connection.execute(text(f"DROP ROLE {role}"))


def publish(home: PublishedFigures) -> None:
    home.refresh_dirty_days()
    home.update_tables()


def ask(url: str, query: str) -> list[Any]:
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]
    finally:
        engine.dispose()


def by_psql(url: str, query: str) -> list[list[str]]:
    """Rows that psql prints."""
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    done = subprocess.run(
        ["psql", address, "-At", "-F", "\t", "-c", query], capture_output=True, text=True, check=True
    )
    return [line.split("\t") for line in done.stdout.splitlines()]


def test_a_role_reads_what_the_api_says_and_nothing_else(home: PublishedFigures, analyst: str) -> None:
    assert_says_what_the_api_says(home, lambda query: ask(analyst, query))
    for forbidden in ("SELECT * FROM public.orders", "DELETE FROM figures.daily_kpis", "CREATE TABLE a ()"):
        with pytest.raises(DBAPIError, match=r"permission denied|read-only"):
            ask(analyst, forbidden)
    assert by_psql(analyst, "SHOW statement_timeout") == [["1min"]]
    store_orders(home.engine, [order("late", DECEMBER)])
    publish(home)
    assert_says_what_the_api_says(home, lambda query: ask(analyst, query))
    with home.engine.begin() as connection:
        postgresql_schema.drop_tables(connection)
    publish(home)
    counted = "SELECT currency, sum(order_count) FROM daily_kpis GROUP BY currency ORDER BY currency"
    assert by_psql(analyst, counted) == [["EUR", "1"], ["JPY", "1"], ["KWD", "1"], ["USD", "5"]]


def test_tables_and_columns_are_those_of_the_data_dictionary(home: PublishedFigures) -> None:
    url = home.engine.url.render_as_string(hide_password=False)
    columns = (
        "SELECT column_name, data_type, numeric_precision, numeric_scale FROM information_schema.columns"
        " WHERE table_schema = 'figures'"
    )
    for table in TABLES:
        found = ask(url, f"{columns} AND table_name = '{table.name}' ORDER BY ordinal_position")
        shown = [
            (name, f"DECIMAL({precision}, {scale})" if kind == "numeric" else kind)
            for name, kind, precision, scale in found
        ]
        wanted = [(name, TYPES.get(kind.sql_type, kind.sql_type)) for name, kind in table.kinds]
        assert shown == wanted, table.name


def test_a_reader_whose_query_runs_holds_up_no_publication(
    home: PublishedFigures, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_schema, "LOCK_TIMEOUT", "100ms")
    monkeypatch.setattr(postgresql_schema, "VERSION", "another")
    with home.engine.connect() as reader:
        reader.execute(text("SELECT * FROM figures.about")).all()
        store_orders(home.engine, [order("late", DECEMBER)])
        publish(home)
    assert "could not be brought up to date" in caplog.text
    publish(home)
    url = home.engine.url.render_as_string(hide_password=False)
    assert ask(url, "SELECT version FROM figures.about") == [("another",)]
    assert_says_what_the_api_says(home, lambda query: ask(url + "?options=-csearch_path%3Dfigures", query))


def test_only_a_store_and_a_role_that_exist_are_granted(
    home: PublishedFigures, monkeypatch: pytest.MonkeyPatch
) -> None:
    def code() -> str:
        done = CliRunner().invoke(app, ["figures", "grant", "nobody_of_this_name", "--json"])
        return str(json.loads(done.stdout)["error"]["code"])

    assert code() == "not_postgresql"
    monkeypatch.setenv("ORDERS_DATABASE_URL", home.engine.url.render_as_string(hide_password=False))
    assert code() == "unknown_role"
    printed = CliRunner().invoke(app, ["figures", "schema"]).stdout
    with home.engine.begin() as connection:
        postgresql_schema.drop_tables(connection)
        connection.exec_driver_sql(printed.replace("%", "%%"))
        made = connection.execute(text("SELECT 'figures.orders'::regclass::oid")).scalar_one()
    # A schema that an administrator created with these statements is filled, not replaced.
    publish(home)
    url = home.engine.url.render_as_string(hide_password=False)
    assert ask(url, "SELECT 'figures.orders'::regclass::oid") == [(made,)]
    assert ask(url, "SELECT count(*) FROM figures.daily_kpis WHERE currency = 'USD'") == [(3,)]
