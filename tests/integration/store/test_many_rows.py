"""Whole frames and thousands of values in one statement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl
import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, create_engine, select

from orders_pipeline.store.statements.bulk import MOST_MARKS, insert_frame
from orders_pipeline.store.statements.many_values import among

NUMBERED = Table("numbered", MetaData(), Column("id", Integer, primary_key=True), Column("name", String))
ROWS_AT_ONCE = MOST_MARKS // 2


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        NUMBERED.create(connection)
        yield connection
    engine.dispose()


def numbered(count: int) -> pl.DataFrame:
    return pl.DataFrame({"id": range(count), "name": [f"n{number}" for number in range(count)]})


@pytest.mark.parametrize("count", [1, ROWS_AT_ONCE - 1, ROWS_AT_ONCE, 3 * ROWS_AT_ONCE + 7])
def test_every_row_of_a_frame_is_inserted_however_many_fit_into_a_statement(
    connection: Connection, count: int
) -> None:
    insert_frame(connection, NUMBERED, numbered(count))
    rows = connection.execute(select(NUMBERED).order_by(NUMBERED.c.id)).all()
    assert [tuple(row) for row in rows] == numbered(count).rows()


def test_rows_that_exist_are_left_alone_among_many_new_ones(connection: Connection) -> None:
    kept = pl.DataFrame({"id": [5, ROWS_AT_ONCE + 1], "name": ["first", "second"]})
    insert_frame(connection, NUMBERED, kept)
    insert_frame(connection, NUMBERED, numbered(ROWS_AT_ONCE + 3), "ON CONFLICT (id) DO NOTHING")
    names: dict[int, str] = dict(connection.execute(select(NUMBERED.c.id, NUMBERED.c.name)).all())
    assert len(names) == ROWS_AT_ONCE + 3
    assert (names[5], names[6], names[ROWS_AT_ONCE + 1]) == ("first", "n6", "second")


@pytest.mark.parametrize("values", [[], [3], [4, 2, 3], [2, 4], [2, 2, 4], [0, 9, 5]])
def test_rows_with_one_of_many_numbers_are_found_whether_or_not_the_numbers_are_a_range(
    connection: Connection, values: Sequence[int]
) -> None:
    insert_frame(connection, NUMBERED, numbered(10))
    query = select(NUMBERED.c.id).where(among(connection, NUMBERED.c.id, values))
    assert set(connection.scalars(query)) == set(values)


@pytest.mark.parametrize("count", [1, 2, MOST_MARKS, MOST_MARKS + 3])
def test_a_value_that_all_rows_have_is_inserted_with_each_of_them(connection: Connection, count: int) -> None:
    frame = pl.DataFrame({"id": range(count)}).with_columns(name=pl.lit("it's ?1"))
    insert_frame(connection, NUMBERED, frame)
    assert connection.execute(select(NUMBERED).order_by(NUMBERED.c.id)).all() == frame.rows()


def test_a_value_that_no_row_has_is_null_in_each_of_them(connection: Connection) -> None:
    insert_frame(
        connection,
        NUMBERED,
        pl.DataFrame({"id": [1, 2], "name": [None, None]}, {"id": pl.Int64, "name": pl.String}),
    )
    assert list(connection.scalars(select(NUMBERED.c.name))) == [None, None]
