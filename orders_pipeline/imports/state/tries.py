"""Limits how often a batch, or the parsing of a file, may kill its worker."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Engine, case, literal, update

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.imports.import_row import Import
from orders_pipeline.lifecycle.batch import BatchKey
from orders_pipeline.store.schema import batches, imports

# A task that was delivered twice counts twice while both run, so a few tries do not prove a poison batch.
MOST_TRIES = 8


class PoisonBatchError(RuntimeError):
    """Every try at a batch killed its worker."""


@contextmanager
def counted_try(engine: Engine, key: BatchKey) -> Iterator[None]:
    """Counts a try at a step of a batch. A try stays counted only if its process died, until a step succeeds.

    Raises:
        PoisonBatchError: the limit is reached.
    """
    tries = _Tries(engine, batches.c.tries, key.row)
    with tries.counted() as count:
        if count > MOST_TRIES:
            raise PoisonBatchError(
                f"batch {key.number} killed its worker {MOST_TRIES} times; see the worker's log, "
                "then import the file again"
            )
        yield


@contextmanager
def counted_parsing(engine: Engine, found: Import) -> Iterator[None]:
    """Counts a try at parsing a file, in the same way.

    Raises:
        FileRefused: the limit is reached.
    """
    tries = _Tries(engine, imports.c.tries, imports.c.id == found.id)
    with tries.counted() as count:
        if count > MOST_TRIES:
            raise FileRefused(
                "kills_worker",
                f"Parsing {found.file_name} killed its worker process {MOST_TRIES} times.",
                "See the worker's log and the memory of the machine, then import the file again.",
            )
        yield


@dataclass(frozen=True, slots=True)
class _Tries:
    """A count of tries in one row."""

    engine: Engine
    column: ColumnElement[int]
    row: ColumnElement[bool]

    @contextmanager
    def counted(self) -> Iterator[int]:
        count = self._set(self.column + 1)
        try:
            yield count
        except Exception:
            self._set(case((self.column > 0, self.column - 1), else_=0))
            raise
        # Reset, not decremented: steps that run side by side would decrement twice.
        self._set(literal(0))

    def _set(self, tries: ColumnElement[int]) -> int:
        table = self.column.table
        statement = update(table).where(self.row).values(tries=tries).returning(self.column)
        with self.engine.begin() as connection:
            return int(connection.execute(statement).scalar_one())
