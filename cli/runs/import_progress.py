"""A progress bar for each stage of a running import, with rate and remaining time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from cli.output import progress as console
from orders_pipeline.base.meanwhile import meanwhile
from orders_pipeline.imports.import_row import Import
from orders_pipeline.imports.state.progress import progress_of
from orders_pipeline.store.engine import reading

POLL_SECONDS = 0.3
STAGES = ("loaded", "reserved", "charged", "settled")


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f}/s" if speed else "", style="progress.data.speed")


@contextmanager
def showing_progress(engine: Engine, running: Import) -> Iterator[None]:
    """Shows the progress of an import while the context lasts, if stderr is a terminal."""
    if not console.is_terminal:
        yield
        return
    with _bars() as bars:
        tasks = {stage: bars.add_task(f"{running.file_name}: {stage}", total=None) for stage in STAGES}
        with meanwhile(partial(_watch, engine, running.id, bars, tasks)):
            yield


def _bars() -> Progress:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=console)


def _watch(
    engine: Engine, import_id: int, bars: Progress, tasks: dict[str, TaskID], ended: threading.Event
) -> None:
    while True:
        last_look = ended.wait(POLL_SECONDS)
        _update(engine, import_id, bars, tasks)
        if last_look:
            return


def _update(engine: Engine, import_id: int, bars: Progress, tasks: dict[str, TaskID]) -> None:
    try:
        with reading(engine) as connection:
            seen = progress_of(connection, import_id)
    except OperationalError:
        return
    for stage, task in tasks.items():
        bars.update(task, total=seen.orders or None, completed=getattr(seen, stage))
