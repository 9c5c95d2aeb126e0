"""A broker message that would run code when unpickled, in the queue of a real worker."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

import pytest
from kombu import Producer

from cli.stack.stack import running_workers
from jobs.celery_app import build_app
from orders_pipeline.base.settings import Settings

ANSWERED_WITHIN_SECONDS = 120


class Trap:
    """Creates a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self._folder),)


@pytest.mark.parametrize("broker", ["redis", "rabbitmq"])
def test_a_pickled_message_is_thrown_away_unread_and_the_worker_goes_on(
    broker: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = str(request.getfixturevalue("rabbitmq_url")) if broker == "rabbitmq" else ""
    settings = Settings(home=tmp_path / "home", broker_url=url, worker_processes=1)
    trap = tmp_path / "sprung"
    with running_workers(settings):
        app = build_app(settings)
        headers = {"task": "execute_plan", "id": str(uuid.uuid4()), "lang": "py"}
        with app.connection_for_write() as connection:
            producer = Producer(connection.default_channel, serializer="pickle")
            producer.publish(([], {"trap": Trap(trap)}, {}), routing_key="orders", headers=headers)
        # Queues are processed in order, so a task after the message is answered after it.
        answer = app.send_task("no such task", queue="orders")
        assert type(answer.get(timeout=ANSWERED_WITHIN_SECONDS, propagate=False)).__name__ == "NotRegistered"
    assert not trap.exists()
