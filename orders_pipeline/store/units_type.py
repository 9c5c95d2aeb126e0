"""The type of columns that hold quantities."""

from __future__ import annotations

from sqlalchemy import BigInteger, Dialect
from sqlalchemy.types import TypeDecorator

from orders_pipeline.base.amounts.quantities import Units, stored_units, units_of


class UnitsColumn(TypeDecorator[Units]):
    """Units of goods, stored in 1/1,000 as an integer, so that sums and comparisons in SQL are exact.

    Statements of SQLAlchemy take and return units. Rows that bypass it (`insert_frame`, `chunks_of`, SQL as
    text) hold 1/1,000.
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Units | None, dialect: Dialect) -> int | None:  # noqa: ARG002 SQLAlchemy
        return None if value is None else stored_units(value)

    def process_literal_param(self, value: Units | None, dialect: Dialect) -> str:  # noqa: ARG002 SQLAlchemy
        return "NULL" if value is None else str(stored_units(value))

    def process_result_value(self, value: int | None, dialect: Dialect) -> Units | None:  # noqa: ARG002 SQLAlchemy
        # A sum is NUMERIC on PostgreSQL.
        return None if value is None else units_of(int(value))
