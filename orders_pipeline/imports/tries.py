"""Limits how often a batch may kill its worker."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import ColumnElement, Engine, case, literal, update

from orders_pipeline.lifecycle.batch import BatchKey
from orders_pipeline.store.schema import batches

# Redelivered twins count too while they work, so a few tries are no sign of a poison batch.
MOST_TRIES = 8


class PoisonBatchError(RuntimeError):
    """Every try at a batch killed its worker."""


@contextmanager
def counted_try(engine: Engine, key: BatchKey) -> Iterator[None]:
    """Counts a try at a step of a batch. A try stays counted only if its process died, until a step succeeds.

    Raises:
        PoisonBatchError: the limit is reached.
    """
    tries = _set_tries(engine, key, batches.c.tries + 1)
    try:
        if tries > MOST_TRIES:
            raise PoisonBatchError(
                f"batch {key.number} killed its worker {MOST_TRIES} times; see the worker's log, "
                "then import the file again"
            )
        yield
    except Exception:
        _set_tries(engine, key, case((batches.c.tries > 0, batches.c.tries - 1), else_=0))
        raise
    # Reset, not decremented: steps that run side by side would decrement twice.
    _set_tries(engine, key, literal(0))


def _set_tries(engine: Engine, key: BatchKey, tries: ColumnElement[int]) -> int:
    statement = update(batches).where(key.row).values(tries=tries).returning(batches.c.tries)
    with engine.begin() as connection:
        return int(connection.execute(statement).scalar_one())
