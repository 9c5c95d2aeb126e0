"""The settings of the real Celery app, with a task that records its arguments in order."""

from __future__ import annotations

from pathlib import Path

from jobs.workers.celery_settings import step_app
from orders_pipeline.base.settings import load_settings

app = step_app(load_settings())


@app.task(name="note")
def note(text: str, file: str) -> None:
    """Adds a line to a file."""
    with Path(file).open("a") as lines:
        lines.write(f"{text}\n")
