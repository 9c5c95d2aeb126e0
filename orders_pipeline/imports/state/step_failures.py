"""Failed steps of imports: the error of the last try, kept until the step succeeds."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, delete, exists, select
from sqlalchemy.exc import SQLAlchemyError

from orders_pipeline.base.clock import now_us
from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.base.telemetry.stack_trace import message_of, stack_trace
from orders_pipeline.imports.arrival.intake import IntakePausedError
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import imports, step_failures
from orders_pipeline.store.statements.upsert import insert_into

WHOLE_FILE = 0
log = logging.getLogger(__name__)
# The import itself records these.
NO_BREAKAGE = (FileRefused, IntakePausedError)


@dataclass(frozen=True, slots=True)
class Step:
    """A step of an import in a run; `batch` is 0 where it works on the whole file."""

    key: str
    name: str
    run_id: str
    batch: int = WHOLE_FILE


@contextmanager
def noting_failures(engine: Engine, step: Step, *, first_try: bool = False) -> Iterator[None]:
    """Stores the error of a step that fails, and removes the stored error of one that succeeds.

    Args:
        first_try: whether the step cannot have failed before, so there is no error to remove.
    """
    try:
        yield
    except NO_BREAKAGE:
        raise
    except Exception as error:
        _note(engine, step, error)
        raise
    if not first_try:
        _forget(engine, step)


def _note(engine: Engine, step: Step, error: Exception) -> None:
    try:
        with engine.begin() as connection:
            _keep(connection, step, error)
    except SQLAlchemyError as trouble:
        # The step's own error matters more, and is often the same.
        log.warning("the failure of %s could not be stored: %s", step.name, trouble)


def _keep(connection: Connection, step: Step, error: Exception) -> None:
    import_id = connection.execute(
        select(imports.c.id).where(imports.c.partition_key == step.key)
    ).scalar_one_or_none()
    if import_id is None:
        return
    said = {
        "run_id": step.run_id,
        "error": type(error).__name__,
        "message": message_of(error),
        "trace": stack_trace(error),
        "failed_at": now_us(),
    }
    new = insert_into(connection, step_failures).values(
        import_id=import_id, batch=step.batch, step=step.name, attempts=1, **said
    )
    keys = [column.name for column in step_failures.primary_key]
    again = {"attempts": step_failures.c.attempts + 1, **said}
    connection.execute(new.on_conflict_do_update(index_elements=keys, set_=again))


def _forget(engine: Engine, step: Step) -> None:
    of_import = select(imports.c.id).where(imports.c.partition_key == step.key).scalar_subquery()
    this = (
        (step_failures.c.import_id == of_import)
        & (step_failures.c.batch == step.batch)
        & (step_failures.c.step == step.name)
    )
    # Most steps never failed. Reading first keeps them from waiting for SQLite's one writer.
    with reading(engine) as connection:
        failed_before = connection.execute(select(exists().where(this))).scalar_one()
    if failed_before:
        with engine.begin() as connection:
            connection.execute(delete(step_failures).where(this))
