"""Caps how often a batch may take its worker down with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import ColumnElement, Engine, case, literal, update

from orders_pipeline.lifecycle.batch import BatchKey
from orders_pipeline.store.schema import batches

# Twins at work at the same time count as well: a few of them are no deaths.
MOST_TRIES = 8


class PoisonBatchError(RuntimeError):
    """Every try at a batch ended with the death of its worker."""


@contextmanager
def counted_try(engine: Engine, key: BatchKey) -> Iterator[None]:
    """Counts a try at a step of a batch; only one whose process died stays counted, until a step ends well.

    Raises:
        PoisonBatchError: too many such tries have been made.
    """
    tries = _set_tries(engine, key, batches.c.tries + 1)
    try:
        if tries > MOST_TRIES:
            raise PoisonBatchError(
                f"batch {key.number} took its worker down {MOST_TRIES} times; see the worker's log, "
                "then import the file again"
            )
        yield
    except Exception:
        _set_tries(engine, key, case((batches.c.tries > 0, batches.c.tries - 1), else_=0))
        raise
    # Not minus what was counted at the start: steps side by side would take it off twice.
    _set_tries(engine, key, literal(0))


def _set_tries(engine: Engine, key: BatchKey, tries: ColumnElement[int]) -> int:
    statement = update(batches).where(key.row).values(tries=tries).returning(batches.c.tries)
    with engine.begin() as connection:
        return int(connection.execute(statement).scalar_one())
