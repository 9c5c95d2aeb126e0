"""The real Celery app's settings with a task that notes what it was given, in the order of the work."""

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
