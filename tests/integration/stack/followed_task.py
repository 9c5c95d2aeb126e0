"""A task that a test follows: it reports its start, and ends when the test releases it."""

from __future__ import annotations

from pathlib import Path

from celery import Celery

from orders_pipeline.base.settings import Settings
from orders_pipeline.services.redis_server import broker_url
from tests.waiting import eventually


class Task:
    """A task that has started on the home's worker and ends when it is released."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.started, self._release, self.done = (folder / name for name in ("started", "release", "done"))
        with Celery(broker=broker_url(settings), set_as_current=False) as app:
            files = [str(file) for file in (self.started, self._release, self.done)]
            app.send_task("wait_for_file", files, queue="orders")
        eventually(self.started.exists)

    def release(self) -> None:
        self._release.touch()
