"""The real Celery app's settings with a task that notes what it was given, in the order of the work."""

from __future__ import annotations

from pathlib import Path

from dagster_celery.make_app import make_app

from jobs.celery_app import celery_settings
from orders_pipeline.base.settings import load_settings
from orders_pipeline.services.redis_server import broker_url, redis_url

settings = load_settings()
app = make_app({"broker": broker_url(settings), "backend": redis_url(settings)})  # type: ignore[no-untyped-call]
app.conf.update(celery_settings(settings))


@app.task(name="note")
def note(text: str, file: str) -> None:
    """Adds a line to a file."""
    with Path(file).open("a") as lines:
        lines.write(f"{text}\n")
