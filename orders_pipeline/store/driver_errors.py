"""Errors of the store's driver. This package removes the rows from them, so that no log contains the data.

PostgreSQL repeats the row that it refused, or the line of a COPY that it read last, and SQLAlchemy adds the
statement. Each error is therefore cut to its class and first line as soon as it is raised.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, ExceptionContext, event
from sqlalchemy.exc import DBAPIError, StatementError

from orders_pipeline.base.telemetry.stack_trace import message_of


def cut_errors(engine: Engine) -> None:
    """Cuts every error that this engine raises."""
    event.listen(engine, "handle_error", _cut)


@contextmanager
def driver_errors(connection: Connection) -> Iterator[None]:
    """Turns errors of a driver that is used directly into those that SQLAlchemy raises, cut as well."""
    dialect = connection.dialect
    of_driver: type[Exception] = dialect.loaded_dbapi.Error
    try:
        yield
    except of_driver as error:
        _cut_message(error)
        raised = DBAPIError.instance(None, None, error, of_driver, dialect=dialect)
        _cut_statement(raised)
        raise raised from None


def _cut(context: ExceptionContext) -> None:
    if context.sqlalchemy_exception is None:
        return
    _cut_message(context.original_exception)
    _cut_statement(context.sqlalchemy_exception)


def _cut_message(error: BaseException) -> None:
    error.args = (message_of(error),)


def _cut_statement(error: StatementError) -> None:
    kind: type[Any] = type(error.orig)
    error.args = (f"({kind.__module__}.{kind.__name__}) {error.orig}",)
    error.statement = error.params = error.code = None
