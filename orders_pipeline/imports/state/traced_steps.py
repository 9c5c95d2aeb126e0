"""The steps of an import as spans of its trace, if there is a collector."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, select

from orders_pipeline.base.telemetry.recorder import Attributes
from orders_pipeline.base.telemetry.tracing import recorder
from orders_pipeline.imports.import_row import Import, import_id
from orders_pipeline.imports.state.step_failures import WHOLE_FILE, Step
from orders_pipeline.lifecycle.traced_charges import import_span
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import imports


@contextmanager
def traced_step(engine: Engine, step: Step, queued_at: float | None = None) -> Iterator[None]:
    """A span for a step of an import, and one before it for the time that its task waited.

    Args:
        queued_at: seconds since 1970; None if the step was not queued.
    """
    records = recorder()
    if records is None:
        yield
        return
    with reading(engine) as connection:
        parent = import_span(engine, import_id(connection, step.key))
    attributes: Attributes = {"orders.import": step.key, "dagster.run_id": step.run_id}
    if step.batch != WHOLE_FILE:
        attributes = {**attributes, "orders.batch": step.batch}
    if queued_at is not None:
        records.add(f"{step.name} waits in the queue", round(queued_at * 1e9), attributes, parent)
    with records.span(step.name, attributes, parent):
        yield


def trace_run_start(engine: Engine, step: Step, created_at: float, queued_at: float) -> None:
    """Adds a span for the time from the creation of a run until its first step was queued.

    Args:
        created_at, queued_at: seconds since 1970.
    """
    if records := recorder():
        with reading(engine) as connection:
            parent = import_span(engine, import_id(connection, step.key))
        attributes: Attributes = {"orders.import": step.key, "dagster.run_id": step.run_id}
        records.add(
            "run starts", round(created_at * 1e9), attributes, parent, ended_ns=round(queued_at * 1e9)
        )


def trace_import(engine: Engine, found: Import, orders: int) -> None:
    """Adds the root span of a finished import, unless it was finished before and reopened since.

    Args:
        orders: the number of orders that entered the store.
    """
    records = recorder()
    if records is None or found.started_at is None or found.settled_at is None:
        return
    with reading(engine) as connection:
        reopened = connection.execute(select(imports.c.reopened_at).where(imports.c.id == found.id)).scalar()
    if reopened is None:
        attributes: Attributes = {
            "orders.import": found.key,
            "orders.profile": found.profile,
            "orders.records": found.records,
            "orders.accepted": orders,
        }
        root = import_span(engine, found.id)
        records.add_root(root, "import", found.started_at * 1_000, found.settled_at * 1_000, attributes)
